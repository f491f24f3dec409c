import assert from "node:assert/strict";
import { classifyStep, labelsOf } from "../../lib/learning";
import { findOriginals, type Refundable } from "../../lib/matching";
import type { Payment } from "../../lib/store";
import { payment } from "../support/context";
import { Bench } from "../queue/bench";

const paid = (id: string, parts: Partial<Refundable> = {}): Refundable => {
  const amount = parts.amount ?? -1250;
  return {
    id,
    date: "2026-01-05",
    amount,
    currency: "EUR",
    name: "Bookshop BV",
    description: "order",
    left: -amount,
    ...parts,
  };
};
const back = (amount: number, parts: Partial<Refundable> = {}) =>
  paid("refund", { date: "2026-01-20", amount, ...parts });
const found = (...args: Parameters<typeof findOriginals<Refundable>>) => {
  const result = findOriginals(...args);
  return result && [result.rule, ...result.originals.map(({ id }) => id)];
};

describe("refunds", () => {
  it("are of a payment to the same party, at most as large, within ninety days before", () => {
    assert.deepEqual(found(back(1250), [paid("1")]), ["amount", "1"]);
    assert.equal(found(back(1251), [paid("1")]), undefined, "larger");
    assert.equal(found(back(1250), [paid("1", { name: "Garage" })]), undefined);
    assert.equal(found(back(1250), [paid("1", { currency: "USD" })]), undefined);
    assert.equal(found(back(1250), [paid("1", { date: "2025-10-01" })]), undefined, "too long ago");
    assert.equal(found(back(1250), [paid("1", { date: "2026-01-21" })]), undefined, "later");
    assert.equal(found(back(1250), [paid("1", { left: 1000 })]), undefined, "refunded in part already");
  });

  it("are found by reference first, then by the exact amount, then as a part of what a shop took", () => {
    const all = [
      paid("part", { amount: -9900 }),
      paid("exact"),
      paid("named", { amount: -5000, reference: "ORDER-77123" }),
    ];
    assert.deepEqual(found(back(1250, { description: "refund ORDER-77123" }), all), ["reference", "named"]);
    assert.deepEqual(found(back(1250), all), ["amount", "exact"]);
    assert.deepEqual(found(back(700), [all[0]!]), ["part", "part"]);
    const iban = "NL91ABNA0417164300";
    assert.equal(found(back(700, { iban }), [paid("1", { iban })]), undefined, "a part of what a person got");
    assert.deepEqual(found(back(1250, { iban, name: "B" }), [paid("1", { iban })]), ["amount", "1"]);
  });

  describe("on their way to the budget", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open();
    });
    afterEach(() => bench.store.close());

    const OUT = { id: "r1", categoryId: "memory:fun", contains: "toy", direction: "out" as const };
    const shop = (id: string, parts: Partial<Payment>) =>
      payment(id, { counterparty: { name: "Toy Palace" }, description: `toy ${id}`, ...parts });
    const pass = async (...rows: Payment[]) => {
      await bench.extract(rows);
      await bench.match();
      const { budgetId } = bench.budget;
      const policy = "uncategorised" as const;
      await classifyStep(bench.context(), { budgetId, policy, rules: [OUT] });
      await bench.match();
      return bench.sync();
    };
    const rows = () => bench.budget.rows.map(({ amount, categoryId }) => [amount, categoryId]);

    it("take the category of what they refund, with the reason, in the same pass too", async () => {
      await pass(shop("1", { amount: -1250, date: "2026-01-05" }), shop("2", { amount: 1250 }));
      assert.deepEqual(rows(), [
        [-1250, "memory:fun"],
        [1250, "memory:fun"],
      ]);
      const item = await bench.item("2");
      assert.equal(item.reason, "Refund of 12.50 EUR at Toy Palace on 2026-01-05, which is fun.");
      assert.equal(item.refundOf, "bank:1");
      assert.match(bench.budget.rows[1]!.memo!, /Refund of 12.50 EUR/);
    });

    it("take what a person made of it, never more than was paid, and teach the model nothing", async () => {
      await pass(shop("1", { amount: -1250, date: "2026-01-05" }));
      Object.assign(bench.budget.rows[0]!, { categoryId: "memory:rent", approved: true });
      await pass(shop("2", { amount: 1000 }), shop("3", { amount: 1000, date: "2026-02-11" }));
      assert.deepEqual(rows(), [
        [-1250, "memory:rent"],
        [1000, "memory:rent"],
        [1000, null],
      ]);
      for (const row of bench.budget.rows) Object.assign(row, { approved: true, categoryId: "memory:rent" });
      await bench.match();
      const labels: string[] = [];
      for await (const { id } of labelsOf(bench.store, bench.budget.budgetId)) labels.push(id);
      assert.deepEqual(labels.sort(), ["bank:1", "bank:3"]);
    });

    it("are left to the others when two payments of different categories may be meant", async () => {
      await pass(
        shop("1", { amount: -1250, date: "2026-01-05" }),
        shop("2", { amount: -1250, date: "2026-01-06" }),
      );
      Object.assign(bench.budget.rows[0]!, { categoryId: "memory:rent", approved: true });
      await pass(shop("3", { amount: 1250 }));
      assert.equal(bench.budget.rows[2]!.categoryId, null);
    });
  });
});
