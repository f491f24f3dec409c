import { runAtOnce, type CalendarDate, type Id } from "../values";

/** Rows between two pauses: a millisecond or two of work. */
const PAUSE_ROWS = 2_000;

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
  /** Pairs of that day whose amounts differ. */
  unequal: { payment: BalanceRow; transaction: BalanceRow }[];
}

/**
 * Compare an account's balance at the bank with that in the budget. From the balances of now both are followed back day
 * by day; the first day on which they part is the one after the last at whose end they were equal. A transaction that is
 * paired counts on the day of its payment: people enter the day of the purchase, banks the day of the booking.
 * @param pairs transaction id -> payment id of those that are the same event
 * @returns undefined when the balances of now are equal
 */
export function compareBalances(
  bank: BalanceSide,
  budget: BalanceSide,
  pairs: ReadonlyMap<Id, Id>,
): BalanceDifference | undefined {
  return runAtOnce(comparingBalances(bank, budget, pairs));
}

/** As {@link compareBalances}, with pauses between its passes over the rows. */
export function* comparingBalances(
  bank: BalanceSide,
  budget: BalanceSide,
  pairs: ReadonlyMap<Id, Id>,
): Generator<void, BalanceDifference | undefined> {
  const amount = bank.balance - budget.balance;
  if (amount === 0) return undefined;
  const payments = new Map(bank.rows.map((row) => [row.id, row]));
  yield;
  const transactions: { row: BalanceRow; payment: BalanceRow | undefined; date: CalendarDate }[] = [];
  for (const row of budget.rows) {
    if (transactions.length % PAUSE_ROWS === 0) yield;
    const payment = payments.get(pairs.get(row.id) ?? "");
    transactions.push({ row, payment, date: payment?.date ?? row.date });
  }
  const moved = new Map<CalendarDate, number>();
  const move = (date: CalendarDate, by: number) => moved.set(date, (moved.get(date) ?? 0) + by);
  for (const { date, amount: by } of bank.rows) move(date, by);
  yield;
  for (const { date, row } of transactions) move(date, -row.amount);
  yield;
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
  const ofTheDay = transactions.filter(({ date }) => date === parted);
  const paired = new Set(ofTheDay.map(({ payment }) => payment?.id));
  return {
    amount,
    date: parted,
    onlyAtBank: bank.rows.filter(({ date, id }) => date === parted && !paired.has(id)),
    onlyInBudget: ofTheDay.flatMap(({ row, payment }) => (payment ? [] : [row])),
    unequal: ofTheDay.flatMap(({ row, payment }) =>
      payment && payment.amount !== row.amount ? [{ payment, transaction: row }] : [],
    ),
  };
}
