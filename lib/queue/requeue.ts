import {
  batches,
  budgetIds,
  matches,
  queue,
  transactions,
  type QueueItem,
  type QueueState,
  type SkipReason,
  type Store,
} from "../store";
import { ERROR_CODES, importId, TallyError, type ErrorCode, type Id, type Instant } from "../values";
import { itemsOf } from "./batches";
import { knownRows } from "./rewrite";
import { moveItems, type Move } from "./states";

/** Which items to requeue: these, all in a state (of one error), all skipped for a reason, or those of a batch. */
export type RequeueSelection =
  | { ids: readonly Id[] }
  | { state: QueueState; budgetId?: Id; code?: ErrorCode }
  | { reason: SkipReason; budgetId?: Id }
  | { batchId: Id };

export interface RequeueResult {
  requeued: number;
  /** How many were not, and the first of them with the reason. */
  refusedTotal: number;
  refused: { id: Id; message: string }[];
}

/** Refusals that are listed. */
const SHOWN = 100;
/** Errors of former attempts that an item keeps. */
const KEPT = 10;
const PAGE = 500;
/** States in which an item waits for a person; the others are on their way, or done. */
const WAITS: readonly QueueState[] = ["dead", "skipped", "retry", "review"];

/**
 * Send items on their way again: given up (`dead`), undone or otherwise skipped, or waiting for their next attempt.
 * Attempts count from zero; the error so far is kept in `failures`. All are compared with the budget before they are
 * sent, because a person may have entered them by hand meanwhile.
 *
 * A payment that was written and then deleted, by undo or by a person, is imported again: under the next occurrence
 * of its import id, because budgets refuse the import id of a deleted transaction as a duplicate. The new import id
 * is stored by the same write that requeues it. What still stands in the budget is refused. What is skipped for a
 * reason that still holds is skipped again by the next pass.
 *
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function requeue(
  store: Store,
  selection: RequeueSelection,
  options: { now?: () => Instant } = {},
): Promise<RequeueResult> {
  const now = options.now ?? (() => new Date().toISOString());
  const result: RequeueResult = { requeued: 0, refusedTotal: 0, refused: [] };
  for await (const page of selected(store, selection, result)) {
    const found = await judged(store, page, now());
    const moved = await moveItems(store, found.moves, now());
    const done = new Set(moved.map((item) => item.id));
    result.requeued += moved.length;
    for (const { id, message } of found.refused) refuse(result, id, message);
    for (const { item } of found.moves)
      if (!done.has(item.id))
        refuse(result, item.id, "A worker took it at the same moment. Look at it again.");
  }
  return result;
}

function refuse(result: RequeueResult, id: Id, message: string): void {
  result.refusedTotal++;
  if (result.refused.length < SHOWN) result.refused.push({ id, message });
}

/** Pages of items; each is read whole before it is moved, so that moving takes none away from the next. */
async function* selected(
  store: Store,
  selection: RequeueSelection,
  result: RequeueResult,
): AsyncGenerator<QueueItem[]> {
  const collection = store.collection(queue);
  if ("ids" in selection) {
    const ids = [...new Set(selection.ids)];
    for (let at = 0; at < ids.length; at += PAGE) {
      const asked = ids.slice(at, at + PAGE);
      const items = await collection.getMany(asked);
      const known = new Set(items.map((item) => item.id));
      for (const id of asked) if (!known.has(id)) refuse(result, id, "The queue has no such item.");
      yield items;
    }
    return;
  }
  const state = "state" in selection ? selection.state : "skipped";
  const ranges: { index: string; equals: Id[] }[] = [];
  if ("batchId" in selection) {
    const { batchId: id } = selection;
    const of = itemsOf((await store.collection(batches).get(id)) ?? { id });
    ranges.push(...["dead", "retry", "skipped"].map((one) => ({ ...of, equals: [...of.equals, one] })));
  } else {
    for (const budgetId of await budgetIds(store, selection.budgetId))
      ranges.push({ index: "byState", equals: [budgetId, state] });
  }
  for (const range of ranges) {
    let after: string | undefined;
    do {
      const page = await collection.find({ ...range, limit: PAGE, ...(after ? { after } : {}) });
      yield page.items.filter((item) => isOf(item, selection));
      after = page.next;
    } while (after);
  }
}

function isOf(item: QueueItem, selection: RequeueSelection): boolean {
  if ("reason" in selection) return item.skipReason === selection.reason;
  return !("code" in selection) || selection.code === undefined || item.error?.code === selection.code;
}

async function judged(
  store: Store,
  items: readonly QueueItem[],
  now: Instant,
): Promise<{ moves: Move[]; refused: { id: Id; message: string }[] }> {
  const written = items.filter((item) => item.state === "synced");
  const rows = await knownRows(store, written);
  const moves: Move[] = [];
  const refused: { id: Id; message: string }[] = [];
  for (const item of items) {
    const deleted = rows.get(item.id)?.standing === false;
    if (item.state === "synced" ? deleted : WAITS.includes(item.state)) {
      const standing = item.skipReason === "already-in-budget" ? await standingMatch(store, item) : undefined;
      if (standing) refused.push({ id: item.id, message: `It stands in the budget as ${standing}.` });
      else moves.push({ item, to: nextState(item), set: fresh(item, now) });
    } else {
      const message =
        item.state === "synced"
          ? "It stands in the budget. If you deleted it there, have the budget read first (budget extract)."
          : "It is on its way already.";
      refused.push({ id: item.id, message });
    }
  }
  return { moves, refused };
}

/** The transaction that the payment was matched with, where the store knows it as standing. */
async function standingMatch(store: Store, item: QueueItem): Promise<Id | undefined> {
  const { items } = await store.collection(matches).find({ index: "byPayment", equals: [item.paymentId] });
  const own = items.filter((match) => match.budgetId === item.budgetId).map((match) => match.id);
  return (await store.collection(transactions).getMany(own)).find((row) => !row.deleted)?.id;
}

/** What was classified goes on as it was; what was written, skipped or is in review is classified anew. */
function nextState(item: QueueItem): QueueState {
  const classified = item.categoryId !== undefined || item.transferAccountId !== undefined;
  return (item.state === "dead" && classified) || item.state === "retry" ? "classified" : "new";
}

function fresh(item: QueueItem, now: Instant): Partial<QueueItem> {
  const again = item.state === "synced" || item.skipReason === "undone";
  const occurrence = (item.occurrence ?? 0) + 1;
  return {
    attempt: 0,
    setbacks: undefined,
    dueAt: now,
    enqueuedAt: now,
    error: undefined,
    // What stood in the budget is gone: it is written anew, and not filled.
    ...(item.skipReason === "already-in-budget" ? { fills: undefined } : {}),
    ...(item.error
      ? {
          failures: [
            ...(item.failures ?? []),
            { at: item.stateSince, attempt: item.attempt, error: item.error },
          ].slice(-KEPT),
        }
      : {}),
    // A transaction of another that we only gave a category stands as it did: there is nothing to import again.
    ...(again && !item.fills
      ? {
          occurrence,
          importId: importId(item.paymentId, item.budgetId, occurrence),
          transactionId: undefined,
          wrote: undefined,
          revises: undefined,
          revisedIn: undefined,
          uncleared: undefined,
        }
      : {}),
  };
}

/**
 * A selection as it comes from outside.
 * @throws TallyError CONFIG_INVALID when it names none, or more than one, or something that is no text
 */
export function requeueSelection(given: unknown): RequeueSelection {
  const form = (given ?? {}) as Record<string, unknown>;
  const named = ["ids", "state", "reason", "batchId"].filter((name) => form[name] !== undefined);
  const text = (name: string) => {
    const value = form[name];
    if (value !== undefined && typeof value !== "string")
      throw new TallyError("CONFIG_INVALID", `${name} must be a text.`);
    return value;
  };
  if (named.length !== 1)
    throw new TallyError("CONFIG_INVALID", "Say what to requeue: one of ids, state, reason or batchId.");
  const budgetId = text("budgetId");
  const within = budgetId ? { budgetId } : {};
  if (form["ids"] !== undefined) {
    const { ids } = form;
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string"))
      throw new TallyError("CONFIG_INVALID", "ids must be a list of ids of queue items.");
    return { ids: ids as string[] };
  }
  const batchId = text("batchId");
  if (batchId !== undefined) return { batchId };
  const state = WAITS.find((one) => one === text("state"));
  if (state) return { state, ...within, ...codeOf(text("code")) };
  const reason = REASONS.find((one) => one === text("reason"));
  if (reason) return { reason, ...within };
  throw new TallyError(
    "CONFIG_INVALID",
    `The state must be one of ${WAITS.join(", ")}, the reason one of ${REASONS.join(", ")}.`,
  );
}

function codeOf(given: string | undefined): { code?: ErrorCode } {
  if (given === undefined) return {};
  if (!Object.hasOwn(ERROR_CODES, given))
    throw new TallyError(
      "CONFIG_INVALID",
      `${given.slice(0, 40)} is not one of the codes in docs/errors.md.`,
    );
  return { code: given as ErrorCode };
}

const REASONS: readonly SkipReason[] = [
  "not-mapped",
  "before-start-date",
  "own-transfer",
  "already-in-budget",
  "pending",
  "zero-amount",
  "currency-mismatch",
  "account-closed",
  "future-date",
  "superseded",
  "vanished",
  "undone",
];
