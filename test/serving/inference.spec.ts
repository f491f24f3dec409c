import assert from "node:assert/strict";
import { classifyStep, promote } from "../../lib/learning";
import type { StepContext } from "../../lib/runs";
import { categories, classifications, payments, queue, reviews, type Store } from "../../lib/store";
import { importId, queueId } from "../../lib/values";
import { household } from "../learning/support";
import {
  ask,
  AT,
  BUDGET,
  columnsOf,
  NAME,
  outputsOf,
  saveModel,
  servedStore,
  serverOf,
  type Output,
} from "./support";

const infer = `/models/${NAME}/infer`;

/** Payments after those that the model was trained on, some of shops that it never saw. */
const rows = household(700)
  .slice(600)
  .map((row, i) => (i % 10 === 0 ? { ...row, text: `Unheard of ${i}`, description: "" } : row));

describe("serving: inference", () => {
  let store: Store;
  beforeEach(async () => (store = await servedStore()));
  afterEach(() => store.close());

  it("answers as the classify step does for the same payments", async () => {
    const stored = rows.map((row, i) => ({
      id: row.id,
      source: "test",
      accountId: row.account,
      status: "booked" as const,
      date: row.date,
      amount: row.amount,
      currency: row.currency,
      counterparty: { name: row.text, ...(i % 3 === 0 && { iban: "nl91 abna 0417 1643 00" }) },
      description: row.description,
      ...(row.type && { type: row.type }),
      raw: {},
      fetchedAt: AT,
    }));
    await store.collection(payments).upsertMany(stored);
    await store.collection(queue).upsertMany(
      rows.map((row) => ({
        id: queueId(row.id, BUDGET),
        paymentId: row.id,
        budgetId: BUDGET,
        accountId: row.account,
        state: "new" as const,
        stateSince: AT,
        enqueuedAt: AT,
        date: row.date,
        importId: importId(row.id, BUDGET),
        attempt: 0,
        dueAt: AT,
      })),
    );
    // A person's words since the training, a hidden category and one that is gone count for both.
    await store.collection(reviews).upsertMany(
      stored.slice(0, 8).map((payment, i) => ({
        id: queueId(payment.id, BUDGET),
        paymentId: payment.id,
        budgetId: BUDGET,
        at: `2024-06-02T00:00:0${i}.000Z`,
        chosenCategoryId: i % 2 === 0 ? "fun" : "things",
      })),
    );
    for (const [id, change] of [
      ["energy", { hidden: true }],
      ["health", { deleted: true }],
    ] as const)
      await store
        .collection(categories)
        .upsertMany([{ ...(await store.collection(categories).get(id))!, ...change }]);
    const context = {
      store,
      runId: "run:1",
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
      emit: async () => undefined,
      now: () => AT,
    } as unknown as StepContext;
    await classifyStep(context, { budgetId: BUDGET, policy: "review" });
    const counterparty = {
      name: "counterparty_account",
      datatype: "BYTES",
      shape: [rows.length],
      data: stored.map(({ counterparty: { iban } }) => iban ?? ""),
    };
    const { status, body } = await ask(serverOf(store), infer, {
      body: { inputs: [...columnsOf(rows), counterparty] },
    });
    assert.equal(status, 200, JSON.stringify(body));
    const got = outputsOf(body);
    const paths = new Set<unknown>();
    for (const [at, { id }] of rows.entries()) {
      const written = (await store.collection(classifications).get(`${id}|${BUDGET}|1`))!;
      const answered = ["category", "confidence", "path"].map((name) => got[name]![at]);
      assert.deepEqual(answered, [written.categoryId ?? "", written.confidence, written.path], id);
      assert.equal(got["abstained"]![at], written.path === "abstain");
      assert.equal(got["category_name"]![at], (written.categoryId ?? "").toUpperCase());
      const top = got["top"]!.slice(at * 3, at * 3 + 3).filter((category) => category !== "");
      assert.deepEqual(
        top,
        written.top.map(({ categoryId }) => categoryId),
      );
      assert.deepEqual(
        got["top_confidence"]!.slice(at * 3, at * 3 + top.length),
        written.top.map(({ confidence }) => confidence),
      );
      // A payment is never the reason for itself; a row that is sent in has no id by which that could be told.
      if (at >= 8) assert.equal(got["reason"]![at], written.reason);
      paths.add(written.path);
    }
    assert.ok(paths.has("abstain") && paths.size > 1, `both kinds of answers: ${[...paths].join()}`);
  });

  it("answers the outputs that are asked for, in their order, and gives the id back", async () => {
    const inputs = columnsOf(rows.slice(0, 4));
    const outputs = [{ name: "confidence" }, { name: "top", parameters: { k: 2 } }];
    const { body } = await ask(serverOf(store), infer, { body: { id: "42", inputs, outputs } });
    const answer = body as { id: string; model_name: string; model_version: string; outputs: Output[] };
    assert.deepEqual([answer.id, answer.model_name, answer.model_version], ["42", NAME, "1"]);
    assert.deepEqual(
      answer.outputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, data.length]),
      [
        ["confidence", "FP64", [4], 4],
        ["top", "BYTES", [4, 2], 8],
      ],
    );
    assert.ok(!("id" in (await ask(serverOf(store), infer, { body: { inputs, outputs } })).body));
  });

  it("takes a single text, no rows at all, and columns in either shape", async () => {
    const one = (shape: number[], data: unknown[]) =>
      ask(serverOf(store), infer, { body: { inputs: [{ name: "text", datatype: "BYTES", shape, data }] } });
    for (const answer of [
      await one([1], ["JUMBO"]),
      await one([1, 1], ["JUMBO"]),
      await one([1, 1], [["JUMBO"]]),
    ]) {
      assert.equal(answer.status, 200);
      assert.equal(outputsOf(answer.body)["top"]![0], "groceries");
    }
    const none = await one([0], []);
    assert.deepEqual([none.status, outputsOf(none.body)["category"]], [200, []]);
  });

  it("serves a promotion with the next request, a review a moment later, and versions by name", async () => {
    const server = serverOf(store);
    const inputs = columnsOf(rows.slice(0, 2));
    const versionOf = async (path: string) =>
      ((await ask(server, path, { body: { inputs } })).body as { model_version: string }).model_version;
    assert.equal(await versionOf(infer), "1");
    await saveModel(store, "2");
    assert.equal(await versionOf(infer), "1");
    await promote(store, NAME, "2", AT, "better");
    assert.equal(await versionOf(infer), "2");
    for (const [wanted, version] of [
      ["production", "2"],
      ["previous", "1"],
      ["1", "1"],
      ["2", "2"],
    ] as const)
      assert.equal(await versionOf(`/models/${NAME}/versions/${wanted}/infer`), version);
    const { status } = await ask(server, `/models/${NAME}/versions/candidate/infer`, { body: { inputs } });
    assert.equal(status, 404);

    const before = outputsOf((await ask(server, infer, { body: { inputs } })).body);
    const { label: _label, ...row } = rows[0]!;
    for (let i = 0; i < 6; i++) {
      const id = `test:again${i}`;
      const { text, account, ...facts } = row;
      const payment = { ...facts, id, source: "test", accountId: account, status: "booked" as const };
      await store
        .collection(payments)
        .upsertMany([{ ...payment, counterparty: { name: text }, raw: {}, fetchedAt: AT }]);
      const about = { paymentId: id, budgetId: BUDGET, chosenCategoryId: "energy" };
      await store
        .collection(reviews)
        .upsertMany([{ ...about, id: queueId(id, BUDGET), at: `2024-06-03T00:00:0${i}.000Z` }]);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = outputsOf((await ask(server, infer, { body: { inputs } })).body);
    assert.notEqual(before["top"]![0], "energy");
    assert.equal(after["top"]![0], "energy");
  });

  it("promotes while many ask: each answer is of one version, and none fails", async () => {
    const server = serverOf(store);
    await saveModel(store, "2");
    const inputs = columnsOf(rows);
    const answers: string[] = [];
    const asking = Array.from({ length: 6 }, async () => {
      for (let i = 0; i < 8; i++) {
        const { status, body } = await ask(server, infer, { body: { inputs } });
        assert.equal(status, 200);
        answers.push((body as { model_version: string }).model_version);
      }
    });
    await promote(store, NAME, "2", AT, "better");
    const { body } = await ask(server, infer, { body: { inputs } });
    assert.equal((body as { model_version: string }).model_version, "2");
    await Promise.all(asking);
    assert.equal(answers.length, 48);
    assert.equal(answers.at(-1), "2");
    assert.ok(answers.every((version) => ["1", "2"].includes(version)));
  });

  it("serves a promotion by another process a quarter of a second later", async () => {
    const server = serverOf(store);
    const inputs = columnsOf(rows.slice(0, 1));
    await saveModel(store, "2");
    const versionNow = async () =>
      ((await ask(server, infer, { body: { inputs } })).body as { model_version: string }).model_version;
    assert.equal(await versionNow(), "1");
    // The store as another process has it open.
    const elsewhere = { collection: store.collection.bind(store) } as Store;
    await promote(elsewhere, NAME, "2", AT, "better");
    const until = Date.now() + 10_000;
    while ((await versionNow()) !== "2") assert.ok(Date.now() < until, "the promotion is never seen");
  });

  it("reads the model document at most once for a request, and not again within a moment", async () => {
    let reads = 0;
    const counted: Store = {
      ...store,
      collection: ((def: { name: string }) => {
        if (def.name === "models") reads++;
        return store.collection(def as never);
      }) as unknown as Store["collection"],
    };
    const server = serverOf(counted);
    const inputs = columnsOf(rows.slice(0, 1));
    await ask(server, infer, { body: { inputs } });
    assert.equal(reads, 1);
    await Promise.all(Array.from({ length: 20 }, () => ask(server, infer, { body: { inputs } })));
    assert.ok(reads <= 5, `${reads} reads for 21 requests`);
    reads = 0;
    assert.equal((await ask(server, `/models/${NAME}/versions/1/infer`, { body: { inputs } })).status, 200);
    assert.equal(reads, 1);
  });

  it("lets the event loop turn while it answers 10,000 payments", async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => rows[i % rows.length]!);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    try {
      const { status, body } = await ask(serverOf(store), infer, { body: { inputs: columnsOf(many) } });
      assert.equal(status, 200);
      assert.equal(outputsOf(body)["reason"]!.length, 10_000);
    } finally {
      clearInterval(counting);
    }
    assert.ok(turns > 20, `the loop turned ${turns} times`);
  });

  it("stops in the middle when the caller goes away or the server is stopped", async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => rows[i % rows.length]!);
    const gone = await ask(serverOf(store), infer, { body: { inputs: columnsOf(many) }, isGone: () => true });
    assert.equal(gone.status, 503);
    const server = serverOf(store);
    const answer = ask(server, infer, { body: { inputs: columnsOf(many) } });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await server.stop();
    assert.equal((await answer).status, 503);
    assert.equal((await ask(server, infer, { body: { inputs: columnsOf(rows) } })).status, 503);
  });
});
