import { importId, makeId } from "../lib/values";
import { makeHousehold, type HouseholdOptions } from "../simulators/household";
import { bunqPaymentId } from "../simulators/bunq";
import { accountIdOf, categoryIdOf } from "../simulators/ynab";

/** A row of the simulated budget, read by other means than Tallyflow's. */
export interface BudgetRow {
  accountId: string;
  amount: number;
  categoryId: string | null;
  importId: string | null;
}

export interface Judgement {
  /** Booked payments of the household. */
  payments: number;
  /** Booked payments that stand in no row of the budget. */
  lost: number;
  /** Rows of the budget beyond one for each payment. */
  doubled: number;
  /** Share of the payments after the last budgeted day whose row bears the category that is true. */
  accuracyLastQuarter: number;
}

/**
 * Compare what stands in the simulated budget with what happened in the household. Rows are counted by account and
 * amount: what the people entered without a payment (cash, slips of the pen) is known and taken off.
 * The amounts of the rows are in thousandths, as YNAB has them.
 */
export function judge(options: HouseholdOptions, rows: readonly BudgetRow[], budgetId: string): Judgement {
  const household = makeHousehold(options);
  const booked = household.payments.filter((payment) => payment.status === "booked");
  const bySequence = new Map(booked.map((payment) => [payment.sequence, payment]));
  const key = (accountId: string, minor: number) => `${accountId}|${minor}`;
  const balance = new Map<string, number>();
  const count = (at: string, by: number) => balance.set(at, (balance.get(at) ?? 0) + by);
  for (const row of rows) count(key(row.accountId, Math.round(row.amount / 10)), 1);
  for (const payment of booked) count(key(accountIdOf(household, payment.account), payment.amount), -1);
  for (const entry of household.entries) {
    const stray = bySequence.get(entry.payment)?.amount !== entry.amount;
    if (stray) count(key(accountIdOf(household, entry.account), entry.amount), -1);
  }
  for (const account of household.accounts)
    count(key(accountIdOf(household, account.key), account.openingBalance), -1);
  let lost = 0;
  let doubled = 0;
  for (const difference of balance.values()) {
    if (difference < 0) lost -= difference;
    else doubled += difference;
  }
  const byImportId = new Map(rows.map((row) => [row.importId, row]));
  const recent = booked.filter(
    (payment) => payment.date > household.options.budgetedUntil && payment.category !== undefined,
  );
  const right = recent.filter((payment) => {
    const row = byImportId.get(importId(makeId("bunq", bunqPaymentId(payment.sequence)), budgetId));
    return row?.categoryId === categoryIdOf(household, payment.category!);
  });
  return {
    payments: booked.length,
    lost,
    doubled,
    accuracyLastQuarter: recent.length === 0 ? 1 : right.length / recent.length,
  };
}
