import { releaseModel } from "../learning";
import { moveItems, type Move } from "../queue";
import { decisions, queue, reviews, type Decision, type QueueItem, type Review, type Store } from "../store";
import type { Id, Instant } from "../values";
import { CategoryNames, youChose } from "./names";

/**
 * Carrying decisions through. A decision is stored with `pending` first; then come the review that the model learns
 * from, the move of the queue item, and the decision without `pending`. Each write can be repeated, and each may be made
 * by another than who decided: whoever finds a pending decision completes it.
 */

/** How often an item that others keep changing is tried. */
const TRIES = 4;

/** Complete these decisions, in both directions: what was decided is moved on, what was undone is moved back. */
export async function carryThrough(
  store: Store,
  pending: readonly Decision[],
  now: () => Instant,
): Promise<void> {
  await forward(
    store,
    pending.filter((one) => !one.undoneAt),
    now,
  );
  await back(
    store,
    pending.filter((one) => one.undoneAt),
    now,
  );
}

/** The move of an item to what was decided for it. */
export function decidedMove(item: QueueItem, decision: Decision, names: CategoryNames): Move {
  const { categoryId, act } = decision;
  return {
    item,
    to: "classified",
    set: {
      categoryId,
      confidence: 1,
      reason: youChose(categoryId === null ? null : names.of(categoryId)),
      decision: act,
      error: undefined,
    },
  };
}

async function forward(store: Store, pending: readonly Decision[], now: () => Instant): Promise<void> {
  if (pending.length === 0) return;
  const names = new CategoryNames(store);
  await names.load(pending.map(({ categoryId }) => categoryId));
  let open = pending;
  for (let tries = 0; open.length > 0 && tries < TRIES; tries++) {
    // The items first: one that was undone since has another time of entry by then, and is not moved.
    const items = await itemsOf(store, open);
    const standing = await stillPending(store, open);
    await store.collection(reviews).upsertMany(standing.flatMap(reviewOf));
    const waiting = standing.filter((one) => isOpen(items.get(one.id)));
    const moves = waiting.map((one) => decidedMove(items.get(one.id)!, one, names));
    const moved = new Set((await moveItems(store, moves, now())).map(({ id }) => id));
    // A model was quicker: a person's word goes before it, by way of `review`.
    const overruled = standing.filter((one) => isLearned(items.get(one.id)));
    await moveItems(
      store,
      overruled.map((one): Move => ({ item: items.get(one.id)!, to: "review" })),
      now(),
    );
    const left = new Set([...waiting.filter((one) => !moved.has(one.id)), ...overruled]);
    await settled(
      store,
      standing.filter((one) => !left.has(one)),
    );
    open = [...left];
  }
}

/** What the model learns of a decision; nothing where no category was chosen. */
function reviewOf({ id, paymentId, budgetId, at, categoryId, ...more }: Decision): Review[] {
  if (categoryId === null) return [];
  const { suggestedCategoryId, modelVersion } = more;
  return [
    {
      id,
      paymentId,
      budgetId,
      at,
      chosenCategoryId: categoryId,
      ...(suggestedCategoryId ? { suggestedCategoryId } : {}),
      ...(modelVersion ? { modelVersion } : {}),
    },
  ];
}

/** Does the item wait for a category? */
function isOpen(item: QueueItem | undefined): boolean {
  return item !== undefined && (item.state === "review" || item.state === "new") && !item.transferAccountId;
}

/** Did no person decide it, and is it not sent? */
function isLearned(item: QueueItem | undefined): boolean {
  return item?.state === "classified" && !item.decision && !item.transferAccountId && !item.revises;
}

/** Does the item stand as it was decided in this act, and not sent? It can be moved back then. */
export function isUnsent(item: QueueItem, act: Id): boolean {
  return item.decision === act && (item.state === "classified" || (item.state === "retry" && !item.wrote));
}

/** Is the item with the budget by this act, or perhaps there? The decision cannot be taken back then. */
export function isSent(item: QueueItem | undefined, act: Id): boolean {
  return item?.decision === act && item.state !== "skipped" && !isUnsent(item, act);
}

async function back(store: Store, pending: readonly Decision[], now: () => Instant): Promise<void> {
  let open = pending;
  for (let tries = 0; open.length > 0 && tries < TRIES; tries++) {
    const items = await itemsOf(store, open);
    const standing = await stillPending(store, open);
    const unsent = standing.filter((one) => {
      const item = items.get(one.id);
      return item !== undefined && isUnsent(item, one.act);
    });
    const moves = unsent.map((one): Move => ({
      item: items.get(one.id)!,
      to: "review",
      set: { categoryId: null, confidence: undefined, reason: undefined, error: undefined, ...one.before },
    }));
    const moved = new Set((await moveItems(store, moves, now())).map(({ id }) => id));
    open = unsent.filter((one) => !moved.has(one.id));
    const rest = standing.filter((one) => !open.includes(one));
    // What went its way meanwhile stays decided.
    const late = rest.filter((one) => !moved.has(one.id) && isSent(items.get(one.id), one.act));
    await store.collection(decisions).updateMany(
      late.map(({ id, at, act }) => ({
        id,
        expected: { at, act, pending: true },
        set: { pending: undefined, undoneAt: undefined },
      })),
    );
    const undone = rest.filter((one) => !late.includes(one));
    const taken = await store.collection(reviews).deleteMany(await unlearned(store, undone));
    // A model cannot unlearn one label: loaded anew, it learns what still stands.
    if (taken > 0) for (const { budgetId } of undone) releaseModel(store, budgetId);
    await settled(store, undone);
  }
}

/** Of the reviews, those that came of these decisions. */
async function unlearned(store: Store, undone: readonly Decision[]): Promise<Id[]> {
  const at = new Map(undone.map((one) => [one.id, one.at]));
  const found = await store.collection(reviews).getMany([...at.keys()]);
  return found.filter((review) => at.get(review.id) === review.at).map(({ id }) => id);
}

async function settled(store: Store, done: readonly Decision[]): Promise<void> {
  await store.collection(decisions).updateMany(
    done.map(({ id, at, act }) => ({
      id,
      expected: { at, act, pending: true },
      set: { pending: undefined },
    })),
  );
}

async function itemsOf(store: Store, of: readonly Decision[]): Promise<Map<Id, QueueItem>> {
  const found = await store.collection(queue).getMany(of.map(({ id }) => id));
  return new Map(found.map((item) => [item.id, item]));
}

/** Of these decisions, those that stand as they were read and are still to be carried through. */
async function stillPending(store: Store, of: readonly Decision[]): Promise<Decision[]> {
  const found = await store.collection(decisions).getMany(of.map(({ id }) => id));
  const now = new Map(found.map((one) => [one.id, one]));
  return of.filter((one) => {
    const present = now.get(one.id);
    return (
      present?.pending &&
      present.act === one.act &&
      present.at === one.at &&
      present.undoneAt === one.undoneAt
    );
  });
}
