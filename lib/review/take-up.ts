import { exampleOf, matchRule, rulesInUse } from "../learning";
import { isAssignable, moveItems } from "../queue";
import {
  categories,
  cursors,
  decisions,
  payments,
  queue,
  type Decision,
  type QueueItem,
  type Store,
} from "../store";
import { contentHash, queueId, type Id, type Instant } from "../values";
import { carryThrough, decidedMove } from "./carry";
import { CategoryNames } from "./names";
import { waitingIn } from "./similar";

/** What people decided comes before what was learned: this is taken up before payments are classified. */

const PAGE = 500;

/**
 * Complete what a crash left of decisions, give payments that are on their way once more what was decided for them, and
 * send what waits to be classified where a rule fits it that is new or was changed. It can be repeated.
 * @returns how many payments each was about
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function takeUp(
  store: Store,
  budgetId: Id,
  now: () => Instant = () => new Date().toISOString(),
): Promise<{ completed: number; decided: number; ruled: number }> {
  const completed = await completePending(store, budgetId, now);
  const decided = await decideAgain(store, budgetId, now);
  const ruled = await sweepRules(store, budgetId, now);
  return { completed, decided, ruled };
}

async function completePending(store: Store, budgetId: Id, now: () => Instant): Promise<number> {
  const pending: Decision[] = [];
  for await (const one of store.collection(decisions).scan({ index: "byPending", equals: [budgetId, true] }))
    pending.push(one);
  for (let at = 0; at < pending.length; at += PAGE)
    await carryThrough(store, pending.slice(at, at + PAGE), now);
  return pending.length;
}

/** Payments in `new` that a person decided before: left out meanwhile, undone with their batch, requeued, or pending then. */
async function decideAgain(store: Store, budgetId: Id, now: () => Instant): Promise<number> {
  const names = new CategoryNames(store);
  if ((await store.collection(decisions).count({ index: "byBudget", equals: [budgetId] })) === 0) return 0;
  let moved = 0;
  let after: string | undefined;
  do {
    const page = await store.collection(queue).find({
      index: "byState",
      equals: [budgetId, "new"],
      limit: PAGE,
      ...(after ? { after } : {}),
    });
    after = page.next;
    const items = new Map(
      page.items.filter((item) => !item.transferAccountId).map((item) => [item.id, item]),
    );
    await inherit(store, [...items.values()], now);
    const found = (await store.collection(decisions).getMany([...items.keys()])).filter(
      (one) => !one.undoneAt && !one.pending,
    );
    if (found.length === 0) continue;
    await names.load(found.map(({ categoryId }) => categoryId));
    const standing = found.filter(
      ({ categoryId }) => categoryId === null || names.assignable(categoryId, budgetId),
    );
    const moves = standing.map((one) => decidedMove(items.get(one.id)!, one, names));
    moved += (await moveItems(store, moves, now())).length;
  } while (after);
  return moved;
}

/** What was decided about a payment while it was pending holds for the one that it was booked as under another id. */
async function inherit(store: Store, items: readonly QueueItem[], now: () => Instant): Promise<void> {
  const found = await store.collection(payments).getMany(
    items.map(({ paymentId }) => paymentId),
    ["raw"],
  );
  const settles = new Map(found.flatMap((one) => (one.settles ? [[one.id, one.settles] as const] : [])));
  const heirs = items.flatMap((item) => {
    const pending = settles.get(item.paymentId);
    return pending ? [{ item, from: queueId(pending, item.budgetId) }] : [];
  });
  if (heirs.length === 0) return;
  const known = new Map(
    (await store.collection(decisions).getMany(heirs.map(({ from }) => from))).map((one) => [one.id, one]),
  );
  await store.collection(decisions).insertMissing(
    heirs.flatMap(({ item: { id, paymentId }, from }) => {
      const decision = known.get(from);
      if (!decision || decision.undoneAt) return [];
      const { pending: _carried, ...decided } = decision;
      return [{ ...decided, id, paymentId, at: now() }];
    }),
  );
}

/**
 * Send waiting payments that a rule fits to be classified, once for each change of the rules: classifying looks at what
 * waits only when there is another model.
 */
export async function sweepRules(store: Store, budgetId: Id, now: () => Instant): Promise<number> {
  const allowed = new Set<Id>();
  for await (const category of store.collection(categories).scan({ index: "byBudget", equals: [budgetId] }))
    if (isAssignable(category)) allowed.add(category.id);
  const { rules } = await rulesInUse(store, budgetId, [], allowed);
  const cursorId = `rules:${budgetId}`;
  const hash = contentHash(rules);
  const known = await store.collection(cursors).get(cursorId);
  if (known ? known.value === hash : rules.length === 0) return 0;
  let moved = 0;
  const fitting = [];
  if (rules.length > 0)
    for await (const { item, payment } of waitingIn(store, budgetId))
      if (matchRule(rules, exampleOf(payment))) fitting.push(item);
  for (let at = 0; at < fitting.length; at += PAGE) {
    const moves = fitting.slice(at, at + PAGE).map((item) => ({ item, to: "new" as const }));
    moved += (await moveItems(store, moves, now())).length;
  }
  await store.collection(cursors).upsertMany([{ id: cursorId, value: hash, at: now() }]);
  return moved;
}
