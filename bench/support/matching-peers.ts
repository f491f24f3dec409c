import { nameSimilarity, type MatchPayment, type MatchTransaction } from "../../lib/matching";
import { dayNumber, type Id } from "../../lib/values";

/** A rule that says for payments which transactions are theirs. */
export type Rule = (
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
) => Map<Id, Id>;

interface Near {
  row: MatchTransaction;
  days: number;
}

/** Rows of equal amount by day, so that a window can be looked up. */
class ByAmount {
  private readonly days = new Map<string, MatchTransaction[]>();

  constructor(transactions: readonly MatchTransaction[]) {
    for (const row of transactions) {
      const key = `${row.amount} ${dayNumber(row.date)}`;
      const there = this.days.get(key);
      if (there) there.push(row);
      else this.days.set(key, [row]);
    }
  }

  /** Within the window, nearest first. */
  near(payment: MatchPayment, window: number): Near[] {
    const day = dayNumber(payment.date);
    const found: Near[] = [];
    for (let days = 0; days <= window; days++)
      for (const at of days === 0 ? [day] : [day - days, day + days])
        for (const row of this.days.get(`${payment.amount} ${at}`) ?? []) found.push({ row, days });
    return found;
  }
}

/** The same amount on the same day. */
export const exactRule: Rule = (payments, transactions) => take(payments, new ByAmount(transactions), 0);

/** The nearest by days, half of the likeness of the names weighing as much as a day, within five days. */
export const nearestFirst: Rule = (payments, transactions) => {
  const rows = new ByAmount(transactions);
  const candidates = payments.flatMap((payment) =>
    rows.near(payment, 5).map(({ row, days }) => ({
      payment: payment.id,
      transaction: row.id,
      cost: days + 2 * (1 - nameSimilarity(payment.name, row.name)),
    })),
  );
  candidates.sort((a, b) => a.cost - b.cost);
  const found = new Map<Id, Id>();
  const used = new Set<Id>();
  for (const { payment, transaction } of candidates) {
    if (found.has(payment) || used.has(transaction)) continue;
    found.set(payment, transaction);
    used.add(transaction);
  }
  return found;
};

/**
 * How Actual imports: the same amount within seven days either way, nearest first; payments whose payee is the
 * transaction's come before all others. Written after `matchTransactions` (once `reconcileTransactions`) in
 * packages/loot-core/src/server/accounts/sync.ts of actualbudget/actual; payees are the same there when their names
 * differ in case alone.
 */
export const actualsRule: Rule = (payments, transactions) => {
  const rows = new ByAmount(transactions);
  const payee = ({ name }: { name: string }) => name.trim().toLowerCase();
  const used = new Set<Id>();
  const inOrder = [...payments].sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  const found = take(inOrder, rows, 7, used, (payment, row) => payee(payment) === payee(row));
  for (const [payment, row] of take(
    inOrder.filter(({ id }) => !found.has(id)),
    rows,
    7,
    used,
  ))
    found.set(payment, row);
  return found;
};

function take(
  payments: readonly MatchPayment[],
  rows: ByAmount,
  window: number,
  used = new Set<Id>(),
  fits: (payment: MatchPayment, row: MatchTransaction) => boolean = () => true,
): Map<Id, Id> {
  const found = new Map<Id, Id>();
  for (const payment of payments) {
    const near = rows.near(payment, window).find(({ row }) => !used.has(row.id) && fits(payment, row));
    if (!near) continue;
    used.add(near.row.id);
    found.set(payment.id, near.row.id);
  }
  return found;
}
