import type { Transaction } from "../store";
import type { Id } from "../values";

/**
 * YNAB matches what is imported with what a person entered by hand, on the same account, of the same amount, at most
 * ten days apart. Then one event may stand there as two rows that name each other.
 * @param rows standing rows, with the partners of each
 * @param isPaired has the row a payment already? It is the one that stays then, else the one that a person entered
 * @returns ids of the rows that say nothing of their own: the other row stands for both
 */
export function doubledByMatch(rows: readonly Transaction[], isPaired: (id: Id) => boolean): Set<Id> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const left = new Set<Id>();
  for (const row of rows) {
    const other = byId.get(row.matchedTransactionId ?? "");
    if (!other || left.has(other.id) || left.has(row.id)) continue;
    left.add(weight(row, isPaired) > weight(other, isPaired) ? other.id : row.id);
  }
  return left;
}

function weight(row: Transaction, isPaired: (id: Id) => boolean): number {
  return (isPaired(row.id) ? 2 : 0) + (row.importId === undefined ? 1 : 0);
}
