import { transactions, type QueueItem, type Store } from "../store";
import type { Id } from "../values";

/**
 * The budget's rows that these items were written to, as the store knows them: by the transaction's id, else by the
 * import id (a duplicate answer does not say which row it is).
 * @returns item id -> transaction id and whether it still stands; items without a known row are left out
 */
export async function knownRows(
  store: Store,
  items: readonly QueueItem[],
): Promise<Map<Id, { id: Id; standing: boolean }>> {
  const collection = store.collection(transactions);
  const named = items.flatMap((item) => item.transactionId ?? []);
  const rows = new Map((await collection.getMany(named)).map((row) => [row.id, row]));
  const found = new Map<Id, { id: Id; standing: boolean }>();
  for (const item of items) {
    const row = item.transactionId
      ? rows.get(item.transactionId)
      : (await collection.find({ index: "byImportId", equals: [item.importId], limit: 1 })).items[0];
    if (row) found.set(item.id, { id: row.id, standing: !row.deleted });
  }
  return found;
}
