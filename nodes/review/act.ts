import {
  announce,
  decide,
  deleteRule,
  lastAct,
  listGroups,
  listPayments,
  listRules,
  moveRule,
  press,
  recentActs,
  saveRule,
  undo,
  type Message,
  type RuleDraft,
} from "../../lib/review";
import type { StepResult } from "../../lib/runs";
import { budgetIds, type Store } from "../../lib/store";
import { TallyError, type Id, type Instant } from "../../lib/values";
import type { OptionsOf } from "../runtime";
import { pressedIn } from "./pressed";
import type { schema } from "./schema";

export type ReviewOptions = OptionsOf<typeof schema>;

/** What the library says, and the messages for the second output. */
interface Answer extends StepResult {
  messages?: Message[];
  [more: string]: unknown;
}

/** What the node answers. */
export type ReviewResult = Answer & { action: ReviewOptions["action"] };

/** What is missing where a decision names no category. */
const WHICH = {
  // Suggestions follow what is learned, so that what stands first now need not be what the person saw.
  accept:
    "which suggestion is accepted: the categoryId of the one that was shown (in `top`), in the option categoryId",
  correct: "the category: its id in the option categoryId",
};

/**
 * Do what is asked.
 * @param payload of the message: where a pressed button is looked for
 * @throws TallyError CONFIG_INVALID when something is not said; what the functions of review throw
 */
export async function review(
  store: Store,
  options: ReviewOptions,
  payload: unknown,
  now: () => Instant,
): Promise<ReviewResult> {
  const { action } = options;
  return { action, ...(await perform(store, options, payload, now)) };
}

async function perform(
  store: Store,
  options: ReviewOptions,
  payload: unknown,
  now: () => Instant,
): Promise<Answer> {
  const { budgetId, limit, after } = options;
  switch (options.action) {
    case "list": {
      const page = await listGroups(store, { budgetId, limit, after });
      return { ...page, counts: { left: page.left } };
    }
    case "payments": {
      const key = needed(options.group, "which group: its key in the option group");
      const page = await listPayments(store, { key, budgetId, limit, after });
      return { ...page, counts: { left: page.left } };
    }
    case "accept":
    case "correct":
    case "skip":
      return decided(store, options, now);
    case "undo": {
      const act = options.act ?? (await newestAct(store, budgetId));
      const undone = await undo(store, act, now);
      return { ...undone, counts: { undone: undone.undone, refused: undone.refusedTotal } };
    }
    case "decided": {
      const all = await perBudget(store, budgetId, (id) => recentActs(store, id, limit));
      const rows = all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, limit);
      return { rows, counts: { rows: rows.length } };
    }
    case "rules":
      return rules(store, budgetId);
    case "save-rule": {
      const categoryId = needed(
        options.categoryId,
        "the category of the rule: its id in the option categoryId",
      );
      const draft = { ...(options.rule as RuleDraft | undefined), categoryId };
      const rule = await saveRule(
        store,
        options.ruleId
          ? { ...draft, id: options.ruleId }
          : { ...draft, budgetId: await oneBudget(store, budgetId) },
        now,
      );
      return { ...(await rules(store, budgetId)), rule };
    }
    case "move-rule":
      await moveRule(
        store,
        needed(options.ruleId, "which rule: its id in the option ruleId"),
        needed(options.place, "where the rule goes: a number in the option place"),
      );
      return rules(store, budgetId);
    case "delete-rule": {
      const deleted = await deleteRule(
        store,
        needed(options.ruleId, "which rule: its id in the option ruleId"),
      );
      return { ...(await rules(store, budgetId)), deleted };
    }
    case "announce": {
      const { most, days } = options;
      const messages = await perBudget(store, budgetId, (id) =>
        announce(store, { budgetId: id, most, days }, now),
      );
      return { messages, counts: { announced: messages.length } };
    }
    case "press": {
      const id = options.pressed ?? pressedIn(payload);
      const pressed = await press(
        store,
        needed(id, "which button was pressed: what it sent, in msg.payload"),
        now,
      );
      const { decided: count = 0, alreadyTotal: already = 0, refusedTotal: refused = 0 } = pressed;
      return { ...pressed, counts: { decided: count, already, refused } };
    }
  }
}

async function decided(store: Store, options: ReviewOptions, now: () => Instant): Promise<Answer> {
  const { action, applyToSimilar, act } = options;
  const ids = needed(options.ids, "which payments: their ids in the option ids");
  const categoryId =
    action === "skip" ? null : needed(options.categoryId, WHICH[action as keyof typeof WHICH]);
  const makeRule = options.makeRule && ((options.rule as RuleDraft | undefined) ?? true);
  const result = await decide(store, { ids, categoryId, applyToSimilar, makeRule, act }, now);
  const { decided: count, alreadyTotal: already, refusedTotal: refused } = result;
  return { ...result, counts: { decided: count, already, refused } };
}

async function rules(store: Store, budgetId: Id | undefined): Promise<Answer> {
  const rows = await perBudget(store, budgetId, (id) => listRules(store, id));
  return {
    rows,
    counts: { rules: rows.length, unusable: rows.filter(({ problem }) => problem !== null).length },
  };
}

async function newestAct(store: Store, budgetId: Id | undefined): Promise<Id> {
  const all = await perBudget(store, budgetId, async (id) => (await lastAct(store, id)) ?? []);
  const newest = all.reduce<(typeof all)[number] | undefined>(
    (a, b) => (a && a.at >= b.at ? a : b),
    undefined,
  );
  if (newest) return newest.act;
  throw new TallyError("NOT_FOUND", "Nothing was decided that can still be taken back.");
}

async function perBudget<T>(
  store: Store,
  wanted: Id | undefined,
  read: (id: Id) => Promise<T | T[]>,
): Promise<T[]> {
  const found: T[] = [];
  for (const id of await budgetIds(store, wanted)) found.push(...([await read(id)].flat() as T[]));
  return found;
}

async function oneBudget(store: Store, wanted: Id | undefined): Promise<Id> {
  const [first, ...others] = await budgetIds(store, wanted);
  if (first && others.length === 0) return first;
  throw new TallyError(
    "CONFIG_INVALID",
    first
      ? "There are several budgets. Say whose rule it is: the option budgetId."
      : "No budget was read yet. Connect one and let the main flow run.",
  );
}

function needed<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new TallyError("CONFIG_INVALID", `Say ${what}.`);
}
