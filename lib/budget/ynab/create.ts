import { addDays, ownId, TallyError, toTallyError, takeTurn, turnDue, type StoredError } from "../../values";
import type { CreateOutcome, NewTransaction } from "../port";
import type { AccountBook } from "./accounts";
import { detailOf, type YnabApi } from "./api";
import type { CategoryBook } from "./categories";
import { transactionOf, ynabId } from "./map";
import { toMilliunits } from "./money";
import { memoText, payeeText } from "./text";
import type { WireAccount, WireNew, WireSaved } from "./wire";

interface Prepared {
  item: NewTransaction;
  wire: WireNew;
}

export interface WriterParts {
  api: YnabApi;
  plan: string;
  currency: string;
  accounts: AccountBook;
  categories: CategoryBook;
  bulk: number;
  now(): number;
}

/**
 * Writes one `create` call: checks each item, sends bulks, and isolates what YNAB refuses. YNAB refuses a whole bulk
 * for one bad item and names the first one: "... (index: 3)"; without such a pointer the bulk is halved.
 */
export class BulkWriter {
  private readonly outcomes = new Map<string, CreateOutcome>();
  private written = false;

  constructor(private readonly parts: WriterParts) {}

  async run(items: readonly NewTransaction[], signal?: AbortSignal): Promise<CreateOutcome[]> {
    const prepared = await this.prepare(items, signal);
    const { bulk } = this.parts;
    for (let at = 0; at < prepared.length; at += bulk) {
      // Not stopped in the middle of a bulk: a request once sent is waited for, so that its outcome is known.
      const stopped = signal?.aborted ? cancelled() : undefined;
      if (stopped && !this.written) throw stopped;
      if (stopped) this.leave(prepared.slice(at), stopped);
      else await this.attempt(prepared.slice(at, at + bulk));
    }
    const seen = new Set<string>();
    return items.map((item) => {
      const outcome = this.outcomes.get(item.importId);
      if (!outcome) throw new TallyError("INTERNAL", `No outcome for import id ${item.importId}.`);
      const repeated = seen.has(item.importId);
      seen.add(item.importId);
      return repeated && outcome.status === "created" ? { ...outcome, status: "duplicate" } : outcome;
    });
  }

  /** The items in YNAB's form, each import id once; what cannot be sent gets its outcome here. */
  private async prepare(items: readonly NewTransaction[], signal?: AbortSignal): Promise<Prepared[]> {
    const wanted = items.flatMap((item) => [item.accountId, item.transferAccountId ?? []].flat());
    const accounts = await this.parts.accounts.getAll(wanted.map(ownId), signal);
    const prepared = new Map<string, Prepared>();
    for (const item of items) {
      if (turnDue()) await takeTurn();
      if (prepared.has(item.importId) || this.outcomes.has(item.importId)) continue;
      try {
        prepared.set(item.importId, { item, wire: await this.wireOf(item, accounts, signal) });
      } catch (thrown) {
        const error = toTallyError(thrown);
        if (!isItemFault(error)) throw error;
        this.reject(item, error.toJSON());
      }
    }
    return [...prepared.values()];
  }

  private async wireOf(
    item: NewTransaction,
    accounts: ReadonlyMap<string, WireAccount>,
    signal?: AbortSignal,
  ): Promise<WireNew> {
    const account = accounts.get(ownId(item.accountId));
    if (!account) throw itemFault(`the account ${item.accountId} is no longer in the plan`);
    const today = new Date(this.parts.now()).toISOString().slice(0, 10);
    const oldest = `${Number(today.slice(0, 4)) - 5}${today.slice(4)}`;
    // A day of grace, because YNAB's day may be another; what is left YNAB refuses itself.
    if (item.date < addDays(oldest.replace("-02-29", "-02-28"), -1)) {
      throw itemFault(`the date ${item.date} is more than 5 years ago, which YNAB does not take`);
    }
    const wire: WireNew = {
      account_id: account.id,
      date: item.date,
      amount: toMilliunits(item.amount, this.parts.currency),
      cleared: item.cleared,
      approved: item.approved,
      import_id: item.importId,
    };
    if (item.memo) wire.memo = memoText(item.memo);
    if (item.transferAccountId) {
      const target = accounts.get(ownId(item.transferAccountId));
      if (!target?.transfer_payee_id) {
        throw itemFault(`the account ${item.transferAccountId} of the transfer is no longer in the plan`);
      }
      wire.payee_id = target.transfer_payee_id;
      return wire;
    }
    const payee = item.payeeName ? payeeText(item.payeeName) : "";
    if (payee) wire.payee_name = payee;
    if (item.categoryId) {
      const id = ownId(item.categoryId);
      if (!(await this.parts.categories.has(id, signal ? { signal } : {}))) throw categoryGone(item);
      wire.category_id = id;
    }
    return wire;
  }

  /** Send; what goes wrong after something was written is an outcome, no error, so that nothing written is lost. */
  private async attempt(bulk: Prepared[]): Promise<void> {
    try {
      await this.send(bulk);
    } catch (thrown) {
      const error = toTallyError(thrown);
      // What was written before an unknown outcome is found by the read-back too.
      if (error.code === "OUTCOME_UNKNOWN" || !this.written) throw error;
      this.leave(bulk, error);
    }
  }

  private async send(bulk: Prepared[]): Promise<void> {
    if (bulk.length === 0) return;
    const { api, plan } = this.parts;
    let saved: WireSaved;
    try {
      saved = await api.call<WireSaved>("createTransactions", {
        ids: { plan_id: plan },
        body: { transactions: bulk.map(({ wire }) => wire) },
        repeatable: false,
      });
    } catch (thrown) {
      const error = toTallyError(thrown);
      // A conflict says that an import id is taken, but not which one.
      if (error.code === "PROVIDER_MALFORMED" || error.details["status"] === 409) throw unknown(error);
      if (error.code !== "PROVIDER_REFUSED") throw error;
      return this.isolate(bulk, error);
    }
    this.written = true;
    await this.take(bulk, saved);
  }

  private async isolate(bulk: Prepared[], refusal: TallyError): Promise<void> {
    const pointer = /\(index: (\d+)\)/.exec(detailOf(refusal) ?? "")?.[1];
    const at = bulk.length === 1 ? 0 : pointer === undefined ? undefined : Number(pointer);
    const bad = at === undefined ? undefined : bulk[at];
    if (bad) {
      const reason = await this.reason(bad, refusal);
      this.reject(bad.item, reason.toJSON(), reason.retryAfterMs);
      return this.send(bulk.filter((entry) => entry !== bad));
    }
    const half = Math.ceil(bulk.length / 2);
    await this.send(bulk.slice(0, half));
    await this.send(bulk.slice(half));
  }

  private async reason({ item, wire }: Prepared, refusal: TallyError): Promise<TallyError> {
    const id = wire.category_id;
    if (id && !(await this.parts.categories.has(id, { afresh: true }))) return categoryGone(item);
    const said = (detailOf(refusal) ?? refusal.message).replace(/ ?\(index: \d+\)/, "");
    const { status } = refusal.details;
    // Today here may be tomorrow there: what is refused as ahead by a day goes in when that day has come everywhere.
    const aheadMs = /future/.test(said) ? Date.parse(`${item.date}T12:00:00Z`) - this.parts.now() : 0;
    const later = aheadMs > 0 ? { retryable: true, retryAfterMs: aheadMs } : {};
    return new TallyError(
      "PROVIDER_REFUSED",
      `YNAB refuses this transaction of ${item.date}: ${said}. The others of its bulk are not held up.`,
      { details: { status, said }, ...later },
    );
  }

  private async take(bulk: readonly Prepared[], saved: WireSaved): Promise<void> {
    const duplicates = new Set(saved.duplicate_import_ids ?? []);
    const created = new Map((saved.transactions ?? []).map((row) => [row.import_id, row]));
    const { plan, currency } = this.parts;
    const fresh = bulk.filter(({ item }) => !duplicates.has(item.importId));
    const inOrder = saved.transaction_ids.length === fresh.length;
    for (const { item } of bulk) {
      const { importId } = item;
      if (duplicates.has(importId)) this.outcomes.set(importId, { importId, status: "duplicate" });
    }
    for (const [position, { item }] of fresh.entries()) {
      if (turnDue()) await takeTurn();
      const { importId } = item;
      const row = created.get(importId);
      const id = row?.id ?? (inOrder ? saved.transaction_ids[position] : undefined);
      if (!id) {
        throw new TallyError(
          "OUTCOME_UNKNOWN",
          `YNAB took a bulk but does not say what became of import id ${importId}; it is read back.`,
          { retryable: true },
        );
      }
      // Matched at once with what a person had entered: then theirs is the row that goes on standing for it.
      const matched = row?.matched_transaction_id;
      this.outcomes.set(importId, {
        importId,
        status: "created",
        transactionId: ynabId(matched ?? id),
        ...(matched ? { matchedWith: ynabId(matched) } : {}),
        ...(row && !matched ? { transaction: transactionOf({ budgetId: ynabId(plan), currency }, row) } : {}),
      });
    }
  }

  /** These were not sent, or not taken, through no fault of theirs. */
  private leave(bulk: readonly Prepared[], error: TallyError): void {
    for (const { item } of bulk) {
      if (!this.outcomes.has(item.importId))
        this.reject(item, { ...error.toJSON(), retryable: true }, error.retryAfterMs);
    }
  }

  private reject({ importId }: NewTransaction, error: StoredError, retryAfterMs?: number): void {
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.outcomes.set(importId, { importId, status: "rejected", error, ...wait });
  }
}

/** Is the item itself at fault, and not a request that was made to check it? */
function isItemFault(error: TallyError): boolean {
  if (error.code === "PROVIDER_REFUSED") return error.details["sent"] === false;
  return error.code === "CATEGORY_GONE" || error.code === "MONEY_INVALID" || error.code === "DATE_INVALID";
}

function cancelled(): TallyError {
  return new TallyError("CANCELLED", "The work was stopped before it was done.", { retryable: true });
}

function itemFault(why: string): TallyError {
  return new TallyError("PROVIDER_REFUSED", `This transaction cannot go to YNAB: ${why}.`, {
    details: { sent: false },
  });
}

function categoryGone(item: NewTransaction): TallyError {
  return new TallyError(
    "CATEGORY_GONE",
    `The category ${item.categoryId} cannot be given in YNAB any more: it was deleted or hidden, or YNAB keeps it for itself. Choose another one for this payment.`,
    { details: { categoryId: item.categoryId } },
  );
}

function unknown(cause: TallyError): TallyError {
  return new TallyError(
    "OUTCOME_UNKNOWN",
    "YNAB's answer to a write does not say what became of it; it is read back before anything is sent again.",
    { retryable: true, details: cause.details, cause },
  );
}
