import type { CalendarDate, Id, Instant } from "../values";
import type { Doc } from "./port";

/** What stands in budgets, and which payments it is. Amounts are minor units of `currency`. */

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
  /** The budget itself took an imported and a hand-entered one for the same: the other of the two, listed or not. */
  matchedTransactionId?: Id;
  /** Set on a parent whose amount is split; its parts are not stored as transactions of their own. */
  split?: { amount: number; categoryId?: Id | null; memo?: string }[];
  deleted: boolean;
  /** When the budget was read in which it is new or changed; absent on what an earlier version stored. */
  changedAt?: Instant;
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
  /** When the two were found; absent on what an earlier version stored. */
  matchedAt?: Instant;
}
