import { queue, type PaymentFacts, type QueueItem, type Store } from "../store";
import { importId, queueId, type Id, type Instant } from "../values";

/** Queue payments for a budget. What is queued already stays as it is, so that it can be repeated after a crash. */
export async function enqueue(
  store: Store,
  budgetId: Id,
  payments: readonly PaymentFacts[],
  now: Instant,
): Promise<number> {
  const items = payments.map((payment): QueueItem => ({
    id: queueId(payment.id, budgetId),
    paymentId: payment.id,
    budgetId,
    accountId: payment.accountId,
    state: "new",
    stateSince: now,
    enqueuedAt: now,
    date: payment.date,
    importId: importId(payment.id, budgetId),
    attempt: 0,
    dueAt: now,
  }));
  return (await store.collection(queue).insertMissing(items)).inserted;
}
