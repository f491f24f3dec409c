import assert from "node:assert/strict";
import {
  classifyStep,
  compareVersions,
  liveModel,
  modelName,
  promote,
  promoteByShadow,
  releaseModel,
  resolveAlias,
  retainShadows,
  rollback,
  setCandidate,
  shadowReports,
  trainStep,
  trainWhen,
  versionRows,
} from "../../lib/learning";
import {
  artifactChunks,
  classifications,
  matches,
  modelVersions,
  payments,
  queue,
  reviews,
  shadows,
  transactions,
  type Store,
} from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { queueId } from "../../lib/values";
import { AT, BUDGET, contextOf, fill, itemOf, paymentOf } from "./filled";
import { household } from "./support";

const NAME = modelName(BUDGET);
type Rows = ReturnType<typeof household>;

describe("learning: the shadow of a candidate", () => {
  let store: Store;
  let waiting: Rows;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    waiting = await fill(store);
  });
  afterEach(() => store.close());

  /** Two versions of the same labels: the second differs by its seed alone, and has too little to compare on. */
  async function two(): Promise<{ production: string; candidate: string }> {
    const first = await trainStep(contextOf(store), { budgetId: BUDGET });
    const second = await trainStep(contextOf(store), { budgetId: BUDGET, seed: 2 });
    assert.equal(second.gate?.verdict, "nothing-to-compare");
    assert.notEqual(first.version, second.version);
    assert.deepEqual(
      [await resolveAlias(store, NAME, "production"), await resolveAlias(store, NAME, "candidate")],
      [first.version, second.version],
    );
    return { production: first.version, candidate: second.version };
  }

  const classify = (ctx = contextOf(store)) => classifyStep(ctx, { budgetId: BUDGET, policy: "review" });

  /** People approve these in the budget, with these categories. */
  async function approve(rows: Rows, label = (row: Rows[number]) => row.label): Promise<void> {
    await store.collection(transactions).upsertMany(
      rows.map((row) => ({
        id: `ynab:${row.id}`,
        budgetId: BUDGET,
        accountId: "ynab:a",
        date: row.date,
        amount: row.amount,
        currency: "EUR",
        categoryId: label(row),
        approved: true,
        deleted: false,
      })),
    );
    await store.collection(matches).upsertMany(
      rows.map((row) => ({
        id: `ynab:${row.id}`,
        budgetId: BUDGET,
        paymentId: row.id,
        rule: "import-id" as const,
        confidence: 1,
        reason: "",
      })),
    );
  }

  it("keeps what both said of live payments, and counts who was right once people have spoken", async () => {
    const { production, candidate } = await two();
    const { counts, modelVersion } = await classify();
    assert.equal(modelVersion, production);
    // All but the transfer, which no model decides.
    assert.equal(counts["shadow"], 59);
    for await (const outcome of store.collection(shadows).scan({ index: "id" })) {
      const said = (await store
        .collection(classifications)
        .get(`${outcome.paymentId}|${BUDGET}|${production}`))!;
      assert.deepEqual(
        [outcome.production.categoryId, outcome.production.confidence, outcome.production.answered],
        [said.top[0]!.categoryId, said.top[0]!.confidence, said.path === "model"],
      );
    }
    const [before] = await shadowReports(store, BUDGET, candidate);
    assert.deepEqual([before!.against, before!.payments, before!.labelled.payments], [production, 59, 0]);
    assert.equal(before!.labelled.interval, undefined);

    // One is a person's word in review only, and one is corrected in the budget after that.
    const [, reviewed, corrected, ...rest] = waiting;
    const review = (row: Rows[number], chosenCategoryId: string) => ({
      id: queueId(row.id, BUDGET),
      paymentId: row.id,
      budgetId: BUDGET,
      at: AT,
      chosenCategoryId,
    });
    await store
      .collection(reviews)
      .upsertMany([review(reviewed!, "nobody's guess"), review(corrected!, "nobody's guess")]);
    await approve([corrected!, ...rest.slice(0, 28)]);
    const [after] = await shadowReports(store, BUDGET, candidate);
    assert.equal(after!.labelled.payments, 30);
    const guesses = new Map<string, [string, string]>();
    for await (const one of store.collection(shadows).scan({ index: "id" }))
      guesses.set(one.paymentId, [one.candidate.categoryId, one.production.categoryId]);
    const labelled = [corrected!, ...rest.slice(0, 28)];
    const right = (side: 0 | 1) => labelled.filter((row) => guesses.get(row.id)![side] === row.label).length;
    assert.deepEqual([after!.labelled.candidateRight, after!.labelled.productionRight], [right(0), right(1)]);
    assert.ok(after!.labelled.interval!.low <= 0 && after!.labelled.interval!.high >= 0);
    const compared = await compareVersions(store, BUDGET, "candidate", "production");
    assert.deepEqual(compared.shadow, after);
    assert.match(compared.text, /On 59 live payments they agreed on \d+\. Of 30 that people/);
    assert.deepEqual((await versionRows(store, BUDGET)).map(({ aliases }) => aliases).sort(), [
      ["candidate"],
      ["production"],
    ]);
  });

  it("asks once about each payment, and not about those whose label is known", async () => {
    const { candidate } = await two();
    const [, first, second] = waiting;
    await approve([first!]);
    await store.collection(reviews).upsertMany([
      {
        id: queueId(second!.id, BUDGET),
        paymentId: second!.id,
        budgetId: BUDGET,
        at: AT,
        chosenCategoryId: "fun",
      },
    ]);
    assert.equal((await classify()).counts["shadow"], 57);
    const items = await store.collection(queue).getMany(waiting.map(({ id }) => queueId(id, BUDGET)));
    await store.collection(queue).upsertMany(items.map((item) => ({ ...item, state: "new" as const })));
    assert.equal((await classify()).counts["shadow"], undefined);
    assert.equal((await shadowReports(store, BUDGET, candidate))[0]!.payments, 57);
  });

  it("holds up nothing: the same decisions with a candidate that is damaged, told once", async () => {
    const { candidate, production } = await two();
    const open = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(open);
    await trainStep(contextOf(open), { budgetId: BUDGET });
    await classifyStep(contextOf(open), { budgetId: BUDGET, policy: "review" });

    releaseModel(store, BUDGET);
    await store.collection(artifactChunks).deleteMany([`${NAME}@${candidate}#000000`]);
    const told: string[] = [];
    const ctx = { ...contextOf(store), log: (_level: string, text: string) => void told.push(text) };
    const { counts } = await classify(ctx);
    assert.deepEqual([counts["seen"], counts["shadow"]], [60, undefined]);
    await store.collection(queue).upsertMany([itemOf(paymentOf(waiting[5]!))]);
    await classify(ctx);
    const shadowed = told.filter((text) => text.includes(candidate));
    assert.equal(shadowed.length, 1, told.join("\n"));
    assert.match(shadowed[0]!, /damaged/);
    for await (const item of open.collection(queue).scan({ index: "id" })) {
      const own = (await store.collection(queue).get(item.id))!;
      assert.deepEqual(
        [own.state, own.categoryId, own.confidence, own.reason, own.modelVersion],
        [item.state, item.categoryId, item.confidence, item.reason, production],
      );
    }
    await open.close();
  });

  it("promotes a candidate that had nothing to compare on, once its shadow has 20 labels, and hot", async () => {
    const { candidate, production } = await two();
    await classify();
    await approve(waiting.slice(1, 20));
    assert.equal(await promoteByShadow(contextOf(store), BUDGET), undefined, "19 labels are too few");
    await approve(waiting.slice(1, 21));
    const never = await trainWhen(contextOf(store), "missing", { budgetId: BUDGET, promote: false });
    assert.deepEqual(never.counts, { trained: 0, promoted: 0 });
    assert.equal((await liveModel(store, BUDGET))?.version, production);

    const ctx = contextOf(store);
    const earned = await trainWhen(ctx, "missing", { budgetId: BUDGET });
    assert.deepEqual([earned.trained, earned.counts], [false, { trained: 0, promoted: 1 }]);
    assert.match(earned.reason, /^By its shadow on live payments\. Promoted/);
    assert.deepEqual(ctx.events, ["model.promoted"]);
    assert.equal((await liveModel(store, BUDGET))?.version, candidate);
    assert.equal(await resolveAlias(store, NAME, "previous"), production);
  });

  it("promotes none whose shadow did worse, that a person went back from, or whose rival is gone", async () => {
    const { candidate, production } = await two();
    await classify();
    // What production said is what people say; the candidate is made to have said another thing.
    for await (const one of store.collection(shadows).scan({ index: "id" }))
      await store
        .collection(shadows)
        .upsertMany([{ ...one, candidate: { ...one.candidate, categoryId: "another" } }]);
    const said = new Map<string, string>();
    for await (const one of store.collection(shadows).scan({ index: "id" }))
      said.set(one.paymentId, one.production.categoryId);
    await approve(waiting.slice(1), (row) => said.get(row.id)!);
    assert.equal(await promoteByShadow(contextOf(store), BUDGET), undefined);

    for await (const one of store.collection(shadows).scan({ index: "id" }))
      await store.collection(shadows).upsertMany([{ ...one, candidate: one.production }]);
    await promote(store, NAME, candidate, AT, "by hand");
    await rollback(store, NAME, AT, "worse");
    await setCandidate(store, NAME, candidate, AT, "again");
    assert.equal(await resolveAlias(store, NAME, "production"), production);
    assert.equal(await promoteByShadow(contextOf(store), BUDGET), undefined, "a person went back from it");
  });

  it("forgets what is older than 90 days", async () => {
    await two();
    await classify();
    assert.equal(await retainShadows(store, BUDGET, "2024-08-30T00:00:00.000Z"), 0);
    assert.equal(await retainShadows(store, BUDGET, "2024-08-31T00:00:00.000Z"), 59);
    assert.equal(await store.collection(shadows).count({ index: "byBudget", equals: [BUDGET] }), 0);
  });

  it("keeps the newest 5,000 of a version", async () => {
    const { candidate, production } = await two();
    const guess = { categoryId: "fun", confidence: 1, answered: true };
    await store.collection(shadows).upsertMany(
      Array.from({ length: 5_000 }, (_, i) => ({
        id: `old:${i}|x`,
        paymentId: `old:${i}`,
        budgetId: BUDGET,
        date: "2024-01-01" as const,
        version: candidate,
        against: production,
        at: `2024-05-01T00:00:00.${String(i % 1000).padStart(3, "0")}Z`,
        candidate: guess,
        production: guess,
      })),
    );
    assert.equal((await classify()).counts["shadow"], 59);
    assert.equal(
      await store.collection(shadows).count({ index: "byVersion", equals: [BUDGET, candidate] }),
      5_000,
    );
    assert.equal(
      (await store.collection(shadows).get(`${waiting[9]!.id}|${BUDGET}|${candidate}|${production}`))?.at,
      AT,
    );
  });

  it("is silent without a candidate, and without a model", async () => {
    await classify();
    await trainStep(contextOf(store), { budgetId: BUDGET });
    const { counts } = await classify();
    assert.ok(counts["seen"]! > 0);
    assert.equal(counts["shadow"], undefined);
    assert.equal((await store.collection(shadows).find({ index: "id" })).items.length, 0);
    assert.equal((await store.collection(modelVersions).find({ index: "id" })).items.length, 1);
    assert.ok((await store.collection(payments).get(waiting[0]!.id)) !== undefined);
  });
});
