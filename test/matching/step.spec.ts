import assert from "node:assert/strict";
import { matches } from "../../lib/store";
import { payment } from "../support/context";
import { Bench } from "../queue/bench";

describe("match step", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const byHand = (id: string, date: string) =>
    bench.budget.rows.push({
      id: `memory:${id}`,
      budgetId: bench.budget.budgetId,
      accountId: "memory:a1",
      date,
      amount: -1000,
      currency: "EUR",
      approved: true,
      deleted: false,
    });

  it("gives a payment that has its transaction no second one, so that the next equal payment finds it", async () => {
    byHand("monday", "2026-02-09");
    byHand("tuesday", "2026-02-10");
    // The bank shows Monday's payment first, and Tuesday's some passes later.
    await bench.arrive(payment("monday", { date: "2026-02-09" }));
    for (let pass = 0; pass < 3; pass++) {
      bench.clock.advance(3_600_000);
      await bench.pass();
    }
    await bench.arrive(payment("tuesday"));
    await bench.pass();
    assert.equal(bench.budget.rows.length, 2, "nothing is written twice");
    const found = await bench.store.collection(matches).getMany(["memory:monday", "memory:tuesday"]);
    assert.deepEqual(
      found.map((match) => match.paymentId),
      ["bank:monday", "bank:tuesday"],
    );
  });

  it("finds the transaction that took the place of a deleted one", async () => {
    byHand("first", "2026-02-10");
    await bench.arrive(payment("1"));
    bench.budget.rows[0]!.deleted = true;
    byHand("second", "2026-02-10");
    await bench.pass();
    assert.equal((await bench.store.collection(matches).get("memory:second"))?.paymentId, "bank:1");
  });
});
