import assert from "node:assert/strict";
import fc from "fast-check";
import { checkBalances, compareBalances, type BalanceRow } from "../../lib/balance";
import {
  bankAccounts,
  budgetAccounts,
  matches,
  openStore,
  payments,
  queue,
  transactions,
  type Payment,
  type QueueItem,
  type Store,
  type Transaction,
} from "../../lib/store";
import { addDays, type Id } from "../../lib/values";

const row = (id: string, date: string, amount: number): BalanceRow => ({ id, date, amount, text: id });
const sum = (rows: readonly BalanceRow[]) => rows.reduce((total, { amount }) => total + amount, 0);

describe("balances of bank and budget", () => {
  it("say nothing when they are equal", () => {
    const rows = [row("p1", "2026-01-02", -350)];
    const side = { balance: 1000, rows };
    assert.equal(compareBalances(side, { balance: 1000, rows: [] }, new Map()), undefined);
  });

  it("part on the first day and by the row that one side misses, whatever came after", () => {
    const day = fc.integer({ min: 0, max: 60 }).map((days) => addDays("2026-01-01", days));
    const amount = fc.integer({ min: -100_000, max: 100_000 }).filter((value) => value !== 0);
    const world = fc.record({
      rows: fc.array(fc.tuple(day, amount), { minLength: 1, maxLength: 40 }),
      start: fc.integer({ min: -1e6, max: 1e6 }),
      which: fc.nat(),
      how: fc.constantFrom("missing in the budget", "missing at the bank", "another amount"),
      by: amount,
    });
    fc.assert(
      fc.property(world, ({ rows, start, which, how, by }) => {
        let bank = rows.map(([date, value], i) => row(`p${i}`, date, value));
        let budget = rows.map(([date, value], i) => row(`t${i}`, date, value));
        const at = which % rows.length;
        const date = rows[at]![0];
        if (how === "missing in the budget") budget = budget.filter((_, i) => i !== at);
        else if (how === "missing at the bank") bank = bank.filter((_, i) => i !== at);
        else budget[at] = row(`t${at}`, date, rows[at]![1] + by);
        const pairs = new Map(rows.map((_, i) => [`t${i}`, `p${i}`]));
        const found = compareBalances(
          { balance: start + sum(bank), rows: bank },
          { balance: start + sum(budget), rows: budget },
          pairs,
        );
        assert.equal(found?.date, date);
        assert.equal(found.amount, sum(bank) - sum(budget));
        assert.deepEqual(
          [found.onlyAtBank, found.onlyInBudget, found.unequal].map((list) => list.length),
          how === "missing in the budget" ? [1, 0, 0] : how === "missing at the bank" ? [0, 1, 0] : [0, 0, 1],
        );
        const named = [
          ...found.onlyAtBank,
          ...found.onlyInBudget,
          ...found.unequal.map((two) => two.payment),
        ];
        assert.match(named[0]!.id, new RegExp(`^[pt]${at}$`));
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  it("do not part by the day under which a person entered a payment", () => {
    const bank = [
      row("p1", "2026-01-02", -350),
      row("p2", "2026-01-03", -100),
      row("p3", "2026-01-09", -200),
    ];
    const budget = [
      row("t1", "2026-01-05", -350),
      row("t2", "2026-01-03", -90),
      row("t3", "2026-01-01", -200),
    ];
    const pairs = new Map([
      ["t1", "p1"],
      ["t2", "p2"],
      ["t3", "p3"],
    ]);
    const found = compareBalances({ balance: 50, rows: bank }, { balance: 60, rows: budget }, pairs);
    assert.equal(found?.date, "2026-01-03");
    assert.deepEqual([found.onlyAtBank, found.onlyInBudget], [[], []]);
    assert.deepEqual(
      found.unequal.map(({ payment, transaction }) => [payment.id, transaction.id]),
      [["p2", "t2"]],
    );
  });

  it("blame the starting balance when they were never equal", () => {
    const bank = [row("p1", "2026-01-02", -350)];
    const budget = [row("t1", "2026-01-02", -350)];
    const found = compareBalances(
      { balance: 700, rows: bank },
      { balance: 650, rows: budget },
      new Map([["t1", "p1"]]),
    );
    assert.deepEqual(found, { amount: 50, onlyAtBank: [], onlyInBudget: [], unequal: [] });
  });
});

describe("the balance check of the store", () => {
  const BUDGET = "b:1";
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    const more = { source: "bank", timeZone: "Europe/Amsterdam", currency: "EUR" };
    await store.collection(bankAccounts).upsertMany([
      {
        ...more,
        id: "bank:1",
        name: "Current",
        budgetAccountId: "b:a1",
        balance: { amount: 6_500, at: "2026-01-31T10:00:00Z" },
      },
      { ...more, id: "bank:2", name: "Silent", budgetAccountId: "b:a2" },
      {
        ...more,
        id: "bank:3",
        name: "Dollars",
        currency: "USD",
        budgetAccountId: "b:a3",
        balance: { amount: 1, at: "2026-01-31T10:00:00Z" },
      },
      { ...more, id: "bank:4", name: "Not mapped", balance: { amount: 1, at: "2026-01-31T10:00:00Z" } },
    ]);
    const account = { budgetId: BUDGET, closed: false, deleted: false };
    await store.collection(budgetAccounts).upsertMany([
      { ...account, id: "b:a1", name: "Current", balance: 9_000 },
      { ...account, id: "b:a2", name: "Silent", balance: 0 },
      { ...account, id: "b:a3", name: "Dollars", balance: 0 },
    ]);
  });
  afterEach(() => store.close());

  const payment = (id: Id, date: string, amount: number, more: Partial<Payment> = {}): Payment => ({
    id,
    source: "bank",
    accountId: "bank:1",
    status: "booked",
    date,
    amount,
    currency: "EUR",
    counterparty: { name: `shop ${id}` },
    description: "",
    raw: {},
    fetchedAt: "2026-01-31T10:00:00Z",
    ...more,
  });
  const transaction = (id: Id, date: string, amount: number): Transaction => ({
    id,
    budgetId: BUDGET,
    accountId: "b:a1",
    date,
    amount,
    currency: "EUR",
    payeeName: `payee ${id}`,
    approved: true,
    deleted: false,
  });
  const item = (paymentId: Id, more: Partial<QueueItem>): QueueItem => ({
    id: `${paymentId}|${BUDGET}`,
    paymentId,
    budgetId: BUDGET,
    accountId: "bank:1",
    state: "synced",
    stateSince: "2026-01-31T10:00:00Z",
    enqueuedAt: "2026-01-31T10:00:00Z",
    date: "2026-01-01",
    importId: `TF1:${paymentId}`,
    attempt: 0,
    dueAt: "2026-01-31T10:00:00Z",
    ...more,
  });
  const settled = async (more: Partial<QueueItem>) => {
    await store
      .collection(payments)
      .upsertMany([
        payment("p1", "2026-01-10", -1_000),
        payment("p2", "2026-01-12", -2_500),
        payment("p3", "2026-01-13", -777, { status: "pending" }),
      ]);
    await store.collection(transactions).upsertMany([transaction("t1", "2026-01-10", -1_000)]);
    await store
      .collection(matches)
      .upsertMany([
        { id: "t1", budgetId: BUDGET, paymentId: "p1", rule: "amount-date", confidence: 1, reason: "same" },
      ]);
    await store
      .collection(queue)
      .upsertMany([item("p1", { state: "skipped", skipReason: "already-in-budget" }), item("p2", more)]);
  };
  const current = async () => (await checkBalances(store, BUDGET, "EUR"))[0]!;

  it("counts what is on its way, and leaves pending payments out", async () => {
    for (const more of [
      { state: "classified" },
      { state: "sending" },
      { state: "synced" },
      { state: "skipped", skipReason: "own-transfer" },
    ] as const) {
      await settled(more);
      const found = await current();
      assert.equal(found.state, "equal", JSON.stringify(more));
      assert.equal(found.onItsWay, -2_500);
    }
  });

  it("knows the row that the budget made of the other side of a transfer", async () => {
    await settled({ state: "skipped", skipReason: "own-transfer", transferPaymentId: "p9" });
    const other = { ...transaction("t9", "2026-01-12", 2_500), accountId: "b:a2" };
    await store
      .collection(queue)
      .upsertMany([item("p9", { accountId: "bank:2", transferPaymentId: "p2", transactionId: "t9" })]);
    const before = await current();
    assert.deepEqual([before.state, before.onItsWay], ["equal", -2_500], "not read back yet");
    // The budget is read: it made this row when ours was written.
    await store.collection(transactions).upsertMany([
      { ...other, transferTransactionId: "t2" },
      { ...transaction("t2", "2026-01-12", -2_500), transferTransactionId: "t9" },
    ]);
    await store
      .collection(budgetAccounts)
      .upsertMany([
        { budgetId: BUDGET, closed: false, deleted: false, id: "b:a1", name: "Current", balance: 6_500 },
      ]);
    const after = await current();
    assert.deepEqual([after.state, after.onItsWay], ["equal", 0], after.message);
  });

  it("does not count as written what was deleted in the budget since", async () => {
    await settled({ state: "synced", transactionId: "t2" });
    await store
      .collection(transactions)
      .upsertMany([{ ...transaction("t2", "2026-01-12", -2_500), deleted: true }]);
    const found = await current();
    assert.equal(found.difference?.amount, -2_500);
    assert.match(found.message, /part on 2026-01-12\. Only at the bank: .* \(deleted in the budget\)/);
  });

  it("names the day, the amount and what keeps the payment out of the budget", async () => {
    await settled({
      state: "dead",
      error: { code: "PROVIDER_REFUSED", message: "no such payee", retryable: false, details: {} },
    });
    const found = await current();
    assert.equal(found.state, "different");
    assert.equal(found.difference?.date, "2026-01-12");
    assert.equal(
      found.message,
      "Current: the bank has 25.00 EUR less than the budget. They part on 2026-01-12. Only at the bank: -25.00 EUR shop p2 (given up: no such payee).",
    );
  });

  it("says why an account is not compared, and leaves out accounts that are not mapped", async () => {
    const found = await checkBalances(store, BUDGET, "EUR");
    assert.deepEqual(
      found.map(({ name, state }) => [name, state]),
      [
        ["Current", "different"],
        ["Silent", "unknown"],
        ["Dollars", "unknown"],
      ],
    );
    assert.match(found[1]!.message, /The bank states no balance of Silent/);
    assert.match(found[2]!.message, /kept in USD and the budget in EUR/);
  });
});
