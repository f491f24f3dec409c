/**
 * Every error that Tallyflow raises on purpose. `code` is for programs, `message` for people: what happened, to
 * what, what to do. docs/errors.md lists the codes; a test holds the two together.
 */

/** Code -> the one-line meaning shown in docs/errors.md. */
export const ERROR_CODES = {
  CONFIG_INVALID: "A setting is missing or not of the form it must have.",
  AUTH_FAILED: "The provider refused the key, the token or the password.",
  AUTH_EXPIRED: "A session or consent ran out and could not be renewed.",
  NOT_FOUND: "The provider does not know the thing that was asked for.",
  RATE_LIMITED: "The provider's rate limit is used up.",
  PROVIDER_UNAVAILABLE: "The provider did not answer, or answered with a 5xx error.",
  PROVIDER_MALFORMED: "The provider's answer could not be understood.",
  PROVIDER_REFUSED: "The provider refused the request for a reason that will not go away by itself.",
  OUTCOME_UNKNOWN: "A write was sent but no answer came; it must be read back before it is sent again.",
  STATEMENT_UNREADABLE: "A statement file could not be read at all.",
  STATEMENT_ROW_INVALID: "A row of a statement could not be read.",
  STATEMENT_WRONG_ACCOUNT: "A statement belongs to another account than the one it was given for.",
  CURRENCY_MISMATCH: "A payment's currency is not the currency of its account or budget.",
  CATEGORY_GONE: "A category no longer exists in the budget.",
  MONEY_INVALID: "A text is not an amount of money.",
  DATE_INVALID: "A text is not a calendar date.",
  STORE_UNAVAILABLE: "The store could not be opened or did not answer.",
  STORE_CONFLICT: "Another worker changed the same document first.",
  STORE_TOO_NEW: "The store was written by a newer version of Tallyflow.",
  DEPENDENCY_MISSING: "An optional package is needed for this and is not installed.",
  TOKEN_INVALID: "The button of a message is not known or is too old.",
  HISTORY_GUARD: "A full load would close more rows than the guard allows.",
  HISTORY_MISSING: "Nothing was recorded of the instant that was asked for.",
  MODEL_MISSING: "No trained model is there yet.",
  TRAINING_DATA_TOO_SMALL: "There is no label to learn from.",
  QUEUE_FULL: "More messages wait for a node than it holds; the surplus is refused.",
  CANCELLED: "The work was stopped on request and can be resumed.",
  INTERNAL: "A fault in Tallyflow itself.",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface TallyErrorOptions {
  /** May the same call succeed later with nothing changed? */
  retryable?: boolean;
  /** Facts for programs and logs; never secrets. */
  details?: Record<string, unknown>;
  /** The provider asked to wait this long, in milliseconds. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** The one error class of the library. */
export class TallyError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: TallyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TallyError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The part that is stored and shown: no stack, no cause. */
  toJSON(): StoredError {
    return { code: this.code, message: this.message, retryable: this.retryable, details: this.details };
  }
}

export interface StoredError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  details?: Record<string, unknown>;
}

/** Anything thrown, as a TallyError; what was not raised on purpose becomes INTERNAL with the cause kept. */
export function toTallyError(thrown: unknown): TallyError {
  if (thrown instanceof TallyError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return new TallyError("CANCELLED", "The work was stopped before it was done.", {
      retryable: true,
      cause: thrown,
    });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TallyError("INTERNAL", `Unexpected error: ${message}`, { cause: thrown });
}
