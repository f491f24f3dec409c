import type { BankAccount, Payment } from "../store";
import type { CalendarDate, ErrorCode, Id, Json } from "../values";

/** The provider port of banks: bunq, statement files and aggregators all look like this to the extract step. */

/** A row of a source that could not be read; the rest goes on. */
export interface RowError {
  /** Line of the file (1-based), or absent where there are no lines. */
  line?: number;
  reason: string;
  /** For programs, where there is a code that says more than STATEMENT_ROW_INVALID. */
  code?: ErrorCode;
}

export interface PaymentPage {
  payments: Payment[];
  errors: RowError[];
  /**
   * Where to go on once this page is stored and enqueued; handed back as `cursor` on the next call. JSON, opaque to
   * everyone but the provider.
   */
  cursor: Json;
}

export interface PaymentsRequest {
  /** As the last stored page gave it; null at first. */
  cursor: Json;
  /** Payments before this date are not wanted. */
  since?: CalendarDate;
  signal?: AbortSignal;
}

/** What a callback of a bank tells: where something happened. It is never believed, only looked at again. */
export interface BankHint {
  accountId: Id;
  /** Absent when only the account is known. */
  paymentId?: Id;
}

/** Banks that call back when something happens. */
export interface BankWebhooks {
  /** Where callbacks come from, as CIDRs; none when the bank does not say. */
  readonly ranges: readonly string[];
  /**
   * The hints in the body of a callback; none in one that has nothing to do with payments.
   * @throws TallyError PROVIDER_MALFORMED for what is no callback of this bank
   */
  hintsOf(body: unknown): BankHint[];
  /**
   * Have the bank call this URL, and leave the callbacks of others as they are.
   * @param replaces is this the URL of an earlier registration of ours, to be removed?
   * @throws TallyError CONFIG_INVALID for a URL that the bank does not call; AUTH_*, PROVIDER_*
   */
  register(
    url: string,
    options?: { replaces?: (url: string) => boolean; signal?: AbortSignal },
  ): Promise<{ added: number; removed: number }>;
  /** Remove the callbacks to URLs of ours, and no others. How many there were. */
  unregister(isOurs: (url: string) => boolean, signal?: AbortSignal): Promise<number>;
  /** Have the bank send again the callbacks to this URL that did not arrive. How many there are. */
  replay(url: string, signal?: AbortSignal): Promise<number>;
}

/** Payments that were asked for by their ids. */
export interface RefetchedPayments {
  payments: Payment[];
  errors: RowError[];
  /** Those that the bank does not know, or not yet. */
  missing: Id[];
}

export interface BankProvider {
  /** `bunq`, `files`, ... */
  readonly kind: string;
  /**
   * `changing` where the bank may give a payment another id later, give an old id to a new payment, or give none (an
   * id that ends after its colon). A payment is then known by its content and its number among equal rows of a day, for
   * which every reading has to show whole days, or payments have instants. Ids last when
   * this is absent. `perFile` where they last, but for files that may have been numbered anew.
   */
  readonly ids?: "changing" | "perFile";
  /**
   * Every reading that comes to its end shows all payments of the account that are pending then: one that is not shown
   * any more is gone. Unknown when absent.
   */
  readonly listsPending?: boolean;
  /** Names this connection in cursors and in `source` of what it yields: the kind, or the kind and a name. */
  readonly source: string;
  /** Accounts that the connection can see. Throws AUTH_FAILED, AUTH_EXPIRED, PROVIDER_*. */
  accounts(signal?: AbortSignal): Promise<BankAccount[]>;
  /**
   * Pages of payments of one account since the cursor, with an overlap before it. Every page can be stored by
   * itself; pages come in an order in which stopping after any of them and starting again from its cursor misses
   * nothing.
   */
  payments(account: BankAccount, request: PaymentsRequest): AsyncIterable<PaymentPage>;
  /** Payments of an account by their ids, where the bank can be asked so. */
  refetch?(account: BankAccount, ids: readonly Id[], signal?: AbortSignal): Promise<RefetchedPayments>;
  readonly webhooks?: BankWebhooks;
  /** Requests made since the provider was opened. */
  readonly calls: number;
  close(): Promise<void>;
}
