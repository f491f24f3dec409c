import assert from "node:assert/strict";
import { requeue, requeueSelection } from "../../lib/queue";
import { importId } from "../../lib/values";
import { payment } from "../support/context";
import { Bench } from "./bench";

describe("requeue", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const again = (selection: Parameters<typeof requeue>[1]) =>
    requeue(bench.store, selection, { now: bench.clock.now });

  /** Payments that the budget refuses for good. */
  async function given(...ids: string[]): Promise<void> {
    await bench.arrive(...ids.map((id) => payment(id)));
    for (const item of await bench.items())
      if (ids.includes(item.paymentId.slice(5)))
        bench.budget.refused.set(item.importId, { code: "PROVIDER_REFUSED", retryable: false });
    await bench.classify();
    await bench.sync();
    bench.budget.refused.clear();
  }

  it("sends what was given up again, with attempts from zero, and keeps the error in its history", async () => {
    await given("1", "2");
    const dead = await bench.item("1");
    assert.deepEqual([dead.state, dead.attempt], ["dead", 1]);
    assert.equal((await again({ state: "dead" })).requeued, 2);
    const fresh = await bench.item("1");
    assert.deepEqual(
      [fresh.state, fresh.attempt, fresh.error, fresh.importId, fresh.categoryId],
      ["classified", 0, undefined, dead.importId, "memory:food"],
    );
    assert.deepEqual(fresh.failures, [{ at: dead.stateSince, attempt: 1, error: dead.error }]);
    assert.equal((await bench.pass()).counts["synced"], 2);
    assert.equal(bench.budget.rows.length, 2);
  });

  it("keeps the last errors of one that is requeued again and again", async () => {
    await given("1");
    for (let round = 0; round < 12; round++) {
      await again({ state: "dead" });
      await bench.match();
      bench.budget.refused.set((await bench.item("1")).importId, {
        code: "PROVIDER_REFUSED",
        retryable: false,
      });
      await bench.sync();
    }
    assert.equal((await bench.item("1")).failures?.length, 10);
  });

  it("does not send what a person entered by hand while it was given up", async () => {
    await given("1");
    bench.byHand();
    await again({ ids: [(await bench.item("1")).id] });
    assert.equal((await bench.sync()).counts["waiting"], 1);
    await bench.pass();
    assert.equal(bench.budget.rows.length, 1);
  });

  it("imports again what a person deleted in the budget, only when asked, and only what is known to be deleted", async () => {
    await bench.arrive(payment("1"));
    await bench.pass();
    const { id } = await bench.item("1");
    assert.match((await again({ ids: [id] })).refused[0]!.message, /stands in the budget/);
    await bench.match();
    bench.budget.rows[0]!.deleted = true;
    for (let pass = 0; pass < 2; pass++) await bench.pass();
    assert.equal(bench.budget.rows.length, 1, "not by itself");
    assert.equal((await again({ ids: [id] })).requeued, 1);
    await bench.pass();
    assert.equal(bench.budget.rows[1]?.importId, importId("bank:1", bench.budget.budgetId, 1));
    // Twice in a row is once.
    assert.equal((await again({ ids: [id] })).requeued, 0);
  });

  it("takes a payment that was in the budget already only once its transaction is gone", async () => {
    bench.byHand();
    await bench.arrive(payment("1"));
    const { id, skipReason, importId: before } = await bench.item("1");
    assert.equal(skipReason, "already-in-budget");
    assert.match((await again({ ids: [id] })).refused[0]!.message, /memory:hand/);
    bench.budget.rows[0]!.deleted = true;
    for (let pass = 0; pass < 2; pass++) await bench.pass();
    assert.equal((await bench.item("1")).skipReason, "already-in-budget", "not by itself");
    assert.equal((await again({ reason: "already-in-budget" })).requeued, 1);
    await bench.pass();
    assert.deepEqual(
      bench.budget.rows.filter((row) => !row.deleted).map((row) => row.importId),
      [before],
    );
  });

  it("keeps the import id of what may have been written after all", async () => {
    await bench.arrive(payment("1"));
    await bench.match();
    await bench.classify();
    const { importId: before } = await bench.item("1");
    bench.budget.faults = ["drop-after"];
    // The budget took it, and then cannot be asked either.
    bench.budget.find = async () => new Map();
    await assert.rejects(bench.sync(), { code: "OUTCOME_UNKNOWN" });
    await again({ state: "retry" });
    assert.equal((await bench.item("1")).importId, before);
    await bench.classify();
    await bench.match();
    await bench.sync();
    assert.equal(bench.budget.rows.length, 1);
  });

  it("takes another try at once for what waits for its time", async () => {
    await bench.arrive(payment("1"));
    await bench.classify();
    bench.budget.refused.set((await bench.item("1")).importId, {
      code: "PROVIDER_UNAVAILABLE",
      retryable: true,
    });
    await bench.sync({ random: () => 0.999 });
    bench.budget.refused.clear();
    assert.equal((await bench.pass()).counts["synced"], 0);
    assert.equal((await again({ state: "retry" })).requeued, 1);
    assert.equal((await bench.pass()).counts["synced"], 1);
  });

  it("skips again what is skipped for a reason that still holds", async () => {
    await bench.arrive(payment("1", { accountId: "bank:3" }));
    assert.equal((await again({ reason: "not-mapped" })).requeued, 1);
    await bench.pass();
    assert.equal((await bench.item("1")).skipReason, "not-mapped");
  });

  it("refuses what is on its way and what is not there, item by item", async () => {
    await given("1");
    await bench.arrive(payment("2"));
    const ids = ["nothing|here", (await bench.item("1")).id, (await bench.item("2")).id];
    const result = await again({ ids });
    assert.equal(result.requeued, 1);
    assert.deepEqual(
      result.refused.map(({ id }) => id),
      [ids[0], ids[2]],
    );
  });

  it("reads a selection from outside, or says what is wrong with it", () => {
    assert.deepEqual(requeueSelection({ ids: ["a"] }), { ids: ["a"] });
    assert.deepEqual(requeueSelection({ state: "dead", budgetId: "b" }), { state: "dead", budgetId: "b" });
    assert.deepEqual(requeueSelection({ reason: "undone" }), { reason: "undone" });
    assert.deepEqual(requeueSelection({ batchId: "batch:1" }), { batchId: "batch:1" });
    const bad = [
      undefined,
      null,
      {},
      "dead",
      { state: "synced" },
      { reason: "x" },
      { ids: "a" },
      { ids: [1] },
    ];
    for (const given of [
      ...bad,
      { ids: ["a"], state: "dead" },
      { batchId: 7 },
      { state: "dead", budgetId: {} },
    ])
      assert.throws(() => requeueSelection(given), { code: "CONFIG_INVALID" }, JSON.stringify(given));
  });
});
