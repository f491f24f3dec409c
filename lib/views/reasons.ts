import { budgetIds, queue, type QueueItem, type SkipReason } from "../store";
import type { ErrorCode } from "../values";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";
import { errorWords, SKIPPED } from "./words";

/** Payments that are not written, by reason. */

/** Given-up payments that are looked at to group them; the count of all stands in the view `states`. */
const LOOKED_AT = 2_000;

/**
 * The payments that were given up, grouped by the code of their error, most first: why, what to do, how many, the
 * newest message. Of more than 2,000 the newest are looked at.
 */
export async function readDead({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const groups = new Map<ErrorCode, { items: number; newest: QueueItem }>();
  let left = LOOKED_AT;
  for (const budgetId of await budgetIds(store, request.budgetId)) {
    let after: string | undefined;
    do {
      const page = await store.collection(queue).find({
        index: "bySince",
        equals: [budgetId, "dead"],
        order: "desc",
        limit: Math.min(left, 500),
        ...(after ? { after } : {}),
      });
      left -= page.items.length;
      for (const item of page.items) {
        const code = item.error?.code ?? "INTERNAL";
        const group = groups.get(code);
        if (!group) groups.set(code, { items: 1, newest: item });
        else {
          group.items++;
          if (item.stateSince > group.newest.stateSince) group.newest = item;
        }
      }
      after = page.next;
    } while (after && left > 0);
    if (left <= 0) break;
  }
  const rows = [...groups].map(([code, { items, newest }]): Row => {
    const { why, next } = errorWords(code);
    return {
      code,
      items,
      why,
      next,
      since: newest.stateSince,
      message: newest.error?.message ?? null,
      attempts: newest.attempt,
    };
  });
  rows.sort((a, b) => Number(b["items"]) - Number(a["items"]));
  return { rows: rows.slice(0, request.limit) };
}

/** The payments that are left out, by reason, most first: why, what makes them go on, and how many. */
export async function readSkipped({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const budgets = await budgetIds(store, request.budgetId);
  const rows: Row[] = [];
  for (const reason of Object.keys(SKIPPED) as SkipReason[]) {
    let items = 0;
    for (const budgetId of budgets)
      items += await store.collection(queue).count({ index: "bySkip", equals: [budgetId, reason] });
    const { why, next } = SKIPPED[reason];
    if (items > 0) rows.push({ reason, items, why, next });
  }
  rows.sort((a, b) => Number(b["items"]) - Number(a["items"]));
  return { rows: rows.slice(0, request.limit) };
}
