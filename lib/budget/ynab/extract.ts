import type { Budget } from "../../store";
import { mapInTurns, toTallyError, type CalendarDate, type Json } from "../../values";
import type { BudgetDelta } from "../port";
import type { YnabApi } from "./api";
import { groupState, readCursor, RESOURCES, type YnabCursor } from "./cursor";
import { accountOf, categoryOf, payeeOf, transactionOf } from "./map";
import type { WireAccount, WireGroup, WirePayee, WireTransaction } from "./wire";

interface Known {
  server_knowledge: number;
}

interface Loaded {
  transactions: WireTransaction[];
  payees: WirePayee[];
  groups: WireGroup[];
  accounts: WireAccount[];
  knowledge: Record<(typeof RESOURCES)[number], number>;
}

/** Reads a plan: everything, or by server knowledge what changed since the cursor. */
export class Extraction {
  constructor(
    private readonly api: YnabApi,
    private readonly plan: string,
    private readonly budget: Budget,
    private readonly firstDate: CalendarDate,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async run(cursor: Json, since: CalendarDate | undefined): Promise<BudgetDelta> {
    let known = readCursor(cursor, this.plan, since);
    let loaded = await this.load(known, since).catch((thrown: unknown) => {
      // A knowledge that YNAB refuses is of no use any more: begin anew, as without a cursor.
      if (!known || toTallyError(thrown).code !== "PROVIDER_REFUSED") throw thrown;
      known = undefined;
      return this.load(undefined, since);
    });
    if (known && RESOURCES.some((name) => loaded.knowledge[name] < known![name])) {
      // Server knowledge never falls by itself: this plan was started afresh, and a delta says nothing about it.
      known = undefined;
      loaded = await this.load(undefined, since);
    }
    const groups = { ...known?.groups };
    if (known && loaded.groups.some((group) => known!.groups[group.id] !== groupState(group))) {
      loaded.groups = await this.withAllCategories(loaded.groups);
    }
    for (const group of loaded.groups) groups[group.id] = groupState(group);
    const next: YnabCursor = {
      plan: this.plan,
      since: known ? (known.since ?? null) : (since ?? null),
      ...loaded.knowledge,
      groups,
    };
    const plan = { budgetId: this.budget.id, currency: this.budget.currency };
    return {
      budget: this.budget,
      accounts: loaded.accounts.map((row) => accountOf(plan, row)),
      categories: loaded.groups.flatMap((group) =>
        group.categories.map((row) => categoryOf(plan, group, row)),
      ),
      payees: loaded.payees.map((row) => payeeOf(plan, row)),
      transactions: await mapInTurns(loaded.transactions, (row) => transactionOf(plan, row)),
      // With a first date it is not everything: what is older must not be taken for deleted.
      full: known === undefined && since === undefined,
      cursor: next as unknown as Json,
    };
  }

  /**
   * Transactions first: what they refer to is there when the others are read. They always ask by an explicit first
   * date, since YNAB otherwise leaves out what is older than a year, changes of it too.
   */
  private async load(known: YnabCursor | undefined, since: CalendarDate | undefined): Promise<Loaded> {
    const since_date = known ? this.firstDate : (since ?? this.firstDate);
    const transactions = await this.get<{ transactions: WireTransaction[] } & Known>("transactions", {
      since_date,
      last_knowledge_of_server: known?.transactions,
    });
    const after = (name: "payees" | "categories" | "accounts") => ({
      last_knowledge_of_server: known?.[name],
    });
    const payees = await this.get<{ payees: WirePayee[] } & Known>("payees", after("payees"));
    const categories = await this.get<{ category_groups: WireGroup[] } & Known>(
      "categories",
      after("categories"),
    );
    const accounts = await this.get<{ accounts: WireAccount[] } & Known>("accounts", after("accounts"));
    return {
      transactions: transactions.transactions,
      payees: payees.payees,
      groups: categories.category_groups,
      accounts: accounts.accounts,
      knowledge: {
        transactions: transactions.server_knowledge,
        payees: payees.server_knowledge,
        categories: categories.server_knowledge,
        accounts: accounts.server_knowledge,
      },
    };
  }

  /** A renamed or hidden group changes all of its categories, which the delta does not list: read them all. */
  private async withAllCategories(changed: readonly WireGroup[]): Promise<WireGroup[]> {
    const all = await this.get<{ category_groups: WireGroup[] } & Known>("categories", {});
    const standing = new Set(all.category_groups.flatMap((group) => group.categories.map(({ id }) => id)));
    const gone = changed.map((group) => ({
      ...group,
      categories: group.categories.filter(({ id }) => !standing.has(id)),
    }));
    return [...all.category_groups, ...gone];
  }

  private get<T>(
    what: (typeof RESOURCES)[number],
    query: Record<string, string | number | undefined>,
  ): Promise<T> {
    return this.api.call<T>(what, {
      ids: { plan_id: this.plan },
      query,
      ...(this.signal ? { signal: this.signal } : {}),
    });
  }
}
