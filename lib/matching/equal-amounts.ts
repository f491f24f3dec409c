import { dayNumber, type CalendarDate, type Id } from "../values";
import { sortInTurns } from "./sort-in-turns";

/** Rows handled between two pauses. */
export const PAUSE = 200;

export interface DatedRow {
  id: Id;
  date: CalendarDate;
  amount: number;
  name: string;
}

/** One side of an account: its rows and their days. */
export interface Side<Row extends DatedRow = DatedRow> {
  rows: readonly Row[];
  days: Int32Array;
  /** Positions in `rows`, those of equal amount together, each group in the order of day and id. */
  order: Int32Array;
}

/** The rows of one amount: stretches of `order` on both sides. */
export interface Group {
  amount: number;
  payments: Int32Array;
  transactions: Int32Array;
}

export interface Grouped<P extends DatedRow, T extends DatedRow> {
  payments: Side<P>;
  transactions: Side<T>;
  /** Ascending by amount. */
  groups: () => Iterable<Group>;
}

/**
 * Sort the rows of an account into groups of equal amount. Order within a group and of the groups is that of amount,
 * day and id, so that nothing depends on the order in which rows came. Pauses every few hundred rows.
 * @param open which rows take part
 */
export function* groupedByAmount<P extends DatedRow, T extends DatedRow>(
  paymentRows: readonly P[],
  transactionRows: readonly T[],
  open: { payment: (row: P) => boolean; transaction: (row: T) => boolean },
): Generator<void, Grouped<P, T>, void> {
  const numbers = new Map<number, number>();
  const left = yield* groupNumbers(paymentRows, open.payment, numbers);
  const right = yield* groupNumbers(transactionRows, open.transaction, numbers);
  const payments = yield* ordered(paymentRows, left, numbers.size);
  const transactions = yield* ordered(transactionRows, right, numbers.size);
  const amounts = [...numbers.keys()];
  return {
    payments: payments.side,
    transactions: transactions.side,
    *groups() {
      for (let at = 0; at < amounts.length; at++)
        yield {
          amount: amounts[at]!,
          payments: payments.side.order.subarray(payments.starts[at]!, payments.starts[at + 1]!),
          transactions: transactions.side.order.subarray(
            transactions.starts[at]!,
            transactions.starts[at + 1]!,
          ),
        };
    },
  };
}

/** The number of the group of each row; -1 for rows that take no part. */
function* groupNumbers<Row extends DatedRow>(
  rows: readonly Row[],
  open: (row: Row) => boolean,
  numbers: Map<number, number>,
): Generator<void, Int32Array, void> {
  const groups = new Int32Array(rows.length).fill(-1);
  for (let at = 0; at < rows.length; at++) {
    if (at % PAUSE === 0) yield;
    if (!open(rows[at]!)) continue;
    const { amount } = rows[at]!;
    let number = numbers.get(amount);
    if (number === undefined) numbers.set(amount, (number = numbers.size));
    groups[at] = number;
  }
  return groups;
}

/** Counting sort by group, then each group by day and id. */
function* ordered<Row extends DatedRow>(
  rows: readonly Row[],
  groups: Int32Array,
  count: number,
): Generator<void, { side: Side<Row>; starts: Int32Array }, void> {
  const days = new Int32Array(rows.length);
  const starts = new Int32Array(count + 1);
  let [known, day] = ["", 0];
  for (let at = 0; at < rows.length; at++) {
    if (at % PAUSE === 0) yield;
    if (groups[at]! < 0) continue;
    const { date } = rows[at]!;
    if (date !== known) [known, day] = [date, dayNumber(date)];
    days[at] = day;
    starts[groups[at]! + 1]!++;
  }
  for (let at = 0; at < count; at++) starts[at + 1]! += starts[at]!;
  const order = new Int32Array(starts[count]!);
  const next = starts.slice();
  for (let at = 0; at < rows.length; at++) {
    if (at % PAUSE === 0) yield;
    if (groups[at]! >= 0) order[next[groups[at]!]!++] = at;
  }
  const before = (a: number, b: number) =>
    days[a]! - days[b]! || (rows[a]!.id < rows[b]!.id ? -1 : rows[a]!.id > rows[b]!.id ? 1 : 0);
  for (let at = 0; at < count; at++) {
    if (at % PAUSE === 0) yield;
    const size = starts[at + 1]! - starts[at]!;
    if (size > 1) yield* sortInTurns(order.subarray(starts[at]!, starts[at + 1]!), before);
  }
  return { side: { rows, days, order }, starts };
}
