import type { CalendarDate, Id, Instant, Json, StoredError } from "../values";
import type { CollectionDef, Doc } from "./port";

/** The documents of the store and the collections that hold them. Amounts are minor units of `currency`. */

export interface BankAccount extends Doc {
  /** Id of the provider instance (a bank config node) it comes from. */
  source: string;
  iban?: string;
  name: string;
  currency: string;
  /** IANA name; dates of its payments are dates in this zone. */
  timeZone: string;
  type?: "current" | "savings" | "credit" | "other";
  closed?: boolean;
  balance?: { amount: number; at: Instant };
  /** The budget account it is mapped to, set by the user; null when unmapped. */
  budgetAccountId?: Id | null;
}

export interface Party {
  name?: string;
  iban?: string;
  /** Account number that is no IBAN. */
  account?: string;
  bic?: string;
}

export interface Payment extends Doc {
  source: string;
  accountId: Id;
  status: "booked" | "pending";
  /** Booking date in the account's time zone. */
  date: CalendarDate;
  valueDate?: CalendarDate;
  /** When it happened, where the bank says so. */
  instant?: Instant;
  /** Negative when money leaves the account. */
  amount: number;
  currency: string;
  /** What was paid in a foreign currency. */
  original?: { amount: number; currency: string };
  counterparty?: Party;
  description: string;
  /** The bank's own kind of payment (card, direct debit, ...), lower case. */
  type?: string;
  /** The bank's or the payer's reference. */
  reference?: string;
  mandateId?: string;
  creditorId?: string;
  balanceAfter?: number;
  /** 0 for the first of otherwise equal rows of one day, 1 for the next, ... */
  occurrence?: number;
  /** For a pending payment: the id under which it was booked. */
  bookedAs?: Id;
  /** The provider's own row. */
  raw: Json;
  fetchedAt: Instant;
}

/** A payment without the provider's own row, which is most of its bytes and is read by people only. */
export type PaymentFacts = Omit<Payment, "raw">;

export interface Budget extends Doc {
  source: string;
  name: string;
  currency: string;
}

export interface BudgetAccount extends Doc {
  budgetId: Id;
  name: string;
  type?: string;
  closed: boolean;
  deleted: boolean;
  balance?: number;
  /** The payee that stands for a transfer to this account. */
  transferPayeeId?: Id;
}

export interface Category extends Doc {
  budgetId: Id;
  name: string;
  group?: string;
  hidden: boolean;
  deleted: boolean;
  /** Set for the budget's own categories (ready to assign, ...), which are never learned or assigned. */
  internal?: boolean;
}

export interface Payee extends Doc {
  budgetId: Id;
  name: string;
  transferAccountId?: Id;
  deleted: boolean;
}

export interface Transaction extends Doc {
  budgetId: Id;
  accountId: Id;
  date: CalendarDate;
  amount: number;
  currency: string;
  payeeId?: Id;
  payeeName?: string;
  /** The payee as it was imported, before the budget's own renaming. */
  importedPayee?: string;
  categoryId?: Id | null;
  memo?: string;
  cleared?: "uncleared" | "cleared" | "reconciled";
  /** Did a person approve it? Only approved transactions are labels. */
  approved: boolean;
  importId?: string;
  transferAccountId?: Id;
  /** For a transfer: the transaction on the other account. */
  transferTransactionId?: Id;
  /** Set on a parent whose amount is split; its parts are not stored as transactions of their own. */
  split?: { amount: number; categoryId?: Id | null; memo?: string }[];
  deleted: boolean;
}

export interface Match extends Doc {
  /** The id is the transaction's. */
  budgetId: Id;
  paymentId: Id;
  rule: "import-id" | "reference" | "amount-date";
  /** 0 to 1. */
  confidence: number;
  /** For people: why these two are the same. */
  reason: string;
}

/** How a classification was reached, in the order of the cascade. */
export type ClassificationPath = "transfer" | "rule" | "memory" | "model" | "abstain";

export interface Classification extends Doc {
  /** The id is `<payment id>|<budget id>|<model version>`. */
  paymentId: Id;
  budgetId: Id;
  modelVersion: string;
  path: ClassificationPath;
  /** Absent when it abstained and for transfers. */
  categoryId?: Id;
  /** Probability that the category is right, 0 to 1. */
  confidence: number;
  top: { categoryId: Id; confidence: number }[];
  reason: string;
  explanation: {
    nearest: { paymentId: Id; text: string; categoryId: Id }[];
    terms: { term: string; weight: number }[];
  };
  at: Instant;
}

export type QueueState =
  "new" | "classified" | "review" | "leased" | "sending" | "synced" | "retry" | "dead" | "skipped";

export type SkipReason =
  | "not-mapped"
  | "before-start-date"
  | "own-transfer"
  | "already-in-budget"
  | "pending"
  | "zero-amount"
  | "currency-mismatch"
  | "account-closed"
  /** Its batch was undone: it is written again only when a person asks for it. */
  | "undone";

/** What a write of ours left in the budget, to tell later whether a person changed it. */
export interface WrittenValues {
  accountId: Id;
  date: CalendarDate;
  amount: number;
  categoryId: Id | null;
  approved: boolean;
  transferAccountId?: Id;
  /** Hash of the text. */
  memo: string;
  /** Id of the payee, else the hash of its name; absent where the budget did not say how it stored it. */
  payee?: string;
}

export interface QueueItem extends Doc {
  /** The id is `<payment id>|<budget id>`. */
  paymentId: Id;
  budgetId: Id;
  /** The bank account. */
  accountId: Id;
  state: QueueState;
  stateSince: Instant;
  /** It is sent only once the budget was read and matched after this moment. */
  enqueuedAt: Instant;
  /** Date of the payment: items are sent oldest first. */
  date: CalendarDate;
  importId: string;
  categoryId?: Id | null;
  confidence?: number;
  reason?: string;
  modelVersion?: string;
  /** For a transfer between own accounts: the bank account on the other side ... */
  transferAccountId?: Id;
  /** ... and the payment there, once it is known. */
  transferPaymentId?: Id;
  skipReason?: SkipReason;
  /** Failures so far that were the item's own. */
  attempt: number;
  /** Not before this instant (state `retry`). */
  dueAt: Instant;
  leaseOwner?: string;
  leaseUntil?: Instant;
  /** The batch it was last sent in. It also fences: who holds an item is told by lease owner and batch together. */
  batchId?: string;
  transactionId?: Id;
  /** Set for a transaction that is in the budget already and is given its category, and not created. */
  fills?: Id;
  /** Of a filled transaction: what it had before, stored before the write; undo restores it. */
  prior?: { categoryId: Id | null };
  /** What we wrote; absent when the batch wrote nothing for it (it was there already). */
  wrote?: WrittenValues;
  /** How often a person asked to import it again after it was deleted: its import id follows from it; 0 when absent. */
  occurrence?: number;
  /** Requests in a row that failed as a whole with it among others: such items are sent after the others, in smaller bulks. */
  setbacks?: number;
  error?: StoredError;
  /** The errors before the last requeues, newest last. */
  failures?: { at: Instant; attempt: number; error: StoredError }[];
}

/** One bulk request to a budget: what can be undone together. */
export interface Batch extends Doc {
  budgetId: Id;
  /** Stored before it was sent. */
  at: Instant;
  worker: string;
  runId: string;
  /** How many items it held. */
  items: number;
  /** When it was last undone, and what became of its items then. */
  undoneAt?: Instant;
  undo?: { undone: number; gone: number; refused: number };
}

export interface Cursor extends Doc {
  value: Json;
  at: Instant;
}

/** Prefect's states. */
export type RunState =
  | "Scheduled"
  | "Late"
  | "Pending"
  | "Running"
  | "Retrying"
  | "AwaitingRetry"
  | "Paused"
  | "Cancelling"
  | "Completed"
  | "Failed"
  | "Crashed"
  | "Cancelled";

export interface Run extends Doc {
  job: string;
  state: RunState;
  trigger: string;
  parentId?: Id;
  /** Identifies the process, so that a restart can tell its orphans. */
  worker: string;
  startedAt: Instant;
  /** Renewed while it runs; a Running run whose heartbeat is old has crashed. */
  heartbeatAt: Instant;
  endedAt?: Instant;
  durationMs?: number;
  counts: Record<string, number>;
  error?: StoredError;
  /** Append-only. */
  transitions: { state: RunState; at: Instant; message?: string }[];
}

export interface RunStep extends Doc {
  /** The id is `<run id>|<number of the step, four digits>`. */
  runId: Id;
  step: string;
  /** The node that ran it, where a node did. */
  node?: string;
  state: RunState;
  startedAt: Instant;
  endedAt?: Instant;
  durationMs?: number;
  counts: Record<string, number>;
  error?: StoredError;
}

export interface Model extends Doc {
  /** The id is the model's name: `categories:<budget id>`. */
  aliases: { production?: string; candidate?: string; previous?: string };
  /** Who moved which alias, when and why; append-only. */
  moves: { alias: string; version: string; at: Instant; reason: string }[];
}

export interface ModelVersion extends Doc {
  /** The id is `<model name>@<version>`. */
  model: string;
  version: string;
  createdAt: Instant;
  estimator: string;
  parameters: Json;
  featureVersion: number;
  dataHash: string;
  codeVersion: string;
  trainedOn: { examples: number; from: CalendarDate; to: CalendarDate; categories: Id[] };
  metrics: Json;
  threshold: number;
  artifact: { chunks: number; bytes: number; sha256: string };
}

export interface ArtifactChunk extends Doc {
  /** The id is `<model version id>#<six digits>`. */
  model: string;
  data: string;
}

export interface HistoryRow extends Doc {
  /** The id is the business key while current, `<business key>|<validFrom>` once closed. */
  entity: string;
  key: string;
  validFrom: Instant;
  /** Exclusive; `9999-12-31T00:00:00.000Z` while current. */
  validTo: Instant;
  isCurrent: boolean;
  /** A closed row whose key was deleted at `validTo`. */
  deletedAtEnd: boolean;
  /** Hash of the SCD2 attributes. */
  hash: string;
  /** Attributes whose change makes a new row. */
  attributes: Record<string, Json>;
  /** Attributes that are overwritten in place (SCD1). */
  overwritten: Record<string, Json>;
}

export interface Review extends Doc {
  /** The id is the queue item's. */
  paymentId: Id;
  budgetId: Id;
  at: Instant;
  suggestedCategoryId?: Id;
  chosenCategoryId: Id;
  modelVersion?: string;
}

export interface RateBudget extends Doc {
  /** Counts up with each change: the guard of conditional updates. */
  revision: number;
  /** When each call of the running window was made, oldest first, in milliseconds since the epoch. */
  calls: number[];
  /** The provider said: nothing before this instant (milliseconds since the epoch). */
  blockedUntil?: number;
}

export interface Lease extends Doc {
  owner: string;
  until: Instant;
}

export interface StoredEvent extends Doc {
  /** The id is `<instant>|<random>`, so that the order of ids is the order of time. */
  at: Instant;
  type: string;
  subject?: string;
  data: Json;
}

function define<T extends Doc>(
  name: string,
  shardKey: keyof T & string,
  indexes: Record<string, readonly (keyof T & string)[]>,
  volatile: readonly (keyof T & string)[] = [],
): CollectionDef<T> {
  return {
    name,
    shardKey,
    indexes: Object.entries(indexes).map(([key, fields]) => ({ name: key, fields })),
    volatile,
  };
}

export const bankAccounts = define<BankAccount>("bank_accounts", "id", { source: ["source"] });
export const payments = define<Payment>(
  "payments",
  "accountId",
  { byAccount: ["accountId", "date"], byDate: ["date"], bySource: ["source"] },
  ["fetchedAt"],
);
export const budgets = define<Budget>("budgets", "id", {});
export const budgetAccounts = define<BudgetAccount>("budget_accounts", "budgetId", {
  byBudget: ["budgetId"],
});
export const categories = define<Category>("categories", "budgetId", { byBudget: ["budgetId"] });
export const payees = define<Payee>("payees", "budgetId", { byBudget: ["budgetId"] });
export const transactions = define<Transaction>("transactions", "accountId", {
  byBudget: ["budgetId", "date"],
  byAccount: ["accountId", "date"],
  byImportId: ["importId"],
});
export const matches = define<Match>("matches", "id", { byPayment: ["paymentId"], byBudget: ["budgetId"] });
export const classifications = define<Classification>(
  "classifications",
  "paymentId",
  { byPayment: ["paymentId", "at"], byBudget: ["budgetId", "at"] },
  ["at"],
);
export const queue = define<QueueItem>("queue", "id", {
  byState: ["budgetId", "state", "date"],
  byDue: ["budgetId", "state", "dueAt"],
  bySince: ["budgetId", "state", "stateSince"],
  byBatch: ["batchId", "state"],
  bySkip: ["budgetId", "skipReason", "date"],
  byPayment: ["paymentId"],
});
export const batches = define<Batch>("batches", "id", { byAt: ["at"], byBudget: ["budgetId", "at"] });
export const cursors = define<Cursor>("cursors", "id", {});
export const runs = define<Run>("runs", "id", {
  byStart: ["startedAt"],
  byJob: ["job", "startedAt"],
  byState: ["state", "startedAt"],
});
export const runSteps = define<RunStep>("run_steps", "runId", { byRun: ["runId"] });
export const models = define<Model>("models", "id", {});
export const modelVersions = define<ModelVersion>("model_versions", "model", {
  byModel: ["model", "createdAt"],
});
export const artifactChunks = define<ArtifactChunk>("model_artifacts", "model", { byModel: ["model"] });
export const reviews = define<Review>("reviews", "id", { byBudget: ["budgetId", "at"] });
export const rateBudgets = define<RateBudget>("rate_budgets", "id", {});
export const leases = define<Lease>("leases", "id", {});
export const events = define<StoredEvent>("events", "id", { byType: ["type", "at"] });

/** The SCD2 rows of one entity: `history_transactions`, `history_categories`, ... */
export function historyOf(entity: string): CollectionDef<HistoryRow> {
  return define<HistoryRow>(`history_${entity}`, "key", {
    byKey: ["key", "validFrom"],
    byCurrent: ["isCurrent", "key"],
    byValidFrom: ["validFrom"],
  });
}
