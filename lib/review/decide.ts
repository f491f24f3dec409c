import { randomUUID } from "node:crypto";
import { decisions, queue, type Decision, type QueueItem, type Store, type StoredRule } from "../store";
import { TallyError, type Id, type Instant } from "../values";
import { carryThrough } from "./carry";
import { CategoryNames, payments } from "./names";
import { insertRule, ruleOf, type RuleDraft } from "./rules";
import { withPayments } from "./similar";
import { sweepRules } from "./take-up";
import { similarTo, suggestions } from "./waiting";

export interface DecideRequest {
  /** The queue items to decide about. */
  ids: readonly Id[];
  /** The category; null to write without one. Who accepts names what they saw: meanwhile something else may be suggested. */
  categoryId: Id | null;
  /** Decide the same for all that wait and are of the same counterparty and direction. */
  applyToSimilar?: boolean | undefined;
  /** Make a rule of it: with these conditions, or `true` for "this counterparty, this direction". */
  makeRule?: boolean | RuleDraft | undefined;
  /** Names this decision: sent again, it changes nothing more. Made up when absent. */
  act?: Id | undefined;
}

/** An item that could not be decided, and why. */
export interface Refused {
  id: Id;
  message: string;
}

/** An item that was decided before. */
export interface Already {
  id: Id;
  at: Instant;
  categoryId: Id | null;
  category: string | null;
}

export interface Decided {
  act: Id;
  categoryId: Id | null;
  category: string | null;
  /** How many items have this decision now, by this act. */
  decided: number;
  /** How many had another's decision already, and the first of them. */
  alreadyTotal: number;
  already: Already[];
  refusedTotal: number;
  refused: Refused[];
  rule?: StoredRule;
  /** What came of it, in a sentence. */
  text: string;
}

/** Listed of those that were decided already or refused. */
const SHOWN = 100;
const PAGE = 500;

/**
 * Decide what category waiting payments have. The decision is stored before anything follows from it, so that a crash at
 * any point leaves what the next run (or the same call again) completes. Of two who decide about one payment at once
 * the first counts; the other is told what was decided.
 *
 * @throws TallyError CONFIG_INVALID when it is not said what to decide about, or for a bad rule; CATEGORY_GONE for a
 *   category that is hidden, deleted or of another budget; NOT_FOUND when none of the payments is in the queue;
 *   STORE_UNAVAILABLE
 */
export async function decide(
  store: Store,
  request: DecideRequest,
  now: () => Instant = () => new Date().toISOString(),
): Promise<Decided> {
  if (request.ids.length === 0)
    throw new TallyError(
      "CONFIG_INVALID",
      "Say which payments to decide about, by the ids that the list gives.",
    );
  const named = await store.collection(queue).getMany([...new Set(request.ids)]);
  const [first] = named;
  if (!first) throw new TallyError("NOT_FOUND", "None of these payments is in the queue any more.");
  if (named.some(({ budgetId }) => budgetId !== first.budgetId))
    throw new TallyError(
      "CONFIG_INVALID",
      "Payments of two budgets cannot have one category. Decide them apart.",
    );
  const names = new CategoryNames(store);
  const { categoryId } = request;
  if (categoryId !== null) {
    await names.load([categoryId]);
    names.check(categoryId, first.budgetId);
  }
  const act = request.act ?? `act:${randomUUID()}`;
  const items = request.applyToSimilar ? await withSimilar(store, named) : named;
  // What was suggested before any of this is learned from.
  const guesses = await guessesOf(store, items);
  // The rule first: whatever a crash then leaves undecided, the rule decides.
  const rule = request.makeRule
    ? await insertRule(store, await ruleFor(store, request.makeRule, first, categoryId, act, now()))
    : undefined;
  const result: Decided = {
    act,
    categoryId,
    category: categoryId === null ? null : names.of(categoryId),
    decided: 0,
    alreadyTotal: 0,
    already: [],
    refusedTotal: 0,
    refused: [],
    ...(rule ? { rule } : {}),
    text: "",
  };
  for (let at = 0; at < items.length; at += PAGE)
    await decidePage(store, items.slice(at, at + PAGE), { act, categoryId, guesses }, now, result);
  if (rule) await sweepRules(store, first.budgetId, now);
  await names.load(result.already.map((one) => one.categoryId));
  for (const one of result.already) one.category = one.categoryId === null ? null : names.of(one.categoryId);
  return { ...result, text: said(result) };
}

async function ruleFor(
  store: Store,
  draft: true | RuleDraft,
  item: QueueItem,
  categoryId: Id | null,
  act: Id,
  at: Instant,
): Promise<StoredRule> {
  if (categoryId === null)
    throw new TallyError("CONFIG_INVALID", "A rule needs a category. Choose one, or decide without a rule.");
  return ruleOf(store, { item, categoryId, at, id: `rule:${act.replace(/^act:/, "")}` }, draft);
}

async function withSimilar(store: Store, named: readonly QueueItem[]): Promise<QueueItem[]> {
  const all = new Map<Id, QueueItem>();
  for (const item of named) {
    // It came with a similar one.
    if (all.has(item.id)) continue;
    for (const one of await similarTo(store, item)) all.set(one.id, one);
  }
  return [...all.values()];
}

interface Guessed {
  best: Id | undefined;
  modelVersion: string;
}

/** What is suggested for those that wait, by item id. */
async function guessesOf(store: Store, items: readonly QueueItem[]): Promise<Map<Id, Guessed>> {
  const waiting = items.filter(({ state }) => state === "review");
  const guesses = new Map<Id, Guessed>();
  for (let at = 0; at < waiting.length; at += PAGE) {
    const page = await withPayments(store, waiting.slice(at, at + PAGE));
    for (const [id, { top, modelVersion }] of await suggestions(store, page))
      guesses.set(id, { best: top[0]?.categoryId, modelVersion });
  }
  return guesses;
}

async function decidePage(
  store: Store,
  items: readonly QueueItem[],
  { act, categoryId, guesses }: { act: Id; categoryId: Id | null; guesses: ReadonlyMap<Id, Guessed> },
  now: () => Instant,
  result: Decided,
): Promise<void> {
  const collection = store.collection(decisions);
  const known = new Map((await collection.getMany(items.map(({ id }) => id))).map((one) => [one.id, one]));
  const at = now();
  const claims = items
    .filter((item) => item.state === "review" && !known.get(item.id)?.pending)
    .map((item): Decision => {
      const { best, modelVersion = item.modelVersion } = guesses.get(item.id) ?? {};
      const { categoryId: before, confidence, reason, error } = item;
      return {
        id: item.id,
        paymentId: item.paymentId,
        budgetId: item.budgetId,
        at,
        act,
        categoryId,
        ...(best ? { suggestedCategoryId: best } : {}),
        ...(modelVersion ? { modelVersion } : {}),
        before: {
          ...(before !== undefined ? { categoryId: before } : {}),
          ...(confidence !== undefined ? { confidence } : {}),
          ...(reason !== undefined ? { reason } : {}),
          ...(error ? { error } : {}),
        },
        pending: true,
      };
    });
  await collection.insertMissing(claims.filter(({ id }) => !known.has(id)));
  // A decision of before, for a payment that waits once more: replaced unless another was quicker.
  await collection.updateMany(
    claims.flatMap((claim) => {
      const old = known.get(claim.id);
      if (!old) return [];
      const { id, paymentId: _payment, budgetId: _budget, ...fields } = claim;
      const { suggestedCategoryId, modelVersion, ...rest } = fields;
      const set = { ...rest, suggestedCategoryId, modelVersion, undoneAt: undefined };
      return [{ id, expected: { at: old.at, act: old.act, pending: null }, set }];
    }),
  );
  const standing = new Map((await collection.getMany(items.map(({ id }) => id))).map((one) => [one.id, one]));
  await carryThrough(
    store,
    [...standing.values()].filter((one) => one.pending),
    now,
  );
  const after = new Map(
    (await store.collection(queue).getMany(items.map(({ id }) => id))).map((one) => [one.id, one]),
  );
  for (const { id } of items) judge(after.get(id), standing.get(id), { act, categoryId }, result);
}

/** What became of one item, told by what stands in the store after all was done. */
function judge(
  item: QueueItem | undefined,
  decision: Decision | undefined,
  wanted: { act: Id; categoryId: Id | null },
  result: Decided,
): void {
  if (!item || !decision || decision.undoneAt || item.decision !== decision.act) {
    result.refusedTotal++;
    if (result.refused.length < SHOWN) result.refused.push({ id: item?.id ?? "", message: movedOn(item) });
  } else if (decision.act === wanted.act && decision.categoryId === wanted.categoryId) result.decided++;
  else {
    result.alreadyTotal++;
    const { id, at, categoryId } = decision;
    if (result.already.length < SHOWN) result.already.push({ id, at, categoryId, category: null });
  }
}

function movedOn(item: QueueItem | undefined): string {
  switch (item?.state) {
    case undefined:
      return "It is not in the queue any more.";
    case "synced":
      return "It is in the budget already. Change its category there.";
    case "skipped":
      return "It does not wait any more: it is left out.";
    case "dead":
      return "It was given up. Try it again on the page Queue.";
    case "review":
      return "Another changed it at the same moment. Decide again.";
    default:
      return "It does not wait any more: it has a category and is on its way to the budget.";
  }
}

/** A sentence for people. */
function said({ decided, category, alreadyTotal, already, refusedTotal, refused, rule }: Decided): string {
  const parts: string[] = [];
  if (decided > 0)
    parts.push(
      `${payments(decided)}: ${category ?? "no category"}. ${decided === 1 ? "It goes" : "They go"} into the budget with the next run.`,
    );
  if (alreadyTotal > 0)
    parts.push(
      `${payments(alreadyTotal)} had been decided already: ${[...new Set(already.map((one) => one.category ?? "no category"))].join(", ")}.`,
    );
  if (refusedTotal > 0) parts.push(`${payments(refusedTotal)} not decided. ${refused[0]?.message ?? ""}`);
  if (rule) parts.push("The rule is kept.");
  return parts.join(" ");
}
