import type { Budget, Transaction } from "../../store";
import { ownId, TallyError, toTallyError, type CalendarDate, type Id, type Json } from "../../values";
import type { BudgetDelta, BudgetProvider, CreateOutcome, NewTransaction, TransactionChange } from "../port";
import { AccountBook } from "./accounts";
import { YnabApi, type YnabConnection } from "./api";
import { CategoryBook } from "./categories";
import { changeTransactions, deleteTransactions, standingRows } from "./change";
import { BulkWriter } from "./create";
import { Extraction } from "./extract";
import { transactionOf, ynabId } from "./map";
import { MEMO_LIMIT, PAYEE_LIMIT } from "./text";
import type { WirePlan, WireTransaction } from "./wire";

export interface YnabOptions extends YnabConnection {
  /** Id of the plan (a UUID), as {@link listYnabPlans} gives it. */
  plan: string;
  /** For a plan whose currency YNAB does not tell. */
  currency?: string;
}

export interface YnabPlan {
  /** YNAB's own id, for {@link YnabOptions}. */
  id: string;
  name: string;
  /** ISO 4217; absent when YNAB does not tell. */
  currency?: string;
}

export type YnabProvider = BudgetProvider & { plans(signal?: AbortSignal): Promise<YnabPlan[]> };

/** YNAB's first moment is 2015; what people entered as older is covered too. */
const FIRST_DATE = "1970-01-01";
/** So far back that every change, deletions too, is among those since. */
const FIRST_KNOWLEDGE = 1;
const BULK = 1000;

/**
 * A YNAB plan as a budget. Nothing is requested before the first call. Ids are `ynab:<YNAB's id>`.
 * @throws TallyError CONFIG_INVALID without token, or when the plan is not named by its id
 */
export function openYnab(options: YnabOptions): YnabProvider {
  return new Ynab(options);
}

/** The plans that the token can see, to choose from. Throws AUTH_FAILED, RATE_LIMITED, PROVIDER_*. */
export async function listYnabPlans(connection: YnabConnection, signal?: AbortSignal): Promise<YnabPlan[]> {
  return plansOf(new YnabApi(connection), signal);
}

async function plansOf(api: YnabApi, signal?: AbortSignal): Promise<YnabPlan[]> {
  const data = await api.call<{ plans: WirePlan[] }>("plans", signal ? { signal } : {});
  return data.plans.map(({ id, name, currency_format }) => ({
    id,
    name,
    ...(currency_format ? { currency: currency_format.iso_code } : {}),
  }));
}

class Ynab implements YnabProvider {
  readonly kind = "ynab";
  readonly budgetId: Id;
  readonly limits = {
    payeeName: PAYEE_LIMIT,
    memo: MEMO_LIMIT,
    bulk: BULK,
    futureDates: false,
    ownMatchDays: 10,
  };
  private readonly api: YnabApi;
  private readonly accounts: AccountBook;
  private readonly categories: CategoryBook;
  private readonly plan: string;
  private readonly now: () => number;
  private known: Budget | undefined;

  constructor(private readonly options: YnabOptions) {
    this.plan = options.plan.trim();
    if (!/^[\w-]+$/.test(this.plan) || ["last-used", "default"].includes(this.plan)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${options.plan.slice(0, 40)}" is not the id of a YNAB plan. Choose the plan from the list; "last-used" would change with what is opened in YNAB.`,
      );
    }
    this.budgetId = ynabId(this.plan);
    this.now = options.http?.now ?? Date.now;
    this.api = new YnabApi(options);
    this.accounts = new AccountBook(this.api, this.plan);
    this.categories = new CategoryBook(this.api, this.plan, this.now);
  }

  get calls(): number {
    return this.api.calls;
  }

  async plans(signal?: AbortSignal): Promise<YnabPlan[]> {
    return plansOf(this.api, signal);
  }

  async extract(request: { cursor: Json; since?: CalendarDate; signal?: AbortSignal }): Promise<BudgetDelta> {
    stopIf(request.signal);
    const budget = await this.budget(request.signal);
    return this.naming(() =>
      new Extraction(this.api, this.plan, budget, FIRST_DATE, request.signal).run(
        request.cursor,
        request.since,
      ),
    );
  }

  async create(items: readonly NewTransaction[], signal?: AbortSignal): Promise<CreateOutcome[]> {
    stopIf(signal);
    if (items.length === 0) return [];
    const { currency } = await this.budget(signal);
    const { api, plan, accounts, categories, now } = this;
    const writer = new BulkWriter({ api, plan, currency, accounts, categories, bulk: BULK, now });
    return this.naming(() => writer.run(items, signal));
  }

  /**
   * Two calls at most: what stands, and only if something is missing also what was deleted, which YNAB tells in
   * deltas only.
   */
  async find(
    importIds: readonly string[],
    range: { from: CalendarDate; accountIds: readonly Id[] },
    signal?: AbortSignal,
  ): Promise<Map<string, Id>> {
    stopIf(signal);
    const missing = new Set(importIds);
    const found = new Map<string, Id>();
    const [only, ...others] = range.accountIds;
    const alone = only !== undefined && others.length === 0 ? ownId(only) : undefined;
    const ids = { plan_id: this.plan, ...(alone === undefined ? {} : { account_id: alone }) };
    const accounts = new Set(range.accountIds.map(ownId));
    for (const last_knowledge_of_server of [undefined, FIRST_KNOWLEDGE]) {
      if (missing.size === 0) break;
      const { transactions } = await this.naming(() =>
        this.api.call<{ transactions: WireTransaction[] }>(alone ? "accountTransactions" : "transactions", {
          ids,
          query: { since_date: range.from, last_knowledge_of_server },
          ...(signal ? { signal } : {}),
        }),
      );
      for (const row of transactions) {
        if (!row.import_id || !missing.has(row.import_id) || !accounts.has(row.account_id)) continue;
        found.set(row.import_id, ynabId(row.id));
        missing.delete(row.import_id);
      }
    }
    return found;
  }

  async read(ids: readonly Id[], signal?: AbortSignal): Promise<Transaction[]> {
    stopIf(signal);
    if (ids.length === 0) return [];
    const { id: budgetId, currency } = await this.budget(signal);
    const rows = await this.naming(() => standingRows(this.api, this.plan, ids, FIRST_DATE, signal));
    return [...rows.values()].map((row) => transactionOf({ budgetId, currency }, row));
  }

  async update(changes: readonly TransactionChange[], signal?: AbortSignal): Promise<void> {
    stopIf(signal);
    if (changes.length === 0) return;
    const { currency } = await this.budget(signal);
    await this.naming(() => changeTransactions(this.api, this.plan, changes, currency, BULK, signal));
  }

  async delete(ids: readonly Id[], signal?: AbortSignal): Promise<void> {
    stopIf(signal);
    if (ids.length === 0) return;
    await this.budget(signal);
    await this.naming(() => deleteTransactions(this.api, this.plan, ids, FIRST_DATE, signal));
  }

  async close(): Promise<void> {
    // Nothing is held between requests.
  }

  /** Name and currency of the plan, asked for once. */
  private async budget(signal?: AbortSignal): Promise<Budget> {
    if (this.known) return this.known;
    const plans = await this.plans(signal);
    const plan = plans.find(({ id }) => id.toLowerCase() === this.plan);
    if (!plan) throw this.noSuchPlan(plans);
    const currency = plan.currency ?? this.options.currency;
    if (!currency) {
      throw new TallyError(
        "CONFIG_INVALID",
        `YNAB does not tell the currency of the plan "${plan.name}". Set it in the connection.`,
      );
    }
    this.known = { id: this.budgetId, source: this.kind, name: plan.name, currency };
    return this.known;
  }

  private noSuchPlan(plans: readonly YnabPlan[]): TallyError {
    const there = plans.map(({ id, name }) => `"${name}" (${id})`).join(", ");
    return new TallyError(
      "NOT_FOUND",
      `YNAB has no plan ${this.plan} for this token. ${there ? `There is ${there}.` : "It sees no plan at all."}`,
      { details: { plan: this.plan } },
    );
  }

  private async naming<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code !== "NOT_FOUND") throw error;
      const name = this.known ? `"${this.known.name}" (${this.plan})` : this.plan;
      throw new TallyError(
        "NOT_FOUND",
        `YNAB does not find this in the plan ${name}: ${error.message} Was the plan or the account deleted?`,
        { details: { ...error.details, plan: this.plan }, cause: error },
      );
    }
  }
}

function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new TallyError("CANCELLED", "The work was stopped before it was done.", { retryable: true });
  }
}
