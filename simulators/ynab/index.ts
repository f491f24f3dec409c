import { currencyExponent } from "../../lib/values";
import type { Household } from "../household/types";
import type { TwinExchange } from "../twin-server";
import { Control } from "./control";
import { Faults, HourlyLimit } from "./faults";
import { Journal } from "./journal";
import { Routes } from "./routes";
import { accountIdOf, categoryIdOf, seed } from "./seed";
import { TwinServer } from "./server";
import { State } from "./state";
import { Transactions, type Matching } from "./transactions";
import { Views } from "./views";

export type { Control, LoggedRequest, PersonalTransaction } from "./control";
export type { Fault } from "./faults";
export { accountIdOf, categoryIdOf, transactionIdOf } from "./seed";

export interface YnabTwinOptions {
  /** What the plan holds at first; without it, an empty plan in euro. Left aside when the state file has a plan. */
  household?: Household;
  /** 0 (any free port) when absent. */
  port?: number;
  /** Where the plan is kept; in memory only when absent. */
  stateFile?: string;
  token?: string;
  planName?: string;
  /** Requests an hour; 200 when absent, as in YNAB. */
  rateLimit?: number;
  /** Added to each answer. */
  latencyMs?: number;
  /** Are imported transactions matched with those entered by hand? `off` when absent. */
  matching?: Matching;
  /** Serve `POST /__control`, for tests and demos that run the twin in another process. */
  controlRoute?: boolean;
  /** Sees each request that no fault hit, with its answer: for judges of the protocol. */
  onExchange?: (exchange: TwinExchange) => void;
  /** Milliseconds since the epoch; sets which dates are in the future and which changes of categories are due. */
  now?: () => number;
}

export interface YnabTwin {
  /** The API's base, with `/v1`: for `openYnab` and for the official client's base path. */
  url: string;
  /** Where `{ call, args }` can be posted when the control route is on. */
  controlUrl: string;
  token: string;
  planId: string;
  /** YNAB's ids by the keys of the household. */
  accountIds: Record<string, string>;
  categoryIds: Record<string, string>;
  control: Control;
  stop(): Promise<void>;
}

const EMPTY: Household = {
  options: { seed: 0, from: "2024-01-01", until: "2024-01-01", budgetedUntil: "2024-01-01" },
  timeZone: "Europe/Amsterdam",
  accounts: [],
  categories: [],
  payments: [],
  entries: [],
};

/**
 * An offline twin of YNAB's API 1.85.0 on localhost, with one plan. Made after the official OpenAPI description;
 * what that leaves open follows YNAB's documentation and recorded answers, and what neither says is chosen so that
 * it is hard on a client (a payee name of a transfer makes a transfer, one fault is reported at a time).
 * Not there: payee rename rules, money movements. Imported transactions are matched with user-entered ones when asked
 * for.
 */
export async function startYnabTwin(options: YnabTwinOptions = {}): Promise<YnabTwin> {
  const household = options.household ?? EMPTY;
  const now = options.now ?? Date.now;
  const today = () => new Date(now()).toISOString().slice(0, 10);
  const token = options.token ?? "twin-token";

  const journal = new Journal(options.stateFile);
  const state = new State(journal, now);
  state.load(journal.open());
  if (!state.plan) seed(state, household, options.planName ?? "Household", new Date(now()).toISOString());
  else journal.compact(state.whole());

  const iso = state.plan!.currency;
  const views = new Views(state, { iso, digits: Math.min(3, currencyExponent(iso)) }, today);
  const transactions = new Transactions(state, () => ({ today: today() }), options.matching ?? "off");
  const faults = new Faults();
  const limit = new HourlyLimit(options.rateLimit ?? 200, now);
  const control = new Control(state, transactions, faults, limit);
  const routes = new Routes(state, views, transactions, today);
  const refresh = () => applyDue(household, state, control, now());
  refresh();
  const server = new TwinServer({
    token,
    latencyMs: options.latencyMs ?? 0,
    controlRoute: options.controlRoute ?? false,
    faults,
    limit,
    control,
    refresh,
    handle: (call) => routes.handle(call),
    onExchange: options.onExchange,
  });
  const keys = <T extends { key: string }>(
    items: readonly T[],
    idOf: (h: Household, key: string) => string,
  ) => Object.fromEntries(items.map(({ key }) => [key, idOf(household, key)]));
  const origin = await server.listen(options.port ?? 0);
  return {
    url: `${origin}/v1`,
    controlUrl: `${origin}/__control`,
    token,
    planId: state.plan!.id,
    accountIds: keys(household.accounts, accountIdOf),
    categoryIds: keys(household.categories, categoryIdOf),
    control,
    async stop() {
      await server.close();
      journal.close();
    },
  };
}

/** Renames and deletions of categories happen when their time has come. */
function applyDue(household: Household, state: State, control: Control, now: number): void {
  for (const { key, name, renamed, deletedAt } of household.categories) {
    const id = categoryIdOf(household, key);
    const category = state.live("category", id);
    if (!category) continue;
    if (renamed && Date.parse(renamed.at) <= now && category.name === name) {
      control.renameCategory(id, renamed.to);
    }
    if (deletedAt && Date.parse(deletedAt) <= now) control.deleteCategory(id);
  }
}
