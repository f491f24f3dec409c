import { queue, type ConditionalUpdate, type QueueItem, type QueueState, type Store } from "../store";
import type { Instant } from "../values";

/** The state machine of the design, as a table: which state may follow which. */
const FOLLOWS: Readonly<Record<QueueState, readonly QueueState[]>> = {
  new: ["classified", "review", "skipped", "synced"],
  // From review to review: looked at again by a newer model, and still not sure.
  review: ["review", "classified", "skipped", "new", "synced"],
  classified: ["leased", "skipped", "new", "review", "retry", "dead", "synced"],
  leased: ["sending", "classified", "retry", "dead", "review", "new", "skipped"],
  sending: ["synced", "retry", "dead", "review", "classified"],
  // To review when a person takes back a decision that was not written yet.
  retry: ["classified", "leased", "skipped", "dead", "synced", "review"],
  // To skipped when its batch is undone, to new when a person imports again what was deleted, to classified when the
  // bank has booked what was written while pending, to synced when it is followed no more.
  synced: ["skipped", "new", "classified", "synced"],
  dead: ["classified", "new", "skipped", "synced"],
  // To classified when it changes what was written for the pending payment that it settles.
  skipped: ["new", "skipped", "synced", "classified"],
};

/** States in which an item waits to be written. */
export const WAITING: readonly QueueState[] = ["new", "review", "classified", "retry"];

export function mayFollow(from: QueueState, to: QueueState): boolean {
  return FOLLOWS[from].includes(to);
}

export interface Move {
  item: QueueItem;
  to: QueueState;
  set?: Partial<QueueItem>;
}

/**
 * Move items to other states, each only when it is still as it was read: state, time of entry, lease and batches. A
 * worker that lost an item to another, even of its own name, can so never overwrite what that one stored.
 * @returns the items as they are after the move; those that another worker changed first are left out
 * @throws Error when the state machine does not know the transition: a fault in the caller
 */
export async function moveItems(store: Store, moves: readonly Move[], now: Instant): Promise<QueueItem[]> {
  if (moves.length === 0) return [];
  const updates: ConditionalUpdate<QueueItem>[] = [];
  const after = new Map<string, QueueItem>();
  for (const { item, to, set } of moves) {
    if (!mayFollow(item.state, to)) throw new Error(`A queue item cannot go from ${item.state} to ${to}.`);
    const change: Partial<QueueItem> = { ...set, state: to, stateSince: now };
    if (to !== "leased" && to !== "sending")
      Object.assign(change, { leaseOwner: undefined, leaseUntil: undefined });
    if (to !== "skipped") change.skipReason = undefined;
    if (item.decision && (to === "new" || to === "review")) change.decision = undefined;
    if (item.announcedAt && to !== "review") change.announcedAt = undefined;
    if (to === "synced" || to === "new") Object.assign(change, { error: undefined, setbacks: undefined });
    updates.push({
      id: item.id,
      expected: {
        state: item.state,
        stateSince: item.stateSince,
        leaseOwner: item.leaseOwner ?? null,
        batchId: item.batchId ?? null,
        revisedIn: item.revisedIn ?? null,
      },
      set: change,
    });
    after.set(item.id, { ...item, ...change });
  }
  const { updatedIds } = await store.collection(queue).updateMany(updates);
  return updatedIds.map((id) => after.get(id)!);
}
