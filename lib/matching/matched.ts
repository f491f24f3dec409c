import { matches, transactions, type QueueItem, type Store } from "../store";
import type { Id } from "../values";

/**
 * Which of these payments have their transaction already? They may claim no second one: an equal payment that the
 * bank has not shown yet would then not find its own, and be written twice.
 */
export async function matchedPayments(
  store: Store,
  budgetId: Id,
  items: readonly QueueItem[],
): Promise<Set<Id>> {
  const collection = store.collection(matches);
  const found = await collection.findAny(
    "byPayment",
    items.map((item) => item.paymentId),
  );
  const own = found.filter((match) => match.budgetId === budgetId);
  const standing = new Set<Id>();
  for (let at = 0; at < own.length; at += 500) {
    const chunk = new Map(own.slice(at, at + 500).map((match) => [match.id, match.paymentId]));
    for (const row of await store.collection(transactions).getMany([...chunk.keys()]))
      if (!row.deleted) standing.add(chunk.get(row.id)!);
  }
  return standing;
}
