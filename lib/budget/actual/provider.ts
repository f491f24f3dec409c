import type { Budget, Transaction } from "../../store";
import { contentHash, TallyError, type CalendarDate, type Id, type Json } from "../../values";
import type { BudgetDelta, BudgetProvider, CreateOutcome, NewTransaction, TransactionChange } from "../port";
import { LIMITS } from "./limits";
import { checkOptions, type ActualOptions } from "./options";
import { ActualProcess } from "./process";
import type { ActualBudgetInfo, Part } from "./protocol";

/** A budget of Actual. */
export interface ActualProvider extends BudgetProvider {
  readonly kind: "actual";
  /** The budgets on the same server; empty for a local budget. */
  budgets(signal?: AbortSignal): Promise<ActualBudgetInfo[]>;
  /** Process id of the helper process while it runs. */
  readonly helperPid: number | undefined;
}

/** Helper processes by the hash of their settings: two connections to one budget share one. */
const processes = new Map<string, { helper: ActualProcess; users: number }>();

/**
 * Open a budget of Actual, on a server or local, in a helper process of its own.
 *
 * The package `@actual-app/api` is an optional peer dependency, loaded in the helper when first used.
 * @throws TallyError CONFIG_INVALID, DEPENDENCY_MISSING, AUTH_FAILED, NOT_FOUND with the budgets there are,
 *   CURRENCY_MISMATCH, PROVIDER_UNAVAILABLE
 */
export async function openActual(options: ActualOptions): Promise<ActualProvider> {
  const checked = checkOptions(options);
  if (!checked.budgetFile && !checked.syncId) {
    const there = (await listActualBudgets(checked)).map((one) => `${one.name} (${one.syncId})`).join(", ");
    throw new TallyError(
      "CONFIG_INVALID",
      `Choose a budget: set its sync id. The server has: ${there || "no budget at all"}.`,
    );
  }
  const key = contentHash(checked);
  const shared = processes.get(key) ?? { helper: new ActualProcess(checked), users: 0 };
  processes.set(key, shared);
  shared.users++;
  let released = false;
  const release = async () => {
    if (released) return;
    released = true;
    shared.users--;
    if (shared.users > 0) return;
    if (processes.get(key) === shared) processes.delete(key);
    await shared.helper.close();
  };
  try {
    const budget = await shared.helper.open();
    if (!budget) throw new TallyError("INTERNAL", "The helper process opened no budget.");
    return provider(shared.helper, budget, release);
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * The budgets of a server, for a list to choose from.
 * @throws TallyError as {@link openActual}
 */
export async function listActualBudgets(options: ActualOptions): Promise<ActualBudgetInfo[]> {
  const { syncId: _one, ...rest } = checkOptions(options);
  const helper = new ActualProcess(rest);
  try {
    return await helper.request("budgets", null);
  } finally {
    await helper.close();
  }
}

function provider(helper: ActualProcess, budget: Budget, release: () => Promise<void>): ActualProvider {
  let calls = 1;
  const ask = ((operation, args, call) => {
    calls++;
    return helper.request(operation, args, call);
  }) as ActualProcess["request"];
  const stopWhenAborted = (signal: AbortSignal | undefined) => {
    if (signal?.aborted)
      throw new TallyError("CANCELLED", "The work with Actual was stopped before it began.", {
        retryable: true,
      });
  };
  return {
    kind: "actual",
    budgetId: budget.id,
    limits: LIMITS,
    get calls() {
      return calls;
    },
    get helperPid() {
      return helper.pid;
    },
    budgets: (signal) => ask("budgets", null, { signal }),
    async extract(request: {
      cursor: Json;
      since?: CalendarDate;
      signal?: AbortSignal;
    }): Promise<BudgetDelta> {
      const { cursor, since, signal } = request;
      stopWhenAborted(signal);
      const delta: Omit<BudgetDelta, "full" | "cursor"> = {
        budget,
        accounts: [],
        categories: [],
        payees: [],
        transactions: [],
      };
      const result = await ask("extract", since === undefined ? { cursor } : { cursor, since }, {
        signal,
        onPart: (part) => take(delta, part),
      });
      return { ...delta, full: result.full, cursor: result.cursor };
    },
    async create(items: readonly NewTransaction[], signal?: AbortSignal): Promise<CreateOutcome[]> {
      stopWhenAborted(signal);
      return items.length === 0 ? [] : ask("create", { items }, { signal });
    },
    async find(importIds: readonly string[], _range, signal?: AbortSignal): Promise<Map<string, Id>> {
      stopWhenAborted(signal);
      return new Map(importIds.length === 0 ? [] : await ask("find", { importIds }, { signal }));
    },
    async read(ids: readonly Id[], signal?: AbortSignal): Promise<Transaction[]> {
      stopWhenAborted(signal);
      return ids.length === 0 ? [] : ask("read", { ids }, { signal });
    },
    async update(changes: readonly TransactionChange[], signal?: AbortSignal): Promise<void> {
      stopWhenAborted(signal);
      if (changes.length > 0) await ask("update", { changes }, { signal });
    },
    async delete(ids: readonly Id[], signal?: AbortSignal): Promise<void> {
      stopWhenAborted(signal);
      if (ids.length > 0) await ask("delete", { ids }, { signal });
    },
    close: release,
  };
}

function take(delta: Omit<BudgetDelta, "full" | "cursor">, part: Part): void {
  if (part.budget) delta.budget = part.budget;
  delta.accounts.push(...(part.accounts ?? []));
  delta.categories.push(...(part.categories ?? []));
  delta.payees.push(...(part.payees ?? []));
  delta.transactions.push(...(part.transactions ?? []));
}
