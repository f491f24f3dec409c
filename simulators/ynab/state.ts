import type { Change, Entities, Kind, Part, Put, Transaction, Versioned } from "./entities";
import type { Journal } from "./journal";

type Tables = { [K in Kind]: Map<string, Entities[K]> };
type Stored<K extends Kind> = Omit<Entities[K], "k"> & { k?: number };

/** The plan in memory: entities by id, and what follows from them (balances, activity, import ids). */
export class State {
  readonly tables: Tables = {
    plan: new Map(),
    account: new Map(),
    group: new Map(),
    category: new Map(),
    payee: new Map(),
    transaction: new Map(),
    scheduled: new Map(),
    assigned: new Map(),
  };
  knowledge = 0;
  /** Counts up when a name changes, so that rendered transactions can be kept until then. */
  names = 0;
  private readonly importIds = new Map<string, string>();
  private readonly amounts = new Map<string, Set<string>>();
  private readonly payeesByName = new Map<string, string>();
  private readonly balances = new Map<string, { cleared: number; uncleared: number }>();
  private readonly activities = new Map<string, Map<string, number>>();
  private readonly touchedAt = new Map<string, number>();
  private sorted: Transaction[] | undefined;
  private open: Put[] | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly now: () => number,
  ) {}

  /** Take up the changes of a journal. */
  load(changes: readonly Change[]): void {
    for (const change of changes) {
      this.knowledge = change.k;
      for (const put of change.puts) this.apply(put);
    }
  }

  /** Everything as one change, for a compact journal. */
  whole(): Change {
    const puts: Put[] = [];
    for (const kind of Object.keys(this.tables) as Kind[]) {
      for (const entity of this.tables[kind].values()) puts.push([kind, entity] as Put);
    }
    return { k: this.knowledge, puts };
  }

  /** Run a change: server knowledge counts up by one, and all puts go to the journal in one line. */
  change<T>(run: () => T): T {
    if (this.open) return run();
    this.knowledge += 1;
    this.open = [];
    try {
      const result = run();
      const plan = this.plan;
      if (plan) this.put("plan", { ...plan, modifiedAt: new Date(this.now()).toISOString() });
      this.journal.append({ k: this.knowledge, puts: this.open });
      return result;
    } finally {
      this.open = undefined;
    }
  }

  /** Insert or replace an entity; only within {@link change}. */
  put<K extends Kind>(kind: K, entity: Stored<K>): Entities[K] {
    if (!this.open) throw new Error("put outside of a change");
    const stamped = { ...entity, k: this.knowledge } as Entities[K];
    const put = [kind, stamped] as unknown as Put;
    this.open.push(put);
    this.apply(put);
    return stamped;
  }

  get plan() {
    return [...this.tables.plan.values()][0];
  }

  /** An entity that is there and not deleted. */
  live<K extends Kind>(kind: K, id: string | null | undefined): Entities[K] | undefined {
    const found = id ? (this.tables[kind].get(id) as Entities[K] | undefined) : undefined;
    return found && !found.deleted ? found : undefined;
  }

  byImportId(accountId: string, importId: string): Transaction | undefined {
    return this.tables.transaction.get(this.importIds.get(`${accountId}|${importId}`) ?? "");
  }

  /** Transactions of an account and an amount, in no order. */
  equal({ accountId, amount }: Pick<Transaction, "accountId" | "amount">): Transaction[] {
    return [...this.ofAmount({ accountId, amount })].map((id) => this.tables.transaction.get(id)!);
  }

  private ofAmount({ accountId, amount }: Pick<Transaction, "accountId" | "amount">): Set<string> {
    const key = `${accountId}|${amount}`;
    const known = this.amounts.get(key) ?? new Set<string>();
    this.amounts.set(key, known);
    return known;
  }

  payeeByName(name: string): string | undefined {
    return this.payeesByName.get(name);
  }

  balance(accountId: string): { cleared: number; uncleared: number } {
    return this.balances.get(accountId) ?? { cleared: 0, uncleared: 0 };
  }

  /** Sum of a category's transactions by month (`YYYY-MM-01`). */
  activity(categoryId: string): ReadonlyMap<string, number> {
    return this.activities.get(categoryId) ?? new Map();
  }

  /** Server knowledge of the last change of the entity or of what is shown with it (balances). */
  changedAt(entity: Versioned): number {
    return Math.max(entity.k, this.touchedAt.get(entity.id) ?? 0);
  }

  /** All transactions, deleted ones included, by date and id. */
  transactions(): readonly Transaction[] {
    this.sorted ??= [...this.tables.transaction.values()].sort((a, b) =>
      a.date < b.date ? -1 : a.date > b.date ? 1 : a.id < b.id ? -1 : 1,
    );
    return this.sorted;
  }

  private apply(put: Put): void {
    const [kind, entity] = put;
    const table = this.tables[kind] as Map<string, Versioned>;
    const before = table.get(entity.id);
    table.set(entity.id, entity);
    if (kind === "transaction") {
      if (before) this.count(before as Transaction, -1, entity.k);
      this.count(entity, 1, entity.k);
      if (before) this.ofAmount(before as Transaction).delete(entity.id);
      this.ofAmount(entity).add(entity.id);
      if (entity.importId) this.importIds.set(`${entity.accountId}|${entity.importId}`, entity.id);
      this.sorted = undefined;
    }
    if (kind === "payee") {
      if (before) this.payeesByName.delete((before as Entities["payee"]).name);
      if (!entity.deleted) this.payeesByName.set(entity.name, entity.id);
    }
    if (before && (kind === "payee" || kind === "category" || kind === "account")) this.names += 1;
  }

  private count(transaction: Transaction, sign: 1 | -1, k: number): void {
    this.touch(transaction.accountId, k);
    if (transaction.deleted || transaction.absorbed) return;
    const balance = this.balances.get(transaction.accountId) ?? { cleared: 0, uncleared: 0 };
    balance[transaction.cleared === "uncleared" ? "uncleared" : "cleared"] += sign * transaction.amount;
    this.balances.set(transaction.accountId, balance);
    const month = `${transaction.date.slice(0, 7)}-01`;
    const shares: readonly Pick<Part, "categoryId" | "amount">[] =
      transaction.parts.length > 0 ? transaction.parts : [transaction];
    for (const { categoryId, amount } of shares) {
      if (!categoryId) continue;
      const months = this.activities.get(categoryId) ?? new Map<string, number>();
      months.set(month, (months.get(month) ?? 0) + sign * amount);
      this.activities.set(categoryId, months);
      this.touch(categoryId, k);
    }
  }

  private touch(id: string, k: number): void {
    this.touchedAt.set(id, Math.max(k, this.touchedAt.get(id) ?? 0));
  }
}
