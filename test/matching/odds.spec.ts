import assert from "node:assert/strict";
import fc from "fast-check";
import {
  matchAccount,
  matchAccountInTurns,
  USUAL,
  type MatchPayment,
  type MatchTransaction,
  type Pair,
} from "../../lib/matching";
import { addDays, daysBetween } from "../../lib/values";
import { seededRandom } from "../../lib/learning/random";

const START = "2026-01-01";
const NAMES = ["", "Albert Heijn 1234", "ALBERT HEIJN", "Groceries", "Shell", "Garage Jansen BV", "Lunch"];

interface Row {
  day: number;
  amount: number;
  name: string;
}

const row = fc.record({
  day: fc.integer({ min: 0, max: 40 }),
  amount: fc.integer({ min: -2, max: 2 }),
  name: fc.constantFrom(...NAMES),
});
const rows = fc.array(row, { maxLength: 40 });
const windowDays = fc.integer({ min: 0, max: 31 });

const paymentsOf = (of: readonly Row[], amounts = 1): MatchPayment[] =>
  of.map(({ day, amount, name }, n) => ({
    ...{ id: `p${n}`, date: addDays(START, day), amount: amount * 100 * amounts, name },
    references: [`TF1:p${n}`, `REF${n}`],
  }));
const transactionsOf = (of: readonly Row[], amounts = 1): MatchTransaction[] =>
  of.map(({ day, amount, name }, n) => ({
    ...{ id: `t${n}`, date: addDays(START, day), amount: amount * 100 * amounts, name, own: false },
  }));
const shape = (pairs: readonly Pair[]) =>
  pairs
    .map(({ paymentId, transactionId, confidence, reason }) =>
      [paymentId, transactionId, confidence, reason].join(" "),
    )
    .sort();

function assertSound(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  pairs: readonly Pair[],
  window: number,
): void {
  assert.equal(new Set(pairs.map(({ paymentId }) => paymentId)).size, pairs.length);
  assert.equal(new Set(pairs.map(({ transactionId }) => transactionId)).size, pairs.length);
  const [left, right] = [payments, transactions].map((side) => new Map(side.map((one) => [one.id, one])));
  for (const { paymentId, transactionId, confidence, rule, reason } of pairs) {
    const [payment, transaction] = [left!.get(paymentId)!, right!.get(transactionId)!];
    assert.ok(confidence >= 0 && confidence <= 1, `confidence ${confidence}`);
    assert.ok(reason.length > 0);
    if (rule === "import-id") continue;
    assert.equal(payment.amount, transaction.amount);
    if (rule === "amount-date") assert.ok(Math.abs(daysBetween(payment.date, transaction.date)) <= window);
  }
}

describe("matching by odds", () => {
  it("uses no row twice, joins equal amounts within the window alone, and states a probability (property)", () => {
    fc.assert(
      fc.property(rows, rows, windowDays, (left, right, window) => {
        const [payments, transactions] = [paymentsOf(left), transactionsOf(right)];
        assertSound(
          payments,
          transactions,
          matchAccount(payments, transactions, { windowDays: window }),
          window,
        );
      }),
    );
  });

  it("says the same whatever the order of rows (property)", () => {
    fc.assert(
      fc.property(rows, rows, fc.integer(), (left, right, seed) => {
        const [payments, transactions] = [paymentsOf(left), transactionsOf(right)];
        const random = seededRandom(seed);
        const mixed = <T>(of: readonly T[]) =>
          of
            .map((one) => [random(), one] as const)
            .sort(([a], [b]) => a - b)
            .map(([, one]) => one);
        assert.deepEqual(
          shape(matchAccount(mixed(payments), mixed(transactions))),
          shape(matchAccount(payments, transactions)),
        );
      }),
    );
  });

  it("keeps every pair of references, and what is left over has no say in it (property)", () => {
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 1, max: 5 }), (left, right, every) => {
        const payments = paymentsOf(left);
        const transactions = transactionsOf(right).map((one, n) => {
          const payment = payments[n];
          if (n % every !== 0 || !payment) return one;
          return n % 2 === 0
            ? { ...one, importId: `TF1:p${n}`, own: true }
            : { ...one, amount: payment.amount, importId: `REF${n}` };
        });
        const pairs = matchAccount(payments, transactions);
        for (const [n, { importId }] of transactions.entries()) {
          if (importId === undefined) continue;
          const pair = pairs.find(({ transactionId }) => transactionId === `t${n}`);
          assert.equal(pair?.paymentId, `p${n}`);
          assert.equal(pair?.confidence, 1);
        }
        assertSound(payments, transactions, pairs, 10);
      }),
    );
  });

  it("with given habits, rows of other amounts change nothing (property)", () => {
    fc.assert(
      fc.property(rows, rows, rows, rows, (left, right, moreLeft, moreRight) => {
        const [payments, transactions] = [paymentsOf(left), transactionsOf(right)];
        const others = {
          payments: paymentsOf(moreLeft, 7).map((one) => ({ ...one, id: `x${one.id}`, references: [] })),
          transactions: transactionsOf(moreRight, 7).map((one) => ({ ...one, id: `x${one.id}` })),
        };
        const options = { habits: USUAL };
        const more = matchAccount(
          [...payments, ...others.payments.filter(({ amount }) => amount !== 0)],
          [...transactions, ...others.transactions.filter(({ amount }) => amount !== 0)],
          options,
        );
        assert.deepEqual(
          shape(more.filter(({ paymentId }) => !paymentId.startsWith("x"))),
          shape(matchAccount(payments, transactions, options)),
        );
      }),
    );
  });

  it("ends for thousands of equal rows, of one day or of many, and leaves none that fits", () => {
    for (const days of [1, 7, 60]) {
      const many = Array.from({ length: 3000 }, (_, n) => ({
        day: n % days,
        amount: 1,
        name: NAMES[n % NAMES.length]!,
      }));
      const [payments, transactions] = [paymentsOf(many), transactionsOf(many)];
      const pairs = matchAccount(payments, transactions);
      assertSound(payments, transactions, pairs, 10);
      assert.ok(pairs.length > 2950, `${pairs.length} of 3000 over ${days} days`);
      const few = transactions.slice(0, 1000);
      assertSound(payments, few, matchAccount(payments, few), 10);
    }
  });

  it("pauses at least every few hundred rows, also within one amount", async () => {
    const many = Array.from({ length: 2000 }, (_, n) => ({ day: n % 30, amount: 1, name: NAMES[n % 7]! }));
    const [payments, transactions] = [paymentsOf(many), transactionsOf(many)];
    let turns = 0;
    let ended = false;
    const count = () => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    const pairs = await matchAccountInTurns(payments, transactions);
    ended = true;
    assert.ok(turns > 5, `${turns} turns`);
    assert.deepEqual(shape(pairs), shape(matchAccount(payments, transactions)));
  });

  it("gives two crossed rows to the names, not to the days", () => {
    const pairs = matchAccount(
      paymentsOf([
        { day: 0, amount: 1, name: "Garage Jansen" },
        { day: 2, amount: 1, name: "Albert Heijn" },
      ]),
      transactionsOf([
        { day: 1, amount: 1, name: "ALBERT HEIJN 1234" },
        { day: 1, amount: 1, name: "GARAGE JANSEN BV" },
      ]),
    );
    assert.deepEqual(pairs.map(({ paymentId, transactionId }) => paymentId + transactionId).sort(), [
      "p0t1",
      "p1t0",
    ]);
  });

  it("takes the pairing that is likeliest as a whole: no near pair leaves two far ones alone", () => {
    // By the nearest first p1 would have t0, and p0 and t1 nobody.
    const pairs = matchAccount(
      paymentsOf([
        { day: 0, amount: 1, name: "Shell" },
        { day: 7, amount: 1, name: "Shell" },
      ]),
      transactionsOf([
        { day: 6, amount: 1, name: "Shell" },
        { day: 13, amount: 1, name: "Shell" },
      ]),
      { windowDays: 10 },
    );
    assert.deepEqual(pairs.map(({ paymentId, transactionId }) => paymentId + transactionId).sort(), [
      "p0t0",
      "p1t1",
    ]);
  });

  it("learns how many days later a bank books, and then prefers those", () => {
    const habitual = Array.from({ length: 60 }, (_, n) => ({ day: n, amount: 1000 + n, name: "" }));
    const later = habitual.map((one) => ({ ...one, day: one.day + 3 }));
    const open = [{ day: 100, amount: 1, name: "" }];
    const near = [
      { day: 100, amount: 1, name: "" },
      { day: 103, amount: 1, name: "" },
    ];
    const partner = (of: Pair[], id: string) => of.find(({ paymentId }) => paymentId === id)?.transactionId;
    assert.equal(partner(matchAccount(paymentsOf(open), transactionsOf(near)), "p0"), "t0");
    const learned = matchAccount(paymentsOf([...open, ...habitual]), transactionsOf([...near, ...later]));
    assert.equal(partner(learned, "p0"), "t1");
  });

  it("learns what a shop is called in the budget", () => {
    const known = Array.from({ length: 12 }, (_, n) => ({ day: 3 * n, amount: 1000 + n }));
    const shops = known.map((one) => ({ ...one, name: "Albert Heijn 1234" }));
    const called = known.map((one) => ({ ...one, name: "Groceries" }));
    const fuel = known.map((one) => ({ ...one, amount: one.amount + 100, name: "Shell" }));
    const car = fuel.map((one) => ({ ...one, name: "Car" }));
    const pairs = matchAccount(
      paymentsOf([{ day: 20, amount: 1, name: "Albert Heijn 1234" }, ...shops, ...fuel]),
      transactionsOf([
        { day: 20, amount: 1, name: "Car" },
        { day: 20, amount: 1, name: "Groceries" },
        ...called,
        ...car,
      ]),
    );
    const pair = pairs.find(({ paymentId }) => paymentId === "p0")!;
    assert.equal(pair.transactionId, "t1");
    assert.match(pair.reason, /the names went together 12 times/);
  });

  it("thinks less of an amount that comes every day than of one that comes once", () => {
    const daily = Array.from({ length: 60 }, (_, n) => ({ day: n, amount: -45, name: "" }));
    const rare = { day: 30, amount: -137, name: "" };
    const pairs = matchAccount(
      paymentsOf([rare, ...daily]),
      transactionsOf([{ ...rare, day: 32 }, ...daily.filter((_, n) => n % 2 === 0)]),
    );
    const often = pairs.filter(({ paymentId }) => paymentId !== "p0");
    const once = pairs.find(({ paymentId }) => paymentId === "p0")!;
    assert.ok(often.length > 0);
    assert.ok(often.every(({ confidence }) => confidence < once.confidence));
  });

  it("is honest about rows that cannot be told apart", () => {
    const twins = Array.from({ length: 2 }, () => ({ day: 1, amount: 1, name: "Coffee" }));
    const pairs = matchAccount(paymentsOf(twins), transactionsOf(twins));
    assert.equal(pairs.length, 2);
    for (const { confidence } of pairs) assert.ok(Math.abs(confidence - 0.5) < 0.02);
  });
});
