import type { CalendarDate, Id, Instant, StoredError } from "../values";
import type { Doc } from "./port";

/** Payments on their way to a budget. */

/** How a classification was reached, in the order of the cascade. */
export type ClassificationPath = "transfer" | "rule" | "refund" | "model" | "abstain";

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
  /** It was pending and was booked under another id, which stands for it. */
  | "superseded"
  /** It was pending and the bank has dropped it. */
  | "vanished"
  /** Its day has not come, and the budget takes none before. */
  | "future-date"
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
  /** For people: why it was paired as a transfer, or was not although it looks like one. */
  transferReason?: string;
  /** Set once a person decided its category: the act in which it was. */
  decision?: Id;
  /** While it waits for a person: when that was told. */
  announcedAt?: Instant;
  /** For a refund: the payment that it pays back, whose category it has. */
  refundOf?: Id;
  skipReason?: SkipReason;
  /** Failures so far that were the item's own. */
  attempt: number;
  /** Not before this instant (state `retry`). */
  dueAt: Instant;
  leaseOwner?: string;
  leaseUntil?: Instant;
  /**
   * The batch it was last sent in to be written; what changes it afterwards does not move it out of there. It also
   * fences, as `revisedIn` does: who holds an item is told by lease owner and batches together.
   */
  batchId?: string;
  /** The batch that last changed what was written (see `revises`). */
  revisedIn?: string;
  transactionId?: Id;
  /** Set for a transaction that is in the budget already and is given its category, and not created. */
  fills?: Id;
  /** Written while it was pending, or with another amount at first: it is looked at until it is booked or gone. */
  uncleared?: boolean;
  /** Set for a transaction that we wrote before its last date and amount, and that is changed to what was booked. */
  revises?: Id;
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
  /** It changed what other batches had written: its items name it as `revisedIn`, and those as `batchId`. */
  revises?: true;
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

export interface Review extends Doc {
  /** The id is the queue item's. */
  paymentId: Id;
  budgetId: Id;
  at: Instant;
  suggestedCategoryId?: Id;
  chosenCategoryId: Id;
  modelVersion?: string;
}
