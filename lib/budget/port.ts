import type { Budget, BudgetAccount, Category, Payee, Transaction } from "../store";
import type { CalendarDate, Id, Json, StoredError } from "../values";

/** The provider port of budgets: YNAB and Actual look the same to the steps. Amounts are minor units. */

/** What changed since a cursor; deleted things come with `deleted: true` (tombstones). */
export interface BudgetDelta {
  budget: Budget;
  accounts: BudgetAccount[];
  categories: Category[];
  payees: Payee[];
  transactions: Transaction[];
  /** True when this is everything there is, so that what is missing has been deleted. */
  full: boolean;
  /** For the next call. */
  cursor: Json;
}

export interface NewTransaction {
  /** Deterministic; the budget recognises a second write by it. */
  importId: string;
  accountId: Id;
  date: CalendarDate;
  amount: number;
  payeeName?: string;
  /** For a transfer between own accounts: the other budget account. */
  transferAccountId?: Id;
  categoryId?: Id | null;
  memo?: string;
  cleared: "cleared" | "uncleared";
  approved: boolean;
}

/** What became of one item of a bulk create. Items do not fail together: each has its own outcome. */
export type CreateOutcome =
  | {
      importId: string;
      status: "created";
      transactionId: Id;
      /** As the budget stored it, its own rules applied; undo compares with it what stands later. */
      transaction?: Transaction;
      /** The budget took it for the same as this transaction, which a person had entered; `transactionId` is its id. */
      matchedWith?: Id;
    }
  /** The budget has this import id already; counts as success. */
  | { importId: string; status: "duplicate"; transactionId?: Id }
  | {
      importId: string;
      status: "rejected";
      error: StoredError;
      /** The budget asked to wait this long, in milliseconds. */
      retryAfterMs?: number;
    };

export interface TransactionChange {
  id: Id;
  /**
   * Change it only while it still has this category, so that what a person chose meanwhile stands. Actual checks it in
   * the moment of the change; YNAB has no such condition, so that its rows are to be read right before.
   */
  onlyIf?: { categoryId: Id | null };
  categoryId?: Id | null;
  memo?: string;
  approved?: boolean;
  /** For a payment that was written while pending: what was booked. Never of a split, whose parts stay as they are. */
  date?: CalendarDate;
  amount?: number;
  cleared?: "cleared" | "uncleared";
  /** Never of a transfer. */
  payeeName?: string;
}

export interface BudgetProvider {
  /** `ynab`, `actual` */
  readonly kind: string;
  readonly budgetId: Id;
  /** Longest payee name and memo in characters, and most items of a bulk create. */
  readonly limits: {
    payeeName: number;
    memo: number;
    bulk: number;
    futureDates: boolean;
    /** The budget itself matches what is imported with what was entered by hand, so many days apart at most. */
    ownMatchDays?: number;
  };
  /** Requests made to the budget since the provider was opened. */
  readonly calls: number;
  /** Everything, or what changed since the cursor. Throws AUTH_FAILED, NOT_FOUND, RATE_LIMITED, PROVIDER_*. */
  extract(request: { cursor: Json; since?: CalendarDate; signal?: AbortSignal }): Promise<BudgetDelta>;
  /**
   * Write new transactions in bulk; one outcome for each, in order.
   * @throws TallyError OUTCOME_UNKNOWN when the request was sent and no usable answer came: read back with `find`
   *   before sending again. Any other error means that nothing was written.
   */
  create(items: readonly NewTransaction[], signal?: AbortSignal): Promise<CreateOutcome[]>;
  /** Which of these import ids stand in the budget (deleted ones included), read from the budget itself. */
  find(
    importIds: readonly string[],
    range: { from: CalendarDate; accountIds: readonly Id[] },
    signal?: AbortSignal,
  ): Promise<Map<string, Id>>;
  /** Transactions as they stand now, read from the budget itself; deleted and unknown ones are left out. */
  read(ids: readonly Id[], signal?: AbortSignal): Promise<Transaction[]>;
  /** Change existing transactions. */
  update(changes: readonly TransactionChange[], signal?: AbortSignal): Promise<void>;
  /** Delete transactions (undo). Ids that are gone already are no error. */
  delete(ids: readonly Id[], signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
