import type { PaymentFacts, QueueItem, Store } from "../../store";
import { takeTurn, turnDue, type Id } from "../../values";
import { decide, explain, type Explained, type Refund, type UserRule } from "../cascade";
import { rulesInUse } from "../rules";
import { exampleOf, usableCategories } from "./labels";
import { suggestingModel, type LiveModel } from "./live";

/** What the payments of a budget are classified by, as it stands at one moment. */
export interface Basis {
  live: LiveModel | undefined;
  /** Categories that may be suggested. */
  allowed: ReadonlySet<Id>;
  rules: readonly UserRule[];
  /** Rules whose category is hidden or gone; they are not used. */
  gone: readonly UserRule[];
  nameOf(categoryId: Id): string;
}

/** @param given rules that go before those that are stored */
export async function basisOf(
  store: Store,
  budgetId: Id,
  live: LiveModel | undefined,
  given: readonly UserRule[] = [],
): Promise<Basis> {
  const usable = await usableCategories(store, budgetId);
  const allowed = new Set([...usable.values()].filter(({ hidden }) => !hidden).map(({ id }) => id));
  const { rules, gone } = await rulesInUse(store, budgetId, given, allowed);
  return { live, allowed, rules, gone, nameOf: (id) => usable.get(id)?.name ?? id };
}

/** What the cascade says of one payment, and why. */
export function answerOf(basis: Basis, item: QueueItem, payment: PaymentFacts, refund?: Refund): Explained {
  const { live, ...cascade } = basis;
  const options = {
    ...cascade,
    transfer: item.transferAccountId !== undefined,
    ...(refund ? { refund } : {}),
  };
  const example = exampleOf(payment);
  return explain(live?.model, example, decide(live?.model, example, options), options);
}

/** What is suggested for a payment, and what made the suggestion. */
export interface Suggestion extends Explained {
  /** The version of the model. */
  modelVersion: string;
}

/**
 * What would be said now of payments that wait for a person, by all labels up to this moment: the version in production
 * with what it learned since, or what was decided in review while there is none (version `none`).
 *
 * Nothing is stored. Whoever shows payments asks about those it shows, so that a decision costs no more however many
 * wait, and every process answers alike, since each learns from the store what it has not learned yet. What classifying
 * stored stays what was said of the payment when it came, which drift is measured by. And nothing moves: what waits goes
 * on by a new version or by a person, and not by a label that the person may still take back. Refunds are left to
 * classifying, which looks at all payments of an account for them.
 *
 * @returns by item id; empty while nothing was learned
 * @throws TallyError MODEL_MISSING when the stored model is gone or damaged; STORE_UNAVAILABLE
 */
export async function suggestNow(
  store: Store,
  budgetId: Id,
  waiting: readonly { item: QueueItem; payment: PaymentFacts }[],
): Promise<Map<Id, Suggestion>> {
  const found = new Map<Id, Suggestion>();
  if (waiting.length === 0) return found;
  const live = await suggestingModel(store, budgetId);
  if (!live) return found;
  const basis = await basisOf(store, budgetId, live);
  for (const { item, payment } of waiting) {
    if (turnDue()) await takeTurn();
    found.set(item.id, { ...answerOf(basis, item, payment), modelVersion: live.version });
  }
  return found;
}
