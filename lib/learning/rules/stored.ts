import { rules, type Store, type StoredRule } from "../../store";
import type { Id } from "../../values";
import type { UserRule } from "../cascade";

/** The rules that people made for a budget, in the order in which they are tried. */
export async function storedRules(store: Store, budgetId: Id): Promise<StoredRule[]> {
  const found: StoredRule[] = [];
  for await (const rule of store.collection(rules).scan({ index: "byBudget", equals: [budgetId] }))
    found.push(rule);
  return found;
}

/**
 * The rules that classifying goes by: those that are given, then those that are stored.
 * @param allowed categories that exist and are not hidden
 * @returns `gone`: rules whose category is not among them; they are not used, and the person should be told
 */
export async function rulesInUse(
  store: Store,
  budgetId: Id,
  given: readonly UserRule[],
  allowed: ReadonlySet<Id>,
): Promise<{ rules: UserRule[]; gone: UserRule[] }> {
  const all: UserRule[] = [...given, ...(await storedRules(store, budgetId))];
  return {
    rules: all.filter((rule) => allowed.has(rule.categoryId)),
    gone: all.filter((rule) => !allowed.has(rule.categoryId)),
  };
}
