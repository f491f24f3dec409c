import type { StepContext, StepResult } from "../runs";
import { budgets, cursors, type Store } from "../store";
import { TallyError, type Id, type Instant, type Json } from "../values";
import { checkBalances, type BalanceCheck } from "./check";

export interface BalanceCheckResult extends StepResult {
  /** One for each mapped account; of a difference at most {@link SHOWN} rows of a kind. */
  accounts: BalanceCheck[];
}

/** A result travels in a message: of a day with more rows the first ones are named. */
const SHOWN = 20;

/** What the last check of a budget found. */
export interface LastBalanceCheck {
  at: Instant;
  accounts: BalanceCheck[];
}

const cursorId = (budgetId: Id) => `balance-check:${budgetId}`;

/** What the last balance check of a budget found; undefined when there was none. */
export async function lastBalanceCheck(store: Store, budgetId: Id): Promise<LastBalanceCheck | undefined> {
  const kept = await store.collection(cursors).get(cursorId(budgetId));
  return kept && { at: kept.at, accounts: kept.value as unknown as BalanceCheck[] };
}

/**
 * The balance check as a step. Counts `equal`, `different` and `unknown` accounts; what it found is kept until the next
 * one (see {@link lastBalanceCheck}).
 * @throws TallyError NOT_FOUND when the budget was never extracted
 */
export async function balanceCheckStep(
  { store, signal, now }: Pick<StepContext, "store" | "signal" | "now">,
  budgetId: Id,
): Promise<BalanceCheckResult> {
  const budget = await store.collection(budgets).get(budgetId);
  if (!budget) {
    throw new TallyError(
      "NOT_FOUND",
      "The budget was never extracted. Put a budget extract node in front of this one.",
    );
  }
  const accounts = (await checkBalances(store, budgetId, budget.currency, signal)).map(shortened);
  const counts = { equal: 0, different: 0, unknown: 0 };
  for (const { state } of accounts) counts[state]++;
  const value = accounts as unknown as Json;
  await store.collection(cursors).upsertMany([{ id: cursorId(budgetId), value, at: now() }]);
  return { counts, accounts };
}

function shortened(check: BalanceCheck): BalanceCheck {
  if (!check.difference) return check;
  const { onlyAtBank, onlyInBudget, unequal, ...rest } = check.difference;
  return {
    ...check,
    difference: {
      ...rest,
      onlyAtBank: onlyAtBank.slice(0, SHOWN),
      onlyInBudget: onlyInBudget.slice(0, SHOWN),
      unequal: unequal.slice(0, SHOWN),
    },
  };
}
