import { randomUUID } from "node:crypto";
import type { Account, Category, Cleared, Part, Payee, Transaction } from "./entities";
import type { Fault, Faults, HourlyLimit } from "./faults";
import type { State } from "./state";
import type { Transactions } from "./transactions";

export interface LoggedRequest {
  method: string;
  /** With `/v1` and the query. */
  path: string;
  status: number;
}

/** What a person enters in YNAB's own app. Amounts are milliunits; ids are YNAB's own. */
export interface PersonalTransaction {
  accountId: string;
  date: string;
  amount: number;
  payeeName?: string;
  /** Makes it a transfer to this account. */
  transferTo?: string;
  categoryId?: string | null;
  memo?: string | null;
  cleared?: Cleared;
  approved?: boolean;
  importId?: string;
  parts?: { amount: number; categoryId?: string | null; memo?: string | null }[];
}

/**
 * The other way into the twin: the person with YNAB's app, and the tester. Nothing here is bound by the rules of the
 * API (a person may enter what happened ten years ago).
 */
export class Control {
  readonly log: LoggedRequest[] = [];
  /** Requests to the API so far, refused ones included. */
  requests = 0;
  /** Requests that came and have no answer yet, as `POST /v1/...`. */
  readonly underway: string[] = [];

  constructor(
    private readonly state: State,
    private readonly transactions: Transactions,
    private readonly faults: Faults,
    private readonly limit: HourlyLimit,
  ) {}

  /** Called by the server for each request. */
  record(request: LoggedRequest): void {
    this.requests += 1;
    this.log.push(request);
    if (this.log.length > 5000) this.log.splice(0, 1000);
  }

  get serverKnowledge(): number {
    return this.state.knowledge;
  }

  /** All transactions that count, in the order of their dates; deleted ones only when asked for. */
  all(options: { deleted?: boolean } = {}): (Transaction & { payeeName: string | null })[] {
    const rows = this.state
      .transactions()
      .filter((row) => !row.absorbed && (options.deleted || !row.deleted));
    const payees = this.state.tables.payee;
    return rows.map((row) => ({ ...row, payeeName: payees.get(row.payeeId ?? "")?.name ?? null }));
  }

  accounts(): Account[] {
    return [...this.state.tables.account.values()];
  }

  categories(): (Category & { groupName: string })[] {
    const groups = this.state.tables.group;
    return [...this.state.tables.category.values()].map((category) => ({
      ...category,
      groupName: groups.get(category.groupId)?.name ?? "",
    }));
  }

  payees(): Payee[] {
    return [...this.state.tables.payee.values()];
  }

  addTransaction(given: PersonalTransaction): string {
    const target = this.state.live("account", given.transferTo);
    const row = this.state.change(() =>
      this.transactions.insert({
        account_id: given.accountId,
        date: given.date,
        amount: given.amount,
        payee_id: target?.transferPayeeId,
        payee_name: given.payeeName,
        category_id: given.categoryId,
        memo: given.memo,
        cleared: given.cleared,
        approved: given.approved ?? true,
        import_id: given.importId,
        subtransactions: given.parts?.map((part) => ({
          amount: part.amount,
          category_id: part.categoryId,
          memo: part.memo,
        })),
      }),
    );
    return row.id;
  }

  editTransaction(
    id: string,
    change: Partial<Pick<Transaction, "amount" | "date" | "memo" | "categoryId" | "approved" | "cleared">>,
  ): void {
    const row = this.known("transaction", id);
    this.state.change(() => {
      const next = this.state.put("transaction", { ...row, ...change });
      const other = this.state.live("transaction", row.transferTransactionId);
      if (other) this.state.put("transaction", { ...other, amount: -next.amount, date: next.date });
    });
  }

  deleteTransaction(id: string): void {
    this.transactions.delete(id);
  }

  /** Take the match of a hand-entered transaction with an imported one apart. */
  unmatch(id: string): void {
    this.transactions.unmatch(id);
  }

  renameCategory(id: string, name: string): void {
    const category = this.known("category", id);
    this.state.change(() => this.state.put("category", { ...category, name }));
  }

  hideCategory(id: string, hidden = true): void {
    const category = this.known("category", id);
    this.state.change(() => this.state.put("category", { ...category, hidden }));
  }

  renameGroup(id: string, name: string): void {
    const group = this.known("group", id);
    this.state.change(() => this.state.put("group", { ...group, name }));
  }

  /** Delete a category; its transactions go to the heir, or stay behind uncategorised. */
  deleteCategory(id: string, heir: string | null = null): void {
    const category = this.known("category", id);
    this.state.change(() => {
      this.state.put("category", { ...category, deleted: true });
      const move = (part: Part) => (part.categoryId === id ? { ...part, categoryId: heir } : part);
      for (const row of [...this.state.transactions()]) {
        const touched = row.categoryId === id || row.parts.some((part) => part.categoryId === id);
        if (!touched || row.deleted) continue;
        const categoryId = row.categoryId === id ? heir : row.categoryId;
        this.state.put("transaction", { ...row, categoryId, parts: row.parts.map(move) });
      }
    });
  }

  closeAccount(id: string): void {
    const account = this.known("account", id);
    this.state.change(() => this.state.put("account", { ...account, closed: true }));
  }

  renamePayee(id: string, name: string): void {
    const payee = this.known("payee", id);
    this.state.change(() => this.state.put("payee", { ...payee, name }));
  }

  addCategory(group: string, name: string): string {
    const found = [...this.state.tables.group.values()].find((entry) => entry.name === group);
    return this.state.change(() => {
      const fresh = { id: randomUUID(), name: group, hidden: false, internal: false, deleted: false };
      const groupId = found?.id ?? this.state.put("group", fresh).id;
      const rest = { hidden: false, internal: false, note: null, goalTarget: null, goalTargetDate: null };
      return this.state.put("category", { id: randomUUID(), groupId, name, deleted: false, ...rest }).id;
    });
  }

  setFault(fault: Fault): void {
    this.faults.set(fault);
  }

  clearFaults(): void {
    this.faults.clear();
  }

  /** As if the hour had passed. */
  resetRateLimit(): void {
    this.limit.reset();
  }

  private known<K extends "transaction" | "category" | "group" | "account" | "payee">(kind: K, id: string) {
    const found = this.state.live(kind, id);
    if (!found) throw new Error(`there is no ${kind} ${id}`);
    return found;
  }
}

/** What `/__control` may call. */
export const CONTROL_CALLS = [
  "all",
  "accounts",
  "categories",
  "payees",
  "addTransaction",
  "editTransaction",
  "deleteTransaction",
  "unmatch",
  "renameCategory",
  "hideCategory",
  "renameGroup",
  "deleteCategory",
  "closeAccount",
  "renamePayee",
  "addCategory",
  "setFault",
  "clearFaults",
  "resetRateLimit",
] as const satisfies readonly (keyof Control)[];
