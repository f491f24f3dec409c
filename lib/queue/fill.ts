import type { TransactionChange } from "../budget";
import {
  cursors,
  matches,
  queue,
  transactions,
  type QueueItem,
  type Store,
  type Transaction,
} from "../store";
import { isOwnImportId, TallyError, toTallyError, type ErrorCode, type Id } from "../values";
import { handBack, refusal } from "./failure";
import type { Pass } from "./pass";
import { take } from "./take";
import { moveItems, type Move } from "./states";
import { categoryGone, isAssignable } from "./transaction";
import { writtenRow } from "./written";

/**
 * Giving a category to transactions that the budget had already, say by its own bank link. Such a payment was skipped
 * as `already-in-budget`; it goes through the states like any other, with `fills` naming the transaction, and ends in
 * a change of that transaction in place of a new one.
 */

const PAGE = 500;
/** Answers about single rows; whatever else fails, fails for all. */
const OF_ROWS: readonly ErrorCode[] = ["PROVIDER_REFUSED", "CATEGORY_GONE", "NOT_FOUND"];

/** May this transaction be given a category: has it none, and is it of a kind that has one? */
export function isFillable(row: Transaction): boolean {
  return (
    !row.deleted &&
    !row.categoryId &&
    !row.split &&
    !row.transferAccountId &&
    row.cleared !== "reconciled" &&
    !isOwnImportId(row.importId)
  );
}

/**
 * Send on their way what was found in the budget without a category since the last time. Each is offered once: what
 * then gets no category stays as it is.
 */
export async function offerFills({ context, budget, counts }: Pass): Promise<void> {
  const { store } = context;
  const cursorId = `fill:${budget.budgetId}`;
  const at = context.now();
  const from = (await store.collection(cursors).get(cursorId))?.at ?? "";
  let after: string | undefined;
  do {
    context.signal.throwIfAborted();
    const page = await store.collection(queue).find({
      index: "bySince",
      equals: [budget.budgetId, "skipped"],
      from,
      limit: PAGE,
      ...(after ? { after } : {}),
    });
    const items = page.items.filter((item) => item.skipReason === "already-in-budget" && !item.fills);
    const rows = await matchedRows(store, items);
    const moves = items.flatMap((item): Move[] => {
      const row = rows.get(item.id);
      return row && isFillable(row) ? [{ item, to: "new", set: { fills: row.id } }] : [];
    });
    counts["offered"] = (counts["offered"] ?? 0) + (await moveItems(store, moves, context.now())).length;
    after = page.next;
  } while (after);
  await store.collection(cursors).upsertMany([{ id: cursorId, value: null, at }]);
}

async function matchedRows(store: Store, items: readonly QueueItem[]): Promise<Map<Id, Transaction>> {
  const matched = new Map<Id, Id>();
  const itemOf = new Map(items.map((item) => [item.paymentId, item]));
  for (const match of await store.collection(matches).findAny("byPayment", [...itemOf.keys()])) {
    const item = itemOf.get(match.paymentId)!;
    if (match.budgetId === item.budgetId) matched.set(match.id, item.id);
  }
  const rows = await store.collection(transactions).getMany([...matched.keys()]);
  return new Map(rows.filter((row) => !row.deleted).map((row) => [matched.get(row.id)!, row]));
}

/** What an item changes, or undefined when it has no category to give. */
export function changeOf(item: QueueItem): TransactionChange | undefined {
  const { fills, categoryId, transferAccountId } = item;
  return fills && categoryId && !transferAccountId ? { id: fills, categoryId } : undefined;
}

/**
 * Give transactions their category. What they had is stored before the request; what has a category by now, is
 * reconciled or gone is left alone.
 * @throws TallyError when the request failed as a whole
 */
export async function fillBatch(pass: Pass, items: readonly QueueItem[]): Promise<void> {
  const { context, budget, writing } = pass;
  const rows = await standing(pass, items);
  const ready: QueueItem[] = [];
  const moves: Move[] = [];
  for (const item of items) {
    const row = rows.get(item.fills!);
    const change = changeOf(item);
    const category = writing.categories.get(item.categoryId ?? "");
    if (!row || !change || !isFillable(row))
      moves.push({ item, to: "skipped", set: { skipReason: "already-in-budget" } });
    else if (!isAssignable(category)) moves.push(refusal(pass, item, categoryGone(category)));
    else ready.push(item);
  }
  await moveItems(context.store, moves, context.now());
  const held = await take(pass, ready, (item) => {
    const row = rows.get(item.fills!)!;
    return {
      transactionId: row.id,
      prior: { categoryId: row.categoryId ?? null },
      wrote: writtenRow({ ...row, categoryId: item.categoryId! }),
    };
  });
  if (!held) return;
  let problem: TallyError | undefined;
  try {
    await budget.update(
      held.items.flatMap((item) => {
        const change = changeOf(item);
        return change ? { ...change, onlyIf: { categoryId: rows.get(item.fills!)!.categoryId ?? null } } : [];
      }),
      context.signal,
    );
  } catch (thrown) {
    problem = toTallyError(thrown);
  }
  await record(pass, held.items, problem);
  pass.result.batchIds.push(held.batchId);
}

/** Whatever the answer was: what counts is what stands in the budget now. */
async function record(
  pass: Pass,
  items: readonly QueueItem[],
  problem: TallyError | undefined,
): Promise<void> {
  const { context, counts } = pass;
  const rows = await standing(pass, items);
  const taken = items.filter((item) => isFilled(item, rows.get(item.fills!)));
  let left = items.filter((item) => !taken.includes(item));
  const done = taken.map((item): Move => ({
    item,
    to: "synced",
    set: { wrote: writtenRow(rows.get(item.fills!)!) },
  }));
  const moved = await moveItems(context.store, done, context.now());
  counts["synced"]! += moved.length;
  counts["filled"] = (counts["filled"] ?? 0) + moved.length;
  counts["lost"]! += done.length - moved.length;
  const overtaken = left.filter((item) => {
    const row = rows.get(item.fills!);
    return !row || !isFillable(row);
  });
  // A person was quicker: theirs stands.
  await moveItems(
    context.store,
    overtaken.map((item): Move => ({
      item,
      to: "retry",
      set: { dueAt: context.now(), wrote: undefined, prior: undefined },
    })),
    context.now(),
  );
  left = left.filter((item) => !overtaken.includes(item));
  if (left.length === 0) return;
  if (problem && !OF_ROWS.includes(problem.code)) {
    await handBack(pass, left, problem, false);
    throw problem;
  }
  const error = problem ?? new TallyError("PROVIDER_REFUSED", "The budget did not take the category.");
  await moveItems(
    context.store,
    left.map((item) => refusal(pass, item, error)),
    context.now(),
  );
}

/** Which of these items in the air were written: item id -> transaction id. */
export async function findFilled(
  pass: Pick<Pass, "budget">,
  items: readonly QueueItem[],
): Promise<Map<Id, Id>> {
  const rows = await standing(pass, items);
  return new Map(
    items.flatMap((item) => (isFilled(item, rows.get(item.fills!)) ? [[item.id, item.fills!]] : [])),
  );
}

function isFilled(item: QueueItem, row: Transaction | undefined): boolean {
  return row !== undefined && row.categoryId === item.categoryId && !row.split;
}

async function standing(
  { budget }: Pick<Pass, "budget">,
  items: readonly QueueItem[],
): Promise<Map<Id, Transaction>> {
  const rows = items.length === 0 ? [] : await budget.read(items.flatMap((item) => item.fills ?? []));
  return new Map(rows.map((row) => [row.id, row]));
}
