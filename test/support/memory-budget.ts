import type { BudgetProvider, CreateOutcome, NewTransaction, TransactionChange } from "../../lib/budget";
import type { Category, Transaction } from "../../lib/store";
import { daysBetween, TallyError, type Id } from "../../lib/values";

export type Fault =
  "none" | "refuse-all" | "drop-before" | "drop-after" | "drop-half" | "rate-limit" | "auth";

/** A budget in memory that keeps the provider's rules about import ids and fails on demand. */
export class MemoryBudget implements BudgetProvider {
  readonly kind = "memory";
  readonly limits: BudgetProvider["limits"] = { payeeName: 200, memo: 500, bulk: 10, futureDates: false };
  readonly rows: Transaction[] = [];
  calls = 0;
  /** What a person entered by hand; see `ownMatchDays` of the limits. */
  enter(row: Pick<Transaction, "accountId" | "date" | "amount">): void {
    const id = `memory:t${this.rows.length + 1}`;
    this.rows.push({ ...row, id, budgetId: this.budgetId, currency: "EUR", approved: true, deleted: false });
  }
  /** Faults of the next create calls, first one first. */
  faults: Fault[] = [];
  /** Import ids that are refused for a reason of their own. */
  readonly refused = new Map<
    string,
    { code: "PROVIDER_REFUSED" | "CATEGORY_GONE" | "PROVIDER_UNAVAILABLE"; retryable: boolean }
  >();
  /** A request with one of these import ids in it fails as a whole, whatever else it holds. */
  readonly poison = new Set<string>();
  /** Waited for within each create, before and after the rows are written. */
  slow: (when: "before" | "after") => Promise<void> = async () => {};
  /** Thrown by the next deletes and updates, first one first; `after` when the rows were written. */
  changeFaults: { when: "before" | "after"; error: Error }[] = [];
  /** Accounts that are closed. */
  readonly closed = new Set<Id>();
  /** Rows that the budget refuses to delete or change. */
  readonly locked = new Set<Id>();
  categoryList: Category[];

  constructor(
    readonly budgetId: Id = "memory:b",
    private readonly accountIds: readonly Id[] = ["memory:a1", "memory:a2"],
  ) {
    this.categoryList = ["food", "rent", "fun"].map((key) => ({
      id: `memory:${key}`,
      budgetId,
      name: key,
      hidden: false,
      deleted: false,
    }));
  }

  async extract() {
    this.calls++;
    return {
      budget: { id: this.budgetId, source: "memory", name: "Household", currency: "EUR" },
      accounts: this.accountIds.map((id) => ({
        id,
        budgetId: this.budgetId,
        name: id,
        closed: this.closed.has(id),
        deleted: false,
      })),
      categories: this.categoryList,
      payees: [],
      transactions: structuredClone(this.rows),
      full: true,
      cursor: this.calls,
    };
  }

  async create(items: readonly NewTransaction[]): Promise<CreateOutcome[]> {
    this.calls++;
    await this.slow("before");
    const fault = this.faults.shift() ?? "none";
    if (items.some((item) => this.poison.has(item.importId)))
      throw new TallyError("PROVIDER_UNAVAILABLE", "The budget stumbled.", { retryable: true });
    if (fault === "auth") throw new TallyError("AUTH_FAILED", "The key was refused.");
    if (fault === "rate-limit")
      throw new TallyError("RATE_LIMITED", "Too many.", { retryable: true, retryAfterMs: 1000 });
    if (fault === "refuse-all") throw new TallyError("PROVIDER_UNAVAILABLE", "Not now.", { retryable: true });
    const taken =
      fault === "drop-before"
        ? []
        : fault === "drop-half"
          ? items.slice(0, Math.floor(items.length / 2))
          : items;
    const outcomes = taken.map((item) => this.createOne(item));
    await this.slow("after");
    if (fault.startsWith("drop")) throw new TallyError("OUTCOME_UNKNOWN", "No answer.", { retryable: true });
    return outcomes;
  }

  private createOne(item: NewTransaction): CreateOutcome {
    const refusal = this.refused.get(item.importId);
    if (refusal)
      return { importId: item.importId, status: "rejected", error: { ...refusal, message: "Refused." } };
    const known = this.rows.find((row) => row.importId === item.importId);
    if (known) return { importId: item.importId, status: "duplicate", transactionId: known.id };
    const row: Transaction = {
      id: `memory:t${this.rows.length + 1}`,
      budgetId: this.budgetId,
      accountId: item.accountId,
      date: item.date,
      amount: item.amount,
      currency: "EUR",
      importId: item.importId,
      categoryId: item.categoryId ?? null,
      approved: item.approved,
      cleared: item.cleared,
      deleted: false,
      ...(item.payeeName ? { payeeName: item.payeeName } : {}),
      ...(item.memo ? { memo: item.memo } : {}),
      ...(item.transferAccountId ? { transferAccountId: item.transferAccountId } : {}),
    };
    const entered = this.matching(row);
    if (entered) {
      entered.importId = item.importId;
      return {
        importId: item.importId,
        status: "created",
        transactionId: entered.id,
        matchedWith: entered.id,
      };
    }
    this.rows.push(row);
    if (item.transferAccountId) {
      row.transferTransactionId = `memory:t${this.rows.length + 1}`;
      const { importId: _own, ...side } = { ...row, transferTransactionId: row.id };
      this.rows.push({
        ...side,
        id: `memory:t${this.rows.length + 1}`,
        accountId: item.transferAccountId,
        amount: -item.amount,
        transferAccountId: item.accountId,
      });
    }
    return {
      importId: item.importId,
      status: "created",
      transactionId: row.id,
      transaction: structuredClone(row),
    };
  }

  /** The row entered by hand that the budget takes an imported one for. */
  private matching({ accountId, amount, date }: Transaction): Transaction | undefined {
    const days = this.limits.ownMatchDays ?? -1;
    return this.rows.find(
      (row) =>
        row.accountId === accountId &&
        row.amount === amount &&
        Math.abs(daysBetween(row.date, date)) <= days &&
        row.importId === undefined &&
        !row.deleted,
    );
  }

  async find(importIds: readonly string[]): Promise<Map<string, Id>> {
    this.calls++;
    const wanted = new Set(importIds);
    return new Map(
      this.rows
        .filter((row) => row.importId && wanted.has(row.importId))
        .map((row) => [row.importId!, row.id]),
    );
  }

  async read(ids: readonly Id[]): Promise<Transaction[]> {
    this.calls++;
    return structuredClone(this.rows.filter((row) => !row.deleted && ids.includes(row.id)));
  }

  async update(changes: readonly TransactionChange[]): Promise<void> {
    await this.change(
      changes.map(({ id }) => id),
      () => {
        for (const change of changes)
          Object.assign(this.rows.find((row) => row.id === change.id) ?? {}, change);
      },
    );
  }

  async delete(ids: readonly Id[]): Promise<void> {
    await this.change(ids, () => {
      for (const row of this.rows)
        if (ids.includes(row.id) || ids.includes(row.transferTransactionId ?? "")) row.deleted = true;
    });
  }

  private async change(ids: readonly Id[], work: () => void): Promise<void> {
    this.calls++;
    const fault = this.changeFaults.shift();
    if (fault?.when === "before") throw fault.error;
    const refused = ids.find((id) => this.locked.has(id));
    if (refused) throw new TallyError("PROVIDER_REFUSED", `${refused} is locked.`);
    work();
    if (fault) throw fault.error;
  }

  async close(): Promise<void> {}
}
