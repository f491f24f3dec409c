import type { CalendarDate, Id } from "../values";

/** A row of one side: a payment at the bank, or a transaction in the budget. Amounts are minor units. */
export interface BalanceRow {
  id: Id;
  date: CalendarDate;
  amount: number;
  /** For people: who it was, and why it is not on the other side where that is known. */
  text: string;
}

/** One side of an account: its balance after all rows, and the rows that are known, in any order. */
export interface BalanceSide {
  balance: number;
  rows: readonly BalanceRow[];
}

/** Where both sides part, and by what. */
export interface BalanceDifference {
  /** Balance of the bank less that of the budget, now. */
  amount: number;
  /** The first day after which the balances differ; absent when they differed before every row that is known. */
  date?: CalendarDate;
  /** Rows of that day that are not on the other side. */
  onlyAtBank: BalanceRow[];
  onlyInBudget: BalanceRow[];
  /** Pairs of which one row is of that day and the amounts differ, or the days. */
  unequal: { payment: BalanceRow; transaction: BalanceRow }[];
}

/**
 * Compare an account's balance at the bank with that in the budget. From the balances of now both are followed back day
 * by day; the first day on which they part is the one after the last at whose end they were equal.
 * @param pairs transaction id -> payment id of those that are the same event
 * @returns undefined when the balances of now are equal
 */
export function compareBalances(
  bank: BalanceSide,
  budget: BalanceSide,
  pairs: ReadonlyMap<Id, Id>,
): BalanceDifference | undefined {
  const amount = bank.balance - budget.balance;
  if (amount === 0) return undefined;
  const moved = new Map<CalendarDate, number>();
  for (const { date, amount: by } of bank.rows) moved.set(date, (moved.get(date) ?? 0) + by);
  for (const { date, amount: by } of budget.rows) moved.set(date, (moved.get(date) ?? 0) - by);
  let difference = amount;
  let parted: CalendarDate | undefined;
  for (const date of [...moved.keys()].sort().reverse()) {
    difference -= moved.get(date)!;
    if (difference === 0) {
      parted = date;
      break;
    }
  }
  if (parted === undefined) return { amount, onlyAtBank: [], onlyInBudget: [], unequal: [] };
  return { amount, date: parted, ...rowsOf(parted, bank.rows, budget.rows, pairs) };
}

function rowsOf(
  date: CalendarDate,
  payments: readonly BalanceRow[],
  transactions: readonly BalanceRow[],
  pairs: ReadonlyMap<Id, Id>,
): Omit<BalanceDifference, "amount" | "date"> {
  const known = new Map(payments.map((row) => [row.id, row]));
  const paired = new Set<Id>();
  const unequal: BalanceDifference["unequal"] = [];
  const onlyInBudget: BalanceRow[] = [];
  for (const transaction of transactions) {
    const payment = known.get(pairs.get(transaction.id) ?? "");
    if (payment) {
      paired.add(payment.id);
      const ofTheDay = payment.date === date || transaction.date === date;
      const same = payment.amount === transaction.amount && payment.date === transaction.date;
      if (ofTheDay && !same) unequal.push({ payment, transaction });
    } else if (transaction.date === date) {
      onlyInBudget.push(transaction);
    }
  }
  const onlyAtBank = payments.filter((row) => row.date === date && !paired.has(row.id));
  return { onlyAtBank, onlyInBudget, unequal };
}
