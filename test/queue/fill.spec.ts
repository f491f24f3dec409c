import assert from "node:assert/strict";
import { requeue, undoBatch } from "../../lib/queue";
import { categories, transactions, type Transaction } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import { Bench } from "./bench";

/** Transactions that the budget's own bank link brought in, without a category. */
describe("filling in categories", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const row = (id: string) => bench.budget.rows.find((one) => one.id === `memory:${id}`)!;
  function imported(id: string, parts: Partial<Transaction> = {}): void {
    bench.budget.rows.push({
      id: `memory:${id}`,
      budgetId: bench.budget.budgetId,
      accountId: "memory:a1",
      date: "2026-02-10",
      amount: -Number(id),
      currency: "EUR",
      importId: `YNAB:${id}`,
      categoryId: null,
      cleared: "cleared",
      approved: false,
      deleted: false,
      ...parts,
    });
  }
  const arrive = (...ids: string[]) => bench.arrive(...ids.map((id) => payment(id, { amount: -Number(id) })));
  const pass = () => bench.pass({ fill: true });
  const undo = (batchId: string) => undoBatch(bench.store, bench.budget, batchId, { now: bench.clock.now });

  /** Two transactions whose categories were filled in. @returns the batch */
  async function filled(): Promise<string> {
    imported("101");
    imported("102", { memo: "by the bank" });
    await arrive("101", "102");
    await pass();
    const { batchIds, counts } = await pass();
    assert.equal(counts["filled"], 2);
    return batchIds[0]!;
  }

  it("gives them the category of their payment, once, and creates nothing", async () => {
    await filled();
    assert.deepEqual(
      bench.budget.rows.map((one) => [one.categoryId, one.memo, one.approved]),
      [
        ["memory:food", undefined, false],
        ["memory:food", "by the bank", false],
      ],
    );
    const items = await bench.items();
    assert.ok(items.every((item) => item.state === "synced" && item.prior?.categoryId === null));
    row("101").categoryId = null;
    for (let again = 0; again < 3; again++) await pass();
    assert.equal(row("101").categoryId, null, "what a person took away is not given again");
  });

  it("is not done unless asked for", async () => {
    imported("101");
    await arrive("101");
    for (let n = 0; n < 3; n++) await bench.pass();
    assert.equal(row("101").categoryId, null);
    assert.equal((await bench.item("101")).skipReason, "already-in-budget");
  });

  it("leaves alone what has a category, is split, a transfer or reconciled, also when it became so meanwhile", async () => {
    imported("101", { categoryId: "memory:rent" });
    imported("102", { split: [{ amount: -102, categoryId: "memory:rent" }] });
    imported("103", { cleared: "reconciled" });
    imported("104");
    imported("105");
    imported("106");
    await arrive("101", "102", "103", "104", "105", "106");
    await pass();
    row("104").categoryId = "memory:fun";
    row("105").cleared = "reconciled";
    await bench.match();
    await bench.classify();
    row("106").deleted = true;
    await bench.sync({ fill: true });
    assert.deepEqual(
      bench.budget.rows.map((one) => one.categoryId),
      ["memory:rent", null, null, "memory:fun", null, null],
    );
    assert.ok((await bench.items()).every((item) => item.skipReason === "already-in-budget"));
    const calls = bench.budget.calls;
    await bench.sync({ fill: true });
    assert.equal(bench.budget.calls, calls, "they are not asked about again");
  });

  it("is undone by giving back what was there before, but not where a person chose or approved since", async () => {
    const batchId = await filled();
    imported("103");
    await arrive("103");
    await pass();
    await pass();
    row("102").categoryId = "memory:fun";
    const result = await undo(batchId);
    assert.deepEqual(
      [result.undone.map((item) => item.paymentId), result.refused.map((item) => item.reason)],
      [["bank:101"], ["changed"]],
    );
    assert.deepEqual([row("101").categoryId, row("102").categoryId], [null, "memory:fun"]);
    assert.equal((await bench.store.collection(transactions).get("memory:101"))?.categoryId, null);
    for (let n = 0; n < 2; n++) await pass();
    assert.equal(row("101").categoryId, null, "not given again by itself");
    const { importId } = await bench.item("101");
    assert.equal((await requeue(bench.store, { reason: "undone" }, { now: bench.clock.now })).requeued, 1);
    await pass();
    assert.deepEqual([row("101").categoryId, (await bench.item("101")).importId], ["memory:food", importId]);
    assert.equal(bench.budget.rows.length, 3);
  });

  it("reads back after an unknown outcome, and keeps its place when the budget is away", async () => {
    imported("101");
    await arrive("101");
    await pass();
    const away = new TallyError("PROVIDER_UNAVAILABLE", "No answer.", { retryable: true });
    bench.budget.changeFaults = [{ when: "before", error: away }];
    await assert.rejects(pass(), { code: "PROVIDER_UNAVAILABLE" });
    assert.deepEqual([(await bench.item("101")).state, (await bench.item("101")).attempt], ["retry", 0]);
    bench.budget.changeFaults = [{ when: "after", error: away }];
    bench.clock.advance(1000);
    assert.equal((await pass()).counts["filled"], 1);
    assert.equal((await bench.item("101")).state, "synced");
  });

  it("gives up what the budget refuses, and classifies again where the category is gone", async () => {
    imported("101");
    imported("102");
    await arrive("101", "102");
    await pass();
    bench.budget.locked.add("memory:101");
    await bench.match();
    await bench.classify();
    await bench.store
      .collection(categories)
      .updateMany([{ id: "memory:food", expected: {}, set: { deleted: true } }]);
    await bench.sync({ fill: true });
    assert.deepEqual(
      (await bench.items()).map((item) => item.state),
      ["new", "new"],
    );
    await bench.match();
    await bench.classify();
    const { problems } = await bench.sync({ fill: true });
    assert.equal(problems.length, 2, "an update is refused as a whole by this budget");
    assert.ok((await bench.items()).every((item) => item.state === "dead"));
  });

  it("is listed by a dry run and not done", async () => {
    imported("101");
    await arrive("101");
    await pass();
    await bench.match();
    await bench.classify();
    const before = [structuredClone(bench.budget.rows), await bench.items()];
    const { wouldChange, wouldWrite } = await bench.sync({ fill: true, dryRun: true });
    assert.deepEqual([wouldWrite, wouldChange], [[], [{ id: "memory:101", categoryId: "memory:food" }]]);
    assert.deepEqual([bench.budget.rows, await bench.items()], before);
  });

  it("keeps what was there before wherever it is killed, so that it can still be undone", async function () {
    this.timeout(60_000);
    for (const when of ["before", "after"] as const) {
      for (let dieAt = 1; ; dieAt++) {
        await bench.reset();
        imported("101");
        await arrive("101");
        await pass();
        await bench.match();
        await bench.classify();
        const whole = bench.store;
        const dying = crashingStore(whole, dieAt, when);
        bench.store = dying;
        const died = await bench.sync({ fill: true, worker: "here#0" }).then(
          () => false,
          () => true,
        );
        bench.store = whole;
        await pass();
        assert.equal(row("101").categoryId, "memory:food");
        const item = await bench.item("101");
        assert.deepEqual(
          [item.state, item.prior],
          ["synced", { categoryId: null }],
          `${when} write ${dieAt}`,
        );
        assert.equal((await undo(item.batchId!)).undone.length, 1);
        assert.equal(row("101").categoryId, null);
        if (!died) {
          assert.ok(dieAt > 3);
          break;
        }
      }
    }
  });
});
