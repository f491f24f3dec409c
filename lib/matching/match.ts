import { runAtOnce, runInTurns } from "../values";
import { groupedByAmount } from "./equal-amounts";
import { learnHabits } from "./habits";
import { Names } from "./names";
import { MOST_DAYS, type Habits } from "./odds";
import { pairEqualAmounts } from "./pair-equal-amounts";
import { matchReferences } from "./references";
import type { MatchPayment, MatchTransaction, Pair } from "./types";

export interface MatchOptions {
  /**
   * The most days that may lie between the payment and the transaction, 0 to 31, whatever else speaks for the pair; 10
   * when absent. Within them the odds decide.
   */
  windowDays?: number;
  /** How this account's rows come into its budget; learned from the rows at hand when absent. */
  habits?: Habits;
}

/** As many as YNAB itself matches over: what lies further apart is written. */
export const WINDOW_DAYS = 10;

/**
 * Pair the payments and transactions of one account, one-to-one: exact reference first, then, among equal amounts
 * within the window of days, the one-to-one pairing that is most likely right. What spoke for a pair are the days
 * between the dates, the names, and how rare the amount is; a row whose pairs are all less likely than none is left.
 * The result does not depend on the order of rows. Rows of other amounts bear on a pair through
 * {@link MatchOptions.habits} alone. Work is bounded: O(n log n) rows, and a fixed cost for each candidate.
 */
export function matchAccount(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions = {},
): Pair[] {
  return runAtOnce(matching(payments, transactions, options));
}

/** {@link matchAccount} with the event loop free in between: an account may have ten thousand rows. */
export function matchAccountInTurns(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions = {},
): Promise<Pair[]> {
  return runInTurns(matching(payments, transactions, options));
}

function* matching(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions,
): Generator<void, Pair[], void> {
  const windowDays = Math.min(MOST_DAYS, options.windowDays ?? WINDOW_DAYS);
  const pairs = yield* matchReferences(payments, transactions);
  const usedPayments = new Set(pairs.map((pair) => pair.paymentId));
  const usedTransactions = new Set(pairs.map((pair) => pair.transactionId));
  const grouped = yield* groupedByAmount(payments, transactions, {
    payment: ({ id }) => !usedPayments.has(id),
    transaction: ({ id, own }) => !own && !usedTransactions.has(id),
  });
  const names = new Names();
  const learned = options.habits
    ? { habits: options.habits, counted: new Uint8Array(payments.length) }
    : yield* learnHabits(grouped, windowDays, names);
  const sides = { payments: grouped.payments, transactions: grouped.transactions };
  for (const group of grouped.groups())
    yield* pairEqualAmounts({ ...sides, ...learned, group, windowDays, names }, pairs);
  return pairs;
}
