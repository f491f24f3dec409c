import { decisions, queue, rules, type Decision, type QueueItem, type Store } from "../store";
import { TallyError, type Id, type Instant } from "../values";
import { carryThrough, isSent, isUnsent } from "./carry";
import type { Refused } from "./decide";
import { CategoryNames, payments } from "./names";

/** Taking a decision back, as long as it was not sent to the budget. Afterwards a batch can be undone. */

/** What was decided together. */
export interface Act {
  act: Id;
  budgetId: Id;
  at: Instant;
  categoryId: Id | null;
  category: string | null;
  items: number;
  /** How many of them were not sent yet, so that they can be taken back. */
  open: number;
}

export interface Undone {
  act: Id;
  undone: number;
  /** How many were not, and the first of them with the reason. */
  refusedTotal: number;
  refused: Refused[];
  /** The rule that was made with it is deleted. */
  ruleDeleted: boolean;
  text: string;
}

const SHOWN = 100;
const PAGE = 500;
/** Decisions that are looked at to list acts. */
const LOOKED_AT = 1_000;

/**
 * Take back what was decided in one act: the payments wait again with what was suggested, the model forgets it when it is
 * loaded next, and the rule that was made with it goes. What is on its way to the budget or in it is left as it is. It
 * can be repeated.
 * @throws TallyError NOT_FOUND for an act that is not known; STORE_UNAVAILABLE
 */
export async function undo(
  store: Store,
  act: Id,
  now: () => Instant = () => new Date().toISOString(),
): Promise<Undone> {
  const found: Decision[] = [];
  for await (const one of store.collection(decisions).scan({ index: "byAct", equals: [act] }))
    found.push(one);
  if (found.length === 0)
    throw new TallyError("NOT_FOUND", "There is no such decision; it may have been made anew since.");
  const ruleDeleted = (await store.collection(rules).deleteMany([`rule:${act.replace(/^act:/, "")}`])) === 1;
  const result: Undone = { act, undone: 0, refusedTotal: 0, refused: [], ruleDeleted, text: "" };
  for (let at = 0; at < found.length; at += PAGE)
    await undoPage(store, found.slice(at, at + PAGE), now, result);
  return { ...result, text: said(result) };
}

async function undoPage(
  store: Store,
  page: readonly Decision[],
  now: () => Instant,
  result: Undone,
): Promise<void> {
  const collection = store.collection(decisions);
  // A decision that is not carried through is completed first, so that there is one state to go back from.
  await carryThrough(
    store,
    page.filter((one) => one.pending),
    now,
  );
  const before = await itemsOf(store, page);
  const undoneAt = now();
  const wanted = page.filter((one) => !one.undoneAt && !isSent(before.get(one.id), one.act));
  await collection.updateMany(
    wanted.map(({ id, at, act }) => ({
      id,
      expected: { at, act, undoneAt: null },
      set: { undoneAt, pending: true },
    })),
  );
  const marked = await collection.getMany(page.map(({ id }) => id));
  await carryThrough(
    store,
    marked.filter((one) => one.pending && one.act === result.act),
    now,
  );
  const after = new Map((await collection.getMany(page.map(({ id }) => id))).map((one) => [one.id, one]));
  const items = await itemsOf(store, page);
  for (const { id, act } of page) {
    const decision = after.get(id);
    if (decision?.act === act && decision.undoneAt) result.undone++;
    else {
      result.refusedTotal++;
      const message = decision?.act === act ? late(items.get(id)) : "It was decided anew since.";
      if (result.refused.length < SHOWN) result.refused.push({ id, message });
    }
  }
}

/**
 * The newest acts of a budget that still stand, newest first.
 * @param limit at most this many
 */
export async function recentActs(store: Store, budgetId: Id, limit: number): Promise<Act[]> {
  const page = await store
    .collection(decisions)
    .find({ index: "byBudget", equals: [budgetId], order: "desc", limit: LOOKED_AT });
  const acts = new Map<Id, Decision[]>();
  for (const one of page.items) {
    if (one.undoneAt) continue;
    const known = acts.get(one.act);
    if (known) known.push(one);
    else if (acts.size < limit) acts.set(one.act, [one]);
  }
  const items = await itemsOf(store, [...acts.values()].flat());
  const names = new CategoryNames(store);
  await names.load([...acts.values()].map(([first]) => first!.categoryId));
  return [...acts].map(([act, all]): Act => {
    const { at, categoryId } = all[0]!;
    return {
      act,
      budgetId,
      at,
      categoryId,
      category: categoryId === null ? null : names.of(categoryId),
      items: all.length,
      open: all.filter((one) => {
        const item = items.get(one.id);
        return item !== undefined && isUnsent(item, act);
      }).length,
    };
  });
}

/** The newest act of a budget of which something can still be taken back. */
export async function lastAct(store: Store, budgetId: Id): Promise<Act | undefined> {
  return (await recentActs(store, budgetId, 50)).find((one) => one.open > 0);
}

async function itemsOf(store: Store, of: readonly Decision[]): Promise<Map<Id, QueueItem>> {
  const found = await store.collection(queue).getMany(of.map(({ id }) => id));
  return new Map(found.map((item) => [item.id, item]));
}

function late(item: QueueItem | undefined): string {
  switch (item?.state) {
    case "leased":
    case "sending":
      return "It is being written to the budget right now.";
    case "retry":
      return "It may have been written already; the next run finds out.";
    case "synced":
      return "It is in the budget already. Undo its batch on the page Batches, or change it in the budget.";
    case "dead":
      return "The budget refused it, and it was given up: see the page Queue.";
    default:
      return "Another changed it at the same moment. Try again.";
  }
}

function said({ undone, refusedTotal, refused, ruleDeleted }: Undone): string {
  const parts: string[] = [];
  if (undone > 0) parts.push(`Taken back: ${payments(undone)} ${undone === 1 ? "waits" : "wait"} again.`);
  if (refusedTotal > 0) parts.push(`${payments(refusedTotal)} left as decided. ${refused[0]?.message ?? ""}`);
  if (ruleDeleted) parts.push("The rule that was made with it is deleted.");
  return parts.join(" ");
}
