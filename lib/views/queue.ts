import { payments, queue, type Payment, type QueueState } from "../store";
import { TallyError } from "../values";
import { paymentRow, reasonOf } from "./payments";
import { budgetIds, byId, categoryNames, readSegments } from "./read";
import type { PageOfRows, Sources, ViewRequest } from "./types";

export const QUEUE_STATES: readonly QueueState[] = [
  "new",
  "classified",
  "review",
  "leased",
  "sending",
  "synced",
  "retry",
  "dead",
  "skipped",
];

export async function readQueue({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const states = statesOf(request.state, QUEUE_STATES);
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).flatMap((budgetId) =>
      states.map((state) => [budgetId, state]),
    ),
    request,
    (equals, limit, after) =>
      store.collection(queue).find({
        index: "byState",
        equals,
        order: "desc",
        limit,
        ...(after ? { after } : {}),
      }),
  );
  const found = await byId<Payment>(
    store.collection(payments).getMany(page.items.map((item) => item.paymentId)),
  );
  const names = await categoryNames(store, page.items);
  return {
    rows: page.items.map((item) => {
      const payment = found.get(item.paymentId);
      return {
        ...(payment ? paymentRow(payment) : { date: item.date }),
        id: item.id,
        paymentId: item.paymentId,
        budgetId: item.budgetId,
        state: item.state,
        since: item.stateSince,
        categoryId: item.categoryId ?? null,
        category: (item.categoryId && names.get(item.categoryId)?.name) ?? null,
        confidence: item.confidence ?? null,
        reason: reasonOf(item),
        attempt: item.attempt,
        dueAt: item.dueAt,
      };
    }),
    next: page.next,
  };
}

function statesOf(wanted: string | undefined, known: readonly QueueState[]): readonly QueueState[] {
  if (wanted === undefined) return known;
  const state = known.find((one) => one === wanted);
  if (!state)
    throw new TallyError(
      "CONFIG_INVALID",
      `"${wanted}" is not a state of the queue. Use one of ${known.join(", ")}.`,
    );
  return [state];
}

/** How many items of the queue are in which state; states without any are there too. */
export async function readStates({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const budgets = await budgetIds(store, request.budgetId);
  const rows = [];
  for (const state of statesOf(request.state, QUEUE_STATES)) {
    let items = 0;
    for (const budgetId of budgets)
      items += await store.collection(queue).count({ index: "byState", equals: [budgetId, state] });
    rows.push({ state, items });
  }
  return { rows };
}
