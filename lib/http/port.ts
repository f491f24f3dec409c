/** The one HTTP client of the library: retries, time-outs, persistent rate budgets, redaction. */

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the base URL, beginning with a slash, or a whole URL on the same origin. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string>;
  /** An object is sent as JSON; a string or bytes as they are. */
  body?: unknown;
  /**
   * May it be sent again when no answer came? GET is; a write only where the provider recognises repeats. A write
   * that may not and gets no answer throws OUTCOME_UNKNOWN.
   */
  repeatable?: boolean;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called before each try, so that signatures and session tokens are fresh. */
  prepare?(headers: Record<string, string>, body: string): void | Promise<void>;
  /** Statuses to hand back instead of throwing. */
  accept?: readonly number[];
}

export interface HttpResponse<T = unknown> {
  status: number;
  headers: Record<string, string>;
  /** The raw text, for signatures. */
  text: string;
  /** The parsed JSON body; throws PROVIDER_MALFORMED on access when it is none. */
  readonly body: T;
}

/** A limit such as 200 calls in an hour, kept in the store so that it survives a restart. */
export interface RateLimit {
  /** Key in `rate_budgets`, for example `ynab:<hash of the token>`. */
  key: string;
  calls: number;
  perMs: number;
  /** Applies to these methods only; all when absent. */
  methods?: readonly HttpRequest["method"][];
}

export interface HttpStats {
  calls: number;
  /** Time spent waiting for rate limits and back-off. */
  waitedMs: number;
}
