import {
  budgetIds,
  bankAccounts,
  payments,
  queue,
  type BankAccount,
  type Page,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
} from "../store";
import { ERROR_CODES, TallyError } from "../values";
import { paymentRow, reasonOf } from "./payments";
import { byId, categoryNames, readSegments } from "./read";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";
import { SKIPPED } from "./words";

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

/** Items that one page looks through for one error. */
const LOOKED_AT = 2_000;

/**
 * Items of the queue, newest payment first; of one state, or with `reason` those left out for one reason or failed with
 * one error. Errors are looked for in at most 2,000 items a page, so that it may hold fewer rows and still have a `next`.
 */
export async function readQueue(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await itemsOf(sources, request);
  return { rows: await itemRows(sources, page.items), next: page.next };
}

async function itemsOf({ store }: Sources, request: ViewRequest): Promise<Page<QueueItem>> {
  const { reason } = request;
  const budgets = await budgetIds(store, request.budgetId);
  const find = (index: string) => (equals: string[], limit: number, after: string | undefined) =>
    store.collection(queue).find({ index, equals, order: "desc", limit, ...(after ? { after } : {}) });
  if (reason !== undefined && Object.hasOwn(SKIPPED, reason))
    return readSegments(
      budgets.map((id) => [id, reason]),
      request,
      find("bySkip"),
    );
  if (reason !== undefined && !Object.hasOwn(ERROR_CODES, reason))
    throw new TallyError(
      "CONFIG_INVALID",
      `"${reason.slice(0, 40)}" is not a reason. Use one of ${Object.keys(SKIPPED).join(", ")}, or the code of an error.`,
    );
  const states = statesOf(request.state, reason ? ["dead", "retry"] : QUEUE_STATES);
  const read = find("byState");
  let looked = 0;
  return readSegments(
    budgets.flatMap((budgetId) => states.map((state) => [budgetId, state])),
    request,
    async (equals, limit, after) => {
      if (reason === undefined) return read(equals, limit, after);
      const items: QueueItem[] = [];
      let next = after;
      do {
        const page = await read(equals, limit - items.length, next);
        looked += page.items.length;
        items.push(...page.items.filter((item) => item.error?.code === reason));
        next = page.next;
      } while (next && items.length < limit && looked < LOOKED_AT);
      return { items, ...(next ? { next } : {}) };
    },
  );
}

/** Items of the queue as flat columns. */
export async function itemRows({ store }: Sources, items: readonly QueueItem[]): Promise<Row[]> {
  const ids = items.map((item) => item.paymentId);
  const found = await byId<PaymentFacts>(store.collection(payments).getMany(ids, ["raw"]));
  const names = await categoryNames(store, items);
  const accounts = await byId<BankAccount>(
    store.collection(bankAccounts).getMany([...new Set(items.map((item) => item.accountId))]),
  );
  return items.map((item) => {
    const payment = found.get(item.paymentId);
    return {
      ...(payment ? paymentRow(payment) : { date: item.date }),
      id: item.id,
      paymentId: item.paymentId,
      budgetId: item.budgetId,
      account: accounts.get(item.accountId)?.name ?? null,
      state: item.state,
      since: item.stateSince,
      categoryId: item.categoryId ?? null,
      category: (item.categoryId && names.get(item.categoryId)?.name) ?? null,
      confidence: item.confidence ?? null,
      reason: reasonOf(item),
      attempt: item.attempt,
      dueAt: item.dueAt,
    };
  });
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
