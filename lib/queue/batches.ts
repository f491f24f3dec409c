import { batches, queue, type Batch, type QueueState, type Store } from "../store";
import type { Id } from "../values";

/** States that items of a batch can be in. */
const STATES: readonly QueueState[] = [
  "synced",
  "skipped",
  "retry",
  "dead",
  "review",
  "leased",
  "sending",
  "classified",
  "new",
];

/**
 * A batch, and how many of its items are in which state now. Items sent again since count in the later batch; those that
 * were changed since count in both.
 */
export interface BatchSummary extends Batch {
  states: Partial<Record<QueueState, number>>;
}

/** How to find the items of a batch: those that it wrote, or those that it changed after another had written them. */
export function itemsOf({ id, revises }: Pick<Batch, "id" | "revises">): { index: string; equals: Id[] } {
  return { index: revises ? "byRevision" : "byBatch", equals: [id] };
}

/**
 * Batches, newest first.
 * @param request.limit at most this many; 50 when absent
 * @param request.after `next` of the page before
 */
export async function listBatches(
  store: Store,
  request: { budgetId?: Id; limit?: number; after?: string } = {},
): Promise<{ batches: BatchSummary[]; next?: string }> {
  const { budgetId, limit = 50, after } = request;
  const page = await store.collection(batches).find({
    order: "desc",
    limit,
    ...(budgetId ? { index: "byBudget", equals: [budgetId] } : { index: "byAt" }),
    ...(after ? { after } : {}),
  });
  const summaries: BatchSummary[] = [];
  for (const batch of page.items) {
    const states: BatchSummary["states"] = {};
    const of = itemsOf(batch);
    for (const state of STATES) {
      const items = await store.collection(queue).count({ ...of, equals: [...of.equals, state] });
      if (items > 0) states[state] = items;
    }
    summaries.push({ ...batch, states });
  }
  return { batches: summaries, ...(page.next ? { next: page.next } : {}) };
}
