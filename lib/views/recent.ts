import { budgetIds, payments, type Payment, type Store } from "../store";
import { addDays } from "../values";
import { standingOf, type Standing } from "./payments";
import type { ViewRequest } from "./types";

/** How far back the summing views look when nothing is said. */
const DEFAULT_DAYS = 90;
const PAGE = 500;

/**
 * Booked payments of the days up to the newest payment, newest first, each with where it stands; read page by page.
 * Days are counted from the newest payment and not from today, so that an account that is read seldom shows the same.
 */
export async function* recentPayments(
  store: Store,
  request: ViewRequest,
): AsyncIterable<{ payment: Payment; standing: Standing }> {
  const newest = await store.collection(payments).find({ index: "byDate", order: "desc", limit: 1 });
  const last = newest.items[0];
  if (!last) return;
  const from = addDays(last.date, 1 - (request.days ?? DEFAULT_DAYS));
  const budgets = await budgetIds(store, request.budgetId);
  let after: string | undefined;
  do {
    const page = await store.collection(payments).find({
      index: "byDate",
      from,
      order: "desc",
      limit: PAGE,
      ...(after ? { after } : {}),
    });
    const booked = page.items.filter(
      (one) =>
        one.status === "booked" && (request.accountId === undefined || one.accountId === request.accountId),
    );
    const standings = await standingOf(store, booked, budgets);
    for (const payment of booked) yield { payment, standing: standings.get(payment.id) ?? {} };
    after = page.next;
  } while (after);
}

/** Is it a movement between own accounts, which neither is income nor spending? */
export function isOwnTransfer({ item, transaction }: Standing): boolean {
  return Boolean(
    item?.transferAccountId || item?.skipReason === "own-transfer" || transaction?.transferAccountId,
  );
}
