import type { CalendarDate, Id } from "../values";

/** What the matcher needs of a payment. */
export interface MatchPayment {
  id: Id;
  date: CalendarDate;
  amount: number;
  name: string;
  /** Our own import id and those references under which other importers may have written it. */
  references: readonly string[];
}

/** What the matcher needs of a transaction. */
export interface MatchTransaction {
  id: Id;
  date: CalendarDate;
  amount: number;
  name: string;
  importId?: string;
  /** Tallyflow wrote it: it stands for the one payment whose import id it bears and may be claimed by no other. */
  own: boolean;
}

export interface Pair {
  paymentId: Id;
  transactionId: Id;
  rule: "import-id" | "reference" | "amount-date";
  /** The probability that the two are the same event, 0 to 1. */
  confidence: number;
  /** For people: what spoke for it. */
  reason: string;
}
