import {
  decisions,
  matches,
  queue,
  reviews,
  transactions,
  type Classification,
  type QueueItem,
  type Store,
  type Transaction,
} from "../store";
import { queueId, type Id, type Instant } from "../values";

/** Where what we wrote was marked as approved, silence for this long is taken for consent. */
const SILENT_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * What people said of the most likely category of these classifications: decided in review, approved or changed in the
 * budget. Not heard of: what nobody looked at yet, what was left uncategorised, split, deleted, or made a transfer.
 * @returns payment id -> was the guess right
 */
export async function heardOf(
  store: Store,
  budgetId: Id,
  rows: readonly Classification[],
  now: Instant,
): Promise<Map<Id, boolean>> {
  const ids = rows.map(({ paymentId }) => queueId(paymentId, budgetId));
  const chosen = new Map<Id, Id>();
  for (const one of await store.collection(decisions).getMany(ids))
    if (!one.undoneAt && one.categoryId) chosen.set(one.paymentId, one.categoryId);
  for (const one of await store.collection(reviews).getMany(ids))
    chosen.set(one.paymentId, one.chosenCategoryId);
  const items = new Map((await store.collection(queue).getMany(ids)).map((item) => [item.paymentId, item]));
  const rowOf = new Map<Id, Id>();
  for (const { paymentId } of rows) {
    if (chosen.has(paymentId)) continue;
    const written = items.get(paymentId)?.transactionId;
    const matched =
      written ??
      (await store.collection(matches).find({ index: "byPayment", equals: [paymentId] })).items.find(
        (match) => match.budgetId === budgetId,
      )?.id;
    if (matched) rowOf.set(paymentId, matched);
  }
  const found = new Map(
    (await store.collection(transactions).getMany([...rowOf.values()])).map((row) => [row.id, row]),
  );
  const heard = new Map<Id, boolean>();
  for (const { paymentId, top, at } of rows) {
    const guess = top[0]?.categoryId;
    const transaction = found.get(rowOf.get(paymentId) ?? "");
    const said =
      chosen.get(paymentId) ??
      (transaction && saidBy(transaction, items.get(paymentId), Date.parse(now) - Date.parse(at)));
    if (guess && said) heard.set(paymentId, said === guess);
  }
  return heard;
}

/** The category that a person stands for in the budget; undefined while nobody does. */
function saidBy(transaction: Transaction, item: QueueItem | undefined, ageMs: number): Id | undefined {
  const { categoryId, deleted, split, transferAccountId, approved } = transaction;
  if (!categoryId || deleted || split?.length || transferAccountId) return undefined;
  const wrote = item?.wrote;
  // Changed and unchanged alike only after a while: a change is seen at once, that there is none is not.
  if (wrote?.approved) return ageMs >= SILENT_DAYS * DAY_MS ? categoryId : undefined;
  if (approved) return categoryId;
  return wrote && wrote.categoryId !== null && wrote.categoryId !== categoryId ? categoryId : undefined;
}
