import type { BankAccount, Payment } from "../store";
import type { CalendarDate, ErrorCode, Json } from "../values";

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

export interface BankProvider {
  /** `bunq`, `files`, ... */
  readonly kind: string;
  /**
   * `changing` where the bank may give a payment another id later, give an old id to a new payment, or give none (an
   * id that ends after its colon). A payment is then known by its content and its number among equal rows of a day, for
   * which every reading has to show whole days. Ids last when this is absent.
   */
  readonly ids?: "changing";
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
  /** Requests made since the provider was opened. */
  readonly calls: number;
  close(): Promise<void>;
}
