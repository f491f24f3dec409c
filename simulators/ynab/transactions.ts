import { randomUUID } from "node:crypto";
import { daysBetween } from "../../lib/values";
import type { Cleared, Part, Transaction } from "./entities";
import { badRequest, conflict, notFound } from "./errors";
import { checkAll, faultOf, type Dates, type SaveFields } from "./rules";
import type { State } from "./state";

/**
 * What becomes of an imported transaction that matches one entered by hand. The description says that they are matched
 * and each names the other; it does not say whether a list shows one of them or both. `one`: the hand-entered one,
 * which then bears the import id. `off`: nothing is matched.
 */
export type Matching = "off" | "one" | "both";

/** How far apart their dates may be, by the description of `import_id`. */
const MATCH_DAYS = 10;

/** Creating, changing and deleting transactions, with transfers on both sides. */
export class Transactions {
  constructor(
    private readonly state: State,
    private readonly dates: () => Dates,
    private readonly matching: Matching,
  ) {}

  /** `POST /transactions` with `transaction`. */
  createOne(item: SaveFields): Transaction {
    const fault = faultOf(this.state, item, this.dates(), "create");
    if (fault) throw badRequest(fault);
    if (item.import_id && this.state.byImportId(item.account_id as string, item.import_id as string)) {
      throw conflict("A transaction on the same account with the same import_id already exists");
    }
    return this.state.change(() => this.insert(item));
  }

  /** `POST /transactions` with `transactions`: all are good or none is written. */
  createMany(items: readonly SaveFields[]): { created: Transaction[]; duplicates: string[] } {
    checkAll(this.state, items, this.dates());
    const created: Transaction[] = [];
    const duplicates: string[] = [];
    const run = () => {
      for (const item of items) {
        const importId = item.import_id as string | null | undefined;
        if (importId && this.state.byImportId(item.account_id as string, importId)) duplicates.push(importId);
        else created.push(this.insert(item));
      }
    };
    const fresh = items.some(
      ({ import_id, account_id }) =>
        !import_id || !this.state.byImportId(account_id as string, import_id as string),
    );
    if (fresh) this.state.change(run);
    else run();
    return { created, duplicates };
  }

  /** `PATCH /transactions`: by id or import id; all are good or none is changed. */
  updateMany(items: readonly SaveFields[]): Transaction[] {
    const found = items.map((item, index) => {
      const row = this.lookUp(item);
      if (!row) throw badRequest(`transaction does not exist in this plan (index: ${index})`);
      const fault = faultOf(this.state, { ...item, import_id: undefined }, this.dates(), "update");
      if (fault) throw badRequest(`${fault} (index: ${index})`);
      return row;
    });
    return this.state.change(() =>
      items.map((item, index) => this.change(this.state.tables.transaction.get(found[index]!.id)!, item)),
    );
  }

  /** `PUT /transactions/{id}`. */
  updateOne(id: string, item: SaveFields): Transaction {
    const row = this.shown(id);
    if (!row) throw notFound();
    const fault = faultOf(this.state, { ...item, import_id: undefined }, this.dates(), "update");
    if (fault) throw badRequest(fault);
    return this.state.change(() => this.change(row, item));
  }

  /** `DELETE /transactions/{id}`: the other side of a transfer goes with it. */
  delete(id: string): Transaction {
    const row = this.shown(id);
    if (!row) throw notFound();
    return this.state.change(() => {
      const gone = this.state.put("transaction", { ...row, deleted: true });
      for (const other of this.otherSides(row)) this.state.put("transaction", { ...other, deleted: true });
      return gone;
    });
  }

  private lookUp({ id, import_id }: SaveFields): Transaction | undefined {
    if (id) return this.shown(String(id));
    if (!import_id) return undefined;
    return this.state
      .transactions()
      .find((row) => row.importId === import_id && !row.deleted && this.isShown(row));
  }

  /** Insert a checked item; within a change. */
  insert(item: SaveFields, fixed: { id?: string } = {}): Transaction {
    const accountId = item.account_id as string;
    const payeeId = this.payee(item);
    const target = this.state.live("payee", payeeId)?.transferAccountId ?? null;
    const id = fixed.id ?? randomUUID();
    const imported = (item.import_id as string | null | undefined) ?? null;
    const parts = this.parts(item);
    const row: Omit<Transaction, "k"> = {
      id,
      deleted: false,
      accountId,
      date: item.date as string,
      amount: item.amount as number,
      memo: (item.memo as string | null | undefined) ?? null,
      cleared: (item.cleared as Cleared | undefined) ?? "uncleared",
      approved: (item.approved as boolean | undefined) ?? false,
      flag: (item.flag_color as string | null | undefined) ?? null,
      payeeId,
      categoryId: target || parts.length > 0 ? null : this.assignable(item.category_id),
      transferAccountId: target === accountId ? null : target,
      transferTransactionId: null,
      importId: imported,
      importPayee: imported ? ((item.payee_name as string | null | undefined) ?? null) : null,
      parts,
    };
    if (row.transferAccountId) row.transferTransactionId = this.insertOtherSide(row as Transaction);
    const entered = imported && this.matching !== "off" ? this.enteredByHand(row as Transaction) : undefined;
    if (!entered) return this.state.put("transaction", row);
    this.state.put("transaction", {
      ...entered,
      matchedTransactionId: id,
      ...(this.matching === "one" ? { importId: row.importId, importPayee: row.importPayee } : {}),
    });
    return this.state.put("transaction", { ...row, matchedTransactionId: entered.id, absorbed: true });
  }

  /** The nearest user-entered transaction that an imported one is matched with. */
  private enteredByHand({ accountId, amount, date }: Transaction): Transaction | undefined {
    const away = (row: Transaction) => Math.abs(daysBetween(row.date, date));
    return this.state
      .equal({ accountId, amount })
      .filter((row) => away(row) <= MATCH_DAYS)
      .filter((row) => !row.deleted && !row.importId && !row.matchedTransactionId)
      .sort((a, b) => away(a) - away(b) || (a.id < b.id ? -1 : 1))[0];
  }

  /** A person takes a match apart: both stand by themselves again. */
  unmatch(enteredId: string): void {
    const entered = this.state.live("transaction", enteredId);
    const imported = this.state.live("transaction", entered?.matchedTransactionId);
    if (!entered || !imported) throw notFound();
    this.state.change(() => {
      this.state.put("transaction", {
        ...entered,
        matchedTransactionId: null,
        importId: null,
        importPayee: null,
      });
      this.state.put("transaction", { ...imported, matchedTransactionId: null, absorbed: false });
    });
  }

  /** A transaction as the API shows it; what was matched away is not shown, unless both are. */
  shown(id: string): Transaction | undefined {
    const row = this.state.live("transaction", id);
    return row && this.isShown(row) ? row : undefined;
  }

  isShown(row: Transaction): boolean {
    return !row.absorbed || this.matching === "both";
  }

  private insertOtherSide(row: Transaction): string {
    const id = randomUUID();
    this.state.put("transaction", {
      ...row,
      id,
      accountId: row.transferAccountId!,
      amount: -row.amount,
      payeeId: this.state.tables.account.get(row.accountId)!.transferPayeeId,
      transferAccountId: row.accountId,
      transferTransactionId: row.id,
      cleared: "uncleared",
      importId: null,
      importPayee: null,
      parts: [],
    });
    return id;
  }

  private change(row: Transaction, item: SaveFields): Transaction {
    const split = row.parts.length > 0;
    const next = { ...row };
    if (typeof item.account_id === "string") next.accountId = item.account_id;
    if (typeof item.date === "string" && !split) next.date = item.date;
    if (typeof item.amount === "number" && !split) next.amount = item.amount;
    if (item.memo !== undefined) next.memo = item.memo as string | null;
    if (typeof item.cleared === "string") next.cleared = item.cleared as Cleared;
    if (typeof item.approved === "boolean") next.approved = item.approved;
    if (item.flag_color !== undefined) next.flag = item.flag_color as string | null;
    if (item.payee_id || item.payee_name) next.payeeId = this.payee(item);
    const target = this.state.live("payee", next.payeeId)?.transferAccountId ?? null;
    if (item.category_id !== undefined && !split && !target) {
      next.categoryId = this.assignable(item.category_id);
    }
    if (!split && Array.isArray(item.subtransactions) && item.subtransactions.length > 0) {
      next.parts = this.parts(item);
      next.categoryId = null;
    }
    if (target !== row.transferAccountId) {
      for (const other of this.otherSides(row)) this.state.put("transaction", { ...other, deleted: true });
      next.transferAccountId = target;
      next.transferTransactionId = target ? this.insertOtherSide(next) : null;
      if (target) next.categoryId = null;
    } else {
      for (const other of this.otherSides(row)) {
        this.state.put("transaction", { ...other, amount: -next.amount, date: next.date });
      }
    }
    return this.state.put("transaction", next);
  }

  private otherSides(row: Transaction): Transaction[] {
    const ids = [row.transferTransactionId, ...row.parts.map((part) => part.transferTransactionId)];
    return ids.flatMap((id) => this.state.live("transaction", id) ?? []);
  }

  private parts(item: SaveFields): Part[] {
    const given = (item.subtransactions as SaveFields[] | null | undefined) ?? [];
    return given.map((part) => ({
      id: randomUUID(),
      amount: part.amount as number,
      memo: (part.memo as string | null | undefined) ?? null,
      payeeId: this.payee(part),
      categoryId: this.assignable(part.category_id),
      transferAccountId: null,
      transferTransactionId: null,
    }));
  }

  /** Payments of credit cards are no category that can be given to a transaction: it is left out. */
  private assignable(id: unknown): string | null {
    const category = this.state.live("category", id as string | null | undefined);
    const group = this.state.live("group", category?.groupId);
    return category && group?.name !== "Credit Card Payments" ? category.id : null;
  }

  /** By id, else a payee of the same name (one of a transfer too), else a new one. */
  private payee({ payee_id, payee_name }: SaveFields): string | null {
    if (typeof payee_id === "string") return payee_id;
    if (typeof payee_name !== "string" || payee_name === "") return null;
    const known = this.state.payeeByName(payee_name);
    if (known) return known;
    const fresh = { id: randomUUID(), deleted: false, name: payee_name, transferAccountId: null };
    return this.state.put("payee", fresh).id;
  }
}
