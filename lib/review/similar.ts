import { counterpartyName, exampleOf } from "../learning";
import { payments, queue, type PaymentFacts, type QueueItem, type Store } from "../store";
import { contentHash, takeTurn, turnDue, type Id } from "../values";

/** Payments that one decision can be about: of one counterparty and one direction, on their way to one budget. */

const PAGE = 500;

/** A payment that waits, with the group it belongs to. */
export interface Waiting {
  item: QueueItem;
  payment: PaymentFacts;
  key: string;
}

/** What makes payments similar. */
export interface Likeness {
  /** Cleaned name of the counterparty; empty when the bank says nothing at all. */
  counterparty: string;
  direction: "in" | "out";
}

export function likenessOf(payment: PaymentFacts): Likeness {
  return {
    counterparty: counterpartyName(exampleOf(payment)),
    direction: payment.amount < 0 ? "out" : "in",
  };
}

/** Payments without any name are similar to no other. */
export function groupKey(item: QueueItem, { counterparty, direction }: Likeness): string {
  const own = counterparty === "" ? item.id : counterparty;
  return contentHash([item.budgetId, direction, counterparty === "", own]).slice(0, 32);
}

/**
 * What waits for a person in a budget, newest payment first, with the payments. Items whose payment is not stored are
 * left out.
 * @param most at most this many; the older ones are left out
 */
export async function* waitingIn(store: Store, budgetId: Id, most = Infinity): AsyncGenerator<Waiting> {
  let after: string | undefined;
  let left = most;
  do {
    const page = await store.collection(queue).find({
      index: "byState",
      equals: [budgetId, "review"],
      order: "desc",
      limit: Math.min(PAGE, left),
      ...(after ? { after } : {}),
    });
    left -= page.items.length;
    yield* await withPayments(store, page.items);
    after = page.next;
  } while (after && left > 0);
}

/** These items with their payments and groups. */
export async function withPayments(store: Store, items: readonly QueueItem[]): Promise<Waiting[]> {
  const found = await store.collection(payments).getMany(
    items.map(({ paymentId }) => paymentId),
    ["raw"],
  );
  const byId = new Map(found.map((payment) => [payment.id, payment]));
  const waiting: Waiting[] = [];
  for (const item of items) {
    if (turnDue()) await takeTurn();
    const payment = byId.get(item.paymentId);
    if (!payment) continue;
    waiting.push({ item, payment, key: groupKey(item, likenessOf(payment)) });
  }
  return waiting;
}
