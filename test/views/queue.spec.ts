import assert from "node:assert/strict";
import { balanceCheckStep } from "../../lib/balance";
import { queueSync, requeue, undoBatch } from "../../lib/queue";
import { RunLedger } from "../../lib/runs";
import { bankAccounts, batches, budgetAccounts, events, payments, queue, runs } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { readView, type Row, type ViewRequest } from "../../lib/views";
import { Bench } from "../queue/bench";
import { MAPPING, payment } from "../support/context";

const HOSTILE = "<img src=x onerror=alert(1)>";

describe("views of the queue, batches, dry runs and balances", () => {
  let bench: Bench;
  let ledger: RunLedger;
  beforeEach(async () => {
    bench = await Bench.open();
    ledger = new RunLedger(bench.store, { worker: "w", now: bench.clock.now });
  });
  afterEach(() => bench.store.close());

  const read = (view: ViewRequest["view"], more: Partial<ViewRequest> = {}) =>
    readView(bench.store, ledger, { view, limit: 100, ...more });
  const rows = async (view: ViewRequest["view"], more: Partial<ViewRequest> = {}): Promise<Row[]> =>
    (await read(view, more)).rows;

  /** Set parts of an item as some step would have. */
  async function put(id: string, set: object): Promise<void> {
    const item = await bench.item(id);
    await bench.store.collection(queue).upsertMany([{ ...item, ...set }]);
  }

  /** Every page of a view, as many rows at once. */
  async function pages(view: ViewRequest["view"], limit: number, more: Partial<ViewRequest> = {}) {
    const found: Row[][] = [];
    let after: string | undefined;
    do {
      const page = await read(view, { limit, ...more, ...(after ? { after } : {}) });
      found.push(page.rows);
      after = page.next;
    } while (after);
    return found;
  }

  it("dead: grouped by error, with words for why and what to do; queue lists a group, page by page", async () => {
    await bench.arrive(...["1", "2", "3", "4"].map((id) => payment(id, { counterparty: { name: HOSTILE } })));
    const refused = (message: string) => ({ code: "PROVIDER_REFUSED", message, retryable: false });
    for (const id of ["1", "2", "3"])
      await put(id, {
        state: "dead",
        attempt: 2,
        error: refused(`No ${id}`),
        stateSince: `2026-03-0${id}T00:00:00.000Z`,
      });
    await put("4", { state: "dead", error: { code: "INTERNAL", message: "Oh.", retryable: false } });
    const found = await rows("dead");
    assert.deepEqual(
      found.map(({ code, items, message, attempts }) => [code, items, message, attempts]),
      [
        ["PROVIDER_REFUSED", 3, "No 3", 2],
        ["INTERNAL", 1, "Oh.", 0],
      ],
    );
    assert.match(String(found[0]!["why"]), /budget refused/);
    assert.match(String(found[0]!["next"]), /then try again/);
    const group = await pages("queue", 2, { state: "dead", reason: "PROVIDER_REFUSED" });
    assert.deepEqual(
      group
        .flat()
        .map((row) => row["paymentId"])
        .sort(),
      ["bank:1", "bank:2", "bank:3"],
    );
    assert.deepEqual([group[0]!.length, group[0]![0]!["counterparty"]], [2, HOSTILE]);
    assert.equal(group[0]![0]!["account"], "Current");

    const again = await requeue(bench.store, { state: "dead", code: "PROVIDER_REFUSED" });
    assert.equal(again.requeued, 3);
    assert.deepEqual(
      (await rows("dead")).map((row) => row["code"]),
      ["INTERNAL"],
    );
  });

  it("skipped: grouped by reason, with what makes them go on; as many as the queue has", async () => {
    await bench.arrive(...["1", "2", "3", "4", "5"].map((id) => payment(id)));
    for (const id of ["1", "2", "3"]) await put(id, { state: "skipped", skipReason: "before-start-date" });
    await put("4", { state: "skipped", skipReason: "currency-mismatch" });
    const found = await rows("skipped");
    assert.deepEqual(
      found.map(({ reason, items }) => [reason, items]),
      [
        ["before-start-date", 3],
        ["currency-mismatch", 1],
      ],
    );
    assert.match(String(found[0]!["next"]), /start date .* is earlier/);
    const states = await rows("states", { state: "skipped" });
    assert.equal(states[0]!["items"], 4);
    const group = await pages("queue", 2, { reason: "before-start-date" });
    assert.deepEqual(
      group.map((page) => page.length),
      [2, 1],
    );
    await assert.rejects(rows("queue", { reason: "whatever" }), { code: "CONFIG_INVALID" });
    assert.deepEqual(await rows("skipped", { budgetId: "memory:other" }), []);
  });

  it("batches: by which run, how many, what they come to, and what became of them", async () => {
    const run = await ledger.start({ job: "bank-to-budget", trigger: "dashboard" });
    await bench.arrive(payment("1", { amount: -1250 }), payment("2", { amount: 5000 }));
    const { batchIds } = await bench.pass();
    const id = batchIds[0]!;
    await bench.store.collection(batches).updateMany([{ id, expected: {}, set: { runId: run.id } }]);
    const [batch] = await rows("batches");
    const { job, trigger, items, written, inText, outText, undoneAt } = batch!;
    assert.deepEqual([job, trigger, items, written], ["bank-to-budget", "dashboard", 2, 2]);
    assert.deepEqual([inText, outText, undoneAt], ["50.00 EUR", "-12.50 EUR", null]);
    const listed = await pages("batch", 1, { batchId: id });
    assert.deepEqual(
      listed.map((page) => page.map(({ did, category }) => [did, category])),
      [[["created", "food"]], [["created", "food"]]],
    );

    await undoBatch(bench.store, bench.budget, id, { now: bench.clock.now });
    const [after] = await rows("batches");
    assert.deepEqual([after!["written"], after!["takenBack"], after!["undone"]], [0, 2, 2]);
    assert.ok(after!["undoneAt"]);
    assert.deepEqual(
      (await rows("batch", { batchId: id })).map(({ did }) => did),
      ["nothing", "nothing"],
    );
    await assert.rejects(rows("batch"), { code: "CONFIG_INVALID" });
    await assert.rejects(rows("batch", { batchId: "batch:none" }), { code: "NOT_FOUND" });
    assert.ok((await bench.store.collection(runs).get(run.id))!.id);
  });

  it("batches: what was changed to what the bank booked stands in the batch that created it and in the one that changed it", async () => {
    bench.budget.limits.ownMatchDays = 10;
    bench.byHand();
    await bench.arrive(payment("1"));
    await bench.pass();
    await bench.arrive(payment("2", { date: "2026-02-12" }));
    const { batchIds } = await bench.pass();
    assert.equal(batchIds.length, 2);
    for (const [batchId, did] of [
      [batchIds[0]!, "created"],
      [batchIds[1]!, "changed"],
    ] as const) {
      const row = (await rows("batches")).find(({ id }) => id === batchId)!;
      assert.deepEqual([row["items"], row["written"], row["outText"]], [1, 1, "-10.00 EUR"]);
      assert.deepEqual(
        (await rows("batch", { batchId })).map((one) => one["did"]),
        [did],
      );
    }
  });

  it("undo beforehand: says the same as the undo itself, and changes nothing", async () => {
    await bench.arrive(...["1", "2", "3"].map((id) => payment(id)));
    const { batchIds } = await bench.pass();
    const locked = bench.budget.rows.find((row) => row.id === bench.budget.rows[1]!.id)!;
    locked.cleared = "reconciled";
    const before = await bench.items();
    const planned = await undoBatch(bench.store, bench.budget, batchIds[0]!, { dryRun: true });
    assert.deepEqual(await bench.items(), before);
    assert.ok(bench.budget.rows.every((row) => !row.deleted));
    assert.equal((await rows("batches"))[0]!["undoneAt"], null);
    const done = await undoBatch(bench.store, bench.budget, batchIds[0]!);
    assert.deepEqual(planned, done);
    assert.deepEqual([done.undone.length, done.refused.map(({ reason }) => reason)], [2, ["reconciled"]]);
  });

  it("removed: written and deleted in the budget since, newest first, and gone once imported again", async () => {
    const ids = ["1", "2", "3", "4", "5"];
    await bench.arrive(...ids.map((id) => payment(id, { date: `2026-02-1${id}` })));
    await bench.pass();
    for (const id of ["1", "2", "4"]) {
      const { transactionId } = await bench.item(id);
      bench.budget.rows.find((row) => row.id === transactionId)!.deleted = true;
    }
    assert.deepEqual(await rows("removed"), [], "not read yet");
    await bench.match();
    const found = (await pages("removed", 2)).flat();
    assert.deepEqual(
      found.map((row) => row["paymentId"]),
      ["bank:4", "bank:2", "bank:1"],
    );
    const again = await requeue(bench.store, { ids: [String(found[0]!["id"])] });
    assert.equal(again.requeued, 1);
    assert.equal((await rows("removed")).length, 2);
  });

  it("previews and preview: what a dry run would write, with names, page by page; the newest unless one is named", async () => {
    await bench.arrive(...["1", "2", "3"].map((id) => payment(id, { counterparty: { name: HOSTILE } })));
    await bench.match();
    await bench.classify();
    const context = bench.context();
    const emit = async (type: string, subject: string | undefined, data: Record<string, unknown>) => {
      const at = bench.clock.now();
      const event = {
        id: `${at}|${type}|${String(data["at"])}`,
        at,
        type,
        data: JSON.parse(JSON.stringify(data)),
      };
      await bench.store
        .collection(events)
        .upsertMany([subject === undefined ? event : { ...event, subject }]);
    };
    const dry = (runId: string) =>
      queueSync({ ...context, runId, emit }, bench.budget, { worker: "w", mapping: MAPPING, dryRun: true });
    await dry("run:1");
    bench.clock.advance(60_000);
    await put("3", { state: "review" });
    await dry("run:2");
    assert.deepEqual(
      (await rows("previews")).map(({ runId, writes, changes }) => [runId, writes, changes]),
      [
        ["run:2", 2, 0],
        ["run:1", 3, 0],
      ],
    );
    assert.equal((await rows("preview")).length, 2);
    const first = await pages("preview", 2, { runId: "run:1" });
    assert.deepEqual(
      first.map((page) => page.length),
      [2, 1],
    );
    const { does, payee, account, category, amountText } = first[0]![0]!;
    assert.deepEqual(
      { does, payee, category, amountText },
      { does: "write", payee: HOSTILE, category: "food", amountText: "-10.00" },
    );
    assert.ok(account);
    assert.deepEqual(await rows("preview", { runId: "run:none" }), []);
    await assert.rejects(rows("preview", { after: "x" }), { code: "CONFIG_INVALID" });
  });

  it("balances and differences: what the last check found, with the day and its rows", async () => {
    await bench.arrive(payment("1", { date: "2026-02-10", amount: -1000 }));
    await bench.pass();
    await bench.match();
    const { budgetId } = bench.budget;
    const mapped = (await bench.store.collection(bankAccounts).get("bank:1"))!;
    const target = (await bench.store.collection(budgetAccounts).get(mapped.budgetAccountId!))!;
    await bench.store
      .collection(bankAccounts)
      .upsertMany([{ ...mapped, balance: { amount: 10_000, at: bench.clock.now() } }]);
    await bench.store.collection(budgetAccounts).upsertMany([{ ...target, balance: 9_000 }]);
    assert.deepEqual(await rows("balances"), [], "not checked yet");
    bench.budget.rows.push({
      ...bench.budget.rows[0]!,
      id: "memory:hand",
      importId: "by-hand",
      date: "2026-02-12",
      amount: -1000,
      payeeName: HOSTILE,
    });
    await bench.match();
    await bench.store.collection(budgetAccounts).upsertMany([{ ...target, balance: 9_000 }]);
    await balanceCheckStep(bench.context(), budgetId);
    const [row] = await rows("balances", { accountId: "bank:1" });
    const { state, bankText, budgetText, differenceText, date } = row!;
    assert.deepEqual(
      { state, bankText, budgetText, differenceText, date },
      {
        state: "different",
        bankText: "100.00",
        budgetText: "90.00",
        differenceText: "10.00",
        date: "2026-02-12",
      },
    );
    const lines = await rows("differences", { accountId: "bank:1" });
    assert.deepEqual(
      lines.map(({ side, text, bankText: bank, budgetText: budget }) => [side, text, bank, budget]),
      [["budget", HOSTILE, null, "-10.00"]],
    );
    assert.equal((await pages("balances", 1)).length, (await rows("balances")).length);
  });

  it("say which page cannot be gone on with", async () => {
    const wrong = (error: unknown) => error instanceof TallyError && error.code === "CONFIG_INVALID";
    for (const view of ["balances", "differences", "queue"] as const)
      await assert.rejects(rows(view, { after: "-1" }), wrong, view);
    assert.ok((await bench.store.collection(payments).count({ index: "id" })) === 0);
  });
});
