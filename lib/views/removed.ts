import { budgetIds, queue, transactions, type QueueItem } from "../store";
import { byId, readSegments } from "./read";
import { itemRows } from "./queue";
import type { PageOfRows, Sources, ViewRequest } from "./types";

/** Written payments that one page looks through. */
const LOOKED_AT = 2_000;
const STEP = 250;

/**
 * Payments that were written and whose transaction was deleted in the budget since, newest payment first: they can be
 * imported again. A page looks through at most 2,000 written payments, so that it may hold fewer rows than asked for, or
 * none, and still have a `next`.
 */
export async function readRemoved(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const { store } = sources;
  let looked = 0;
  const budgets = await budgetIds(store, request.budgetId);
  const page = await readSegments<QueueItem>(
    budgets.map((id) => [id, "synced"]),
    request,
    async (equals, limit, after) => {
      const found: QueueItem[] = [];
      let next = after;
      do {
        // As many at once as there is room for: a page's token stands behind its last row.
        const size = Math.max(1, Math.min(STEP, limit - found.length));
        const items = await store.collection(queue).find({
          index: "byState",
          equals,
          order: "desc",
          limit: size,
          ...(next ? { after: next } : {}),
        });
        looked += items.items.length;
        const written = items.items.filter((item) => item.transactionId && !item.fills);
        const rows = await byId(
          store.collection(transactions).getMany(written.map((item) => item.transactionId!)),
        );
        found.push(...written.filter((item) => rows.get(item.transactionId!)?.deleted));
        next = items.next;
      } while (next && found.length < limit && looked < LOOKED_AT);
      return { items: found, ...(next ? { next } : {}) };
    },
  );
  return { rows: await itemRows(sources, page.items), next: page.next };
}
