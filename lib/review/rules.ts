import { randomUUID } from "node:crypto";
import { counterpartyName, exampleOf, matchRule, storedRules } from "../learning";
import {
  budgets,
  payments,
  rules,
  type QueueItem,
  type RuleConditions,
  type Store,
  type StoredRule,
} from "../store";
import { formatAmount, normaliseIban, TallyError, type Id, type Instant } from "../values";
import { CategoryNames } from "./names";
import { likenessOf } from "./similar";
import { sweepRules } from "./take-up";

/** The rules that people make: kept, listed in the order in which they are tried, moved and deleted. */

/** A rule as it comes from outside, and what it is called. */
export interface RuleDraft extends RuleConditions {
  name?: string;
}

export interface ListedRule extends StoredRule {
  /** Null where the category is not known any more. */
  category: string | null;
  /** Its conditions, in words. */
  text: string;
  /** Why it is not used; null when it is. */
  problem: string | null;
}

/** More rules than this in one budget are a fault of whoever sends them. */
const MOST = 2_000;
const LONGEST = 200;
const TEXTS = ["contains", "counterparty", "counterpartyAccount", "account", "name"] as const;

/** The rules of a budget in their order; those whose category went away say so. */
export async function listRules(store: Store, budgetId: Id): Promise<ListedRule[]> {
  const found = await storedRules(store, budgetId);
  const names = new CategoryNames(store);
  await names.load(found.map(({ categoryId }) => categoryId));
  const currency = (await store.collection(budgets).get(budgetId))?.currency ?? "EUR";
  return found.map((rule) => ({
    ...rule,
    category: names.get(rule.categoryId)?.name ?? null,
    text: inWords(rule, currency),
    problem: names.assignable(rule.categoryId, budgetId)
      ? null
      : "Its category is hidden or no longer there: the rule is not used. Give it another category, or delete it.",
  }));
}

/**
 * Keep a rule: a new one, which is tried after all others, or with `id` one that is there, in its place. What waits and
 * fits it is classified again by the next run.
 * @throws TallyError CONFIG_INVALID for conditions that are missing or wrong; CATEGORY_GONE; NOT_FOUND for an unknown id
 */
export async function saveRule(
  store: Store,
  draft: RuleDraft & ({ id: Id; categoryId: Id } | { budgetId: Id; categoryId: Id }),
  now: () => Instant = () => new Date().toISOString(),
): Promise<StoredRule> {
  const old = "id" in draft ? await ruleById(store, draft.id) : undefined;
  const budgetId = old?.budgetId ?? (draft as { budgetId: Id }).budgetId;
  const { categoryId } = draft;
  const names = new CategoryNames(store);
  await names.load([categoryId]);
  names.check(categoryId, budgetId);
  const conditions = checked(draft);
  let saved: StoredRule;
  if (!old) {
    saved = { id: `rule:${randomUUID()}`, budgetId, order: 0, at: now(), categoryId, ...conditions };
    saved = await insertRule(store, saved);
  } else {
    saved = { id: old.id, budgetId, order: old.order, at: old.at, categoryId, ...conditions };
    const cleared = Object.fromEntries(
      [...TEXTS, "direction", "atLeast", "atMost"].map((name) => [name, undefined]),
    );
    // A conditional update, so that a rule that another deleted meanwhile does not come back.
    const { updatedIds } = await store
      .collection(rules)
      .updateMany([{ id: old.id, expected: { budgetId }, set: { ...cleared, categoryId, ...conditions } }]);
    if (updatedIds.length === 0) throw unknown(old.id);
  }
  await sweepRules(store, budgetId, now);
  return saved;
}

/**
 * Put a rule at a place in the order, 1 being tried first.
 * @throws TallyError NOT_FOUND, CONFIG_INVALID
 */
export async function moveRule(store: Store, id: Id, place: number): Promise<void> {
  if (!Number.isSafeInteger(place) || place < 1)
    throw new TallyError("CONFIG_INVALID", "The place of a rule is a whole number from 1.");
  const { budgetId } = await ruleById(store, id);
  const all = await storedRules(store, budgetId);
  const rule = all.find((one) => one.id === id);
  if (!rule) throw unknown(id);
  const others = all.filter((one) => one !== rule);
  others.splice(place - 1, 0, rule);
  await store
    .collection(rules)
    .updateMany(
      others.flatMap(({ id: one, order }, at) =>
        order === at + 1 ? [] : [{ id: one, expected: { budgetId }, set: { order: at + 1 } }],
      ),
    );
}

/**
 * Forget a rule. What it decided so far stays.
 * @returns false when it was gone already
 */
export async function deleteRule(store: Store, id: Id): Promise<boolean> {
  return (await store.collection(rules).deleteMany([id])) === 1;
}

/** Store a new rule behind the others; one that is there already stays as it is. */
export async function insertRule(store: Store, rule: StoredRule): Promise<StoredRule> {
  const all = await storedRules(store, rule.budgetId);
  const there = all.find(({ id }) => id === rule.id);
  if (there) return there;
  if (all.length >= MOST)
    throw new TallyError(
      "CONFIG_INVALID",
      `There are ${MOST} rules already. Delete some that are not needed.`,
    );
  const placed = { ...rule, order: (all.at(-1)?.order ?? 0) + 1 };
  await store.collection(rules).insertMissing([placed]);
  return placed;
}

/**
 * The rule that comes of deciding about a payment: with the conditions that were given, else for its counterparty and
 * direction.
 * @throws TallyError CONFIG_INVALID when it does not fit that very payment, or nothing is known to make it of
 */
export async function ruleOf(
  store: Store,
  { item, categoryId, id, at }: { item: QueueItem; categoryId: Id; id: Id; at: Instant },
  draft: true | RuleDraft,
): Promise<StoredRule> {
  const payment = await store.collection(payments).get(item.paymentId);
  if (!payment) throw new TallyError("NOT_FOUND", "The payment is not stored, so no rule can be made of it.");
  const like = likenessOf(payment);
  if (draft === true && like.counterparty === "")
    throw new TallyError(
      "CONFIG_INVALID",
      "The bank says no name for this payment. Say what the rule goes by, such as the account of the counterparty.",
    );
  const conditions = checked(draft === true ? { ...like } : draft);
  const rule: StoredRule = { id, budgetId: item.budgetId, order: 0, at, categoryId, ...conditions };
  if (!matchRule([rule], exampleOf(payment)))
    throw new TallyError(
      "CONFIG_INVALID",
      `The rule (${inWords(rule, payment.currency)}) does not fit the payment that it is made from. Change its conditions.`,
    );
  return rule;
}

async function ruleById(store: Store, id: Id): Promise<StoredRule> {
  const rule = await store.collection(rules).get(id);
  if (!rule) throw unknown(id);
  return rule;
}

function unknown(id: Id): TallyError {
  return new TallyError("NOT_FOUND", `There is no rule ${id.slice(0, 60)}. It may have been deleted.`);
}

/** Conditions as they are stored: only what is known, trimmed, each of the form it must have. */
function checked(draft: RuleDraft): RuleDraft {
  const wrong = (message: string) => new TallyError("CONFIG_INVALID", message);
  const found: RuleDraft = {};
  for (const name of TEXTS) {
    const value: unknown = draft[name];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value !== "string") throw wrong(`${name} of the rule must be a text.`);
    const text = value.trim();
    if (text.length > LONGEST) throw wrong(`${name} of the rule is longer than ${LONGEST} characters.`);
    if (text !== "") found[name] = text;
  }
  if (found.counterparty !== undefined)
    found.counterparty = counterpartyName({ text: found.counterparty, description: "" });
  if (found.counterparty === "") throw wrong("The name of the counterparty holds no letter or digit.");
  if (found.counterpartyAccount) found.counterpartyAccount = normaliseIban(found.counterpartyAccount);
  if (found.contains !== undefined && [...found.contains].length < 2)
    throw wrong("What a rule looks for must have at least two characters.");
  const { direction } = draft;
  if (direction !== undefined && direction !== null && (direction as string) !== "") {
    if (direction !== "in" && direction !== "out") throw wrong("The direction of a rule is in or out.");
    found.direction = direction;
  }
  for (const name of ["atLeast", "atMost"] as const) {
    const value: unknown = draft[name];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw wrong(`${name} of the rule must be a whole number of minor units (cents), 0 or more.`);
    found[name] = value;
  }
  if (found.atLeast !== undefined && found.atMost !== undefined && found.atLeast > found.atMost)
    throw wrong("The rule's least amount is above its greatest.");
  const { name: _name, direction: _direction, ...conditions } = found;
  if (Object.keys(conditions).length === 0)
    throw wrong(
      "A rule needs at least one condition beside the direction: a text, a counterparty, an account or an amount.",
    );
  return found;
}

/** `counterparty is "Albert Heijn", money out, at least 10.00 EUR`. */
function inWords(rule: RuleConditions, currency: string): string {
  const amount = (minor: number) => `${formatAmount(minor, currency)} ${currency}`;
  return [
    rule.counterparty === undefined ? "" : `counterparty is "${rule.counterparty}"`,
    rule.contains === undefined ? "" : `name or description contains "${rule.contains}"`,
    rule.counterpartyAccount === undefined
      ? ""
      : `account of the counterparty is ${rule.counterpartyAccount}`,
    rule.account === undefined ? "" : `own account is ${rule.account}`,
    rule.direction === undefined ? "" : rule.direction === "in" ? "money in" : "money out",
    rule.atLeast === undefined ? "" : `at least ${amount(rule.atLeast)}`,
    rule.atMost === undefined ? "" : `at most ${amount(rule.atMost)}`,
  ]
    .filter(Boolean)
    .join(", ");
}
