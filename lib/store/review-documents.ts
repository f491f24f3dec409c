import type { Id, Instant, StoredError } from "../values";
import type { Doc } from "./port";

/** What people decide about payments, and what follows from it. */

/** Conditions of a rule; all that are there must hold. */
export interface RuleConditions {
  /** The counterparty's name or the description contains this, whatever the case, accents and punctuation. */
  contains?: string;
  /** The counterparty's name is this once cleaned of what changes from visit to visit (terminals, dates, places). */
  counterparty?: string;
  /** IBAN or account number of the counterparty. */
  counterpartyAccount?: string;
  /** The own account. */
  account?: Id;
  direction?: "in" | "out";
  /** Bounds on the size of the amount in minor units, both inclusive. */
  atLeast?: number;
  atMost?: number;
}

/** A rule that a person made: payments for which all of its conditions hold have this category. */
export interface StoredRule extends Doc, RuleConditions {
  budgetId: Id;
  /** Rules are tried from the lowest up; the first that fits wins. */
  order: number;
  at: Instant;
  categoryId: Id;
  /** For people; shown as the reason. */
  name?: string;
}

/** What a person decided about a payment that waited for it. It is stored before anything follows from it. */
export interface Decision extends Doc {
  /** The id is the queue item's. */
  paymentId: Id;
  budgetId: Id;
  at: Instant;
  /** What was decided together, say by one press of a button. It is undone together. */
  act: Id;
  /** Null: the payment is written without a category. */
  categoryId: Id | null;
  suggestedCategoryId?: Id;
  modelVersion?: string;
  /** What the item said before; undo restores it. */
  before: { categoryId?: Id | null; confidence?: number; reason?: string; error?: StoredError };
  /** Taken back: the payment waits again. */
  undoneAt?: Instant;
  /** Not all that follows from it (or from its undo) is stored: whoever comes next completes it. */
  pending?: boolean;
}

/** A message that asks a person to decide, and what its buttons stand for. */
export interface Notice extends Doc {
  /** The id is the SHA-256 of the token, which nothing but the message carries. */
  budgetId: Id;
  at: Instant;
  expiresAt: Instant;
  /** The queue items it asks about. */
  items: Id[];
  /** The category of each button; null for "no category". */
  choices: (Id | null)[];
}
