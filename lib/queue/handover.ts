import { matches, queue, type PaymentFacts, type QueueItem, type Store } from "../store";
import { queueId, type Id, type Instant } from "../values";
import { knownRows } from "./rewrite";
import { moveItems, type Move } from "./states";

/**
 * A payment that was booked under another id than it was pending under: two payments in the store, one in the budget.
 * The booked one takes the place of the pending one, whatever has become of that: left to wait, found in the budget,
 * written, or undone.
 */

/** What the booked payment's item is to do. */
export type Succession =
  /** Nothing of the pending payment can come into the budget any more: it goes its own way. */
  | { to: "own-way" }
  /** The pending one is in a worker's hands, or may have been written: it waits. */
  | { to: "wait" }
  /** It ends as the pending one did. */
  | { to: "skipped"; set: Partial<QueueItem> & Pick<QueueItem, "skipReason"> }
  /** It changes the transaction that the pending one was written as. */
  | { to: "revise"; set: Partial<QueueItem> };

/**
 * What becomes of items whose payment settles a pending one. The pending ones that were not written are taken out of
 * the queue first, so that nothing can write them any more.
 * @param dry say it, and change nothing
 * @returns item id -> what it is to do, for those items only
 */
export async function successions(
  store: Store,
  items: readonly QueueItem[],
  payments: ReadonlyMap<Id, PaymentFacts>,
  now: Instant,
  dry = false,
): Promise<Map<Id, Succession>> {
  const heirs = items.flatMap((item) => {
    const settles = payments.get(item.paymentId)?.settles;
    return settles && !item.revises && !item.transactionId ? [{ item, settles }] : [];
  });
  const found = new Map<Id, Succession>();
  if (heirs.length === 0) return found;
  const before = await store
    .collection(queue)
    .getMany(heirs.map(({ item, settles }) => queueId(settles, item.budgetId)));
  const waiting = before.filter(
    ({ state, wrote }) =>
      state === "new" ||
      state === "review" ||
      state === "classified" ||
      state === "dead" ||
      (state === "retry" && !wrote),
  );
  const out = waiting.map((item): Move => ({ item, to: "skipped", set: { skipReason: "superseded" } }));
  const moved = dry
    ? waiting.map((item): QueueItem => ({ ...item, state: "skipped", skipReason: "superseded" }))
    : await moveItems(store, out, now);
  const pendings = new Map([...before, ...moved].map((item) => [item.id, item]));
  const rows = await knownRows(
    store,
    [...pendings.values()].filter(({ state }) => state === "synced"),
  );
  for (const { item, settles } of heirs) {
    const pending = pendings.get(queueId(settles, item.budgetId));
    found.set(item.id, pending ? successionOf(pending, rows.get(pending.id)?.id) : { to: "own-way" });
  }
  return found;
}

function successionOf(pending: QueueItem, known: Id | undefined): Succession {
  const { state, skipReason, transactionId = known } = pending;
  if (state === "synced") {
    if (transactionId === undefined) return { to: "wait" };
    const { importId, categoryId, confidence, reason, modelVersion, wrote, occurrence, batchId } = pending;
    const set: Partial<QueueItem> = {
      revises: transactionId,
      transactionId,
      importId,
      categoryId,
      confidence,
      reason,
      modelVersion,
      wrote,
      occurrence,
      batchId,
    };
    return { to: "revise", set };
  }
  if (state !== "skipped") return { to: "wait" };
  if (skipReason === "undone" || skipReason === "already-in-budget")
    return { to: "skipped", set: { skipReason } };
  return { to: "own-way" };
}

/** What the store says of the transaction passes from the pending payments to the booked ones. */
export async function passOn(
  store: Store,
  heirs: readonly QueueItem[],
  payments: ReadonlyMap<Id, PaymentFacts>,
  now: Instant,
): Promise<void> {
  for (const { paymentId, budgetId } of heirs) {
    const settles = payments.get(paymentId)?.settles;
    if (!settles) continue;
    const found = await store.collection(matches).find({ index: "byPayment", equals: [settles] });
    const own = found.items.filter((match) => match.budgetId === budgetId);
    await store
      .collection(matches)
      .updateMany(own.map(({ id }) => ({ id, expected: { paymentId: settles }, set: { paymentId } })));
    const pending = await store.collection(queue).get(queueId(settles, budgetId));
    if (pending?.state === "synced")
      await moveItems(
        store,
        [
          {
            item: pending,
            to: "skipped",
            set: {
              skipReason: "superseded",
              uncleared: undefined,
              transactionId: undefined,
              wrote: undefined,
              batchId: undefined,
              revisedIn: undefined,
            },
          },
        ],
        now,
      );
  }
}
