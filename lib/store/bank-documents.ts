import type { CalendarDate, Id, Instant, Json } from "../values";
import type { Doc } from "./port";

/** What banks tell. Amounts are minor units of `currency`. */

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
  /** How its payments are taken, set by the user. */
  rules?: AccountRules;
  /** Which of the rules that change payments (sign, time zone) the stored ones follow. */
  applied?: AppliedRules;
}

/** What a user may set for one bank account. */
export interface AccountRules {
  /** Payments that are not booked yet: left until they are (`booked`, when absent), or written as uncleared. */
  pending?: "booked" | "write";
  /** What was written while pending and then dropped by the bank: deleted unless a person changed it, or kept. */
  vanished?: "delete" | "keep";
  /** Payments before this date are not written; the budget's own start date when absent. */
  startDate?: CalendarDate;
  /** Turn the sign round: for credit cards that list spending as positive. */
  sign?: "as-is" | "inverted";
  /** IANA name; the connection's when absent. */
  timeZone?: string;
}

export type AppliedRules = Pick<AccountRules, "sign" | "timeZone">;

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
  /** Of a card payment, where the bank says so: the merchant category code (ISO 18245) and the terminal's city. */
  merchant?: { category?: string; city?: string };
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
  /** For a booked payment: the pending one that it settles, where that had another id. */
  settles?: Id;
  /** For a pending payment that the bank shows no more and has not booked: since when. */
  goneSince?: Instant;
  /** Its amounts have the other sign than the provider gives them, because the user wants it so. */
  inverted?: boolean | undefined;
  /** For people: what is odd about it. */
  note?: string;
  /** The provider's own row. */
  raw: Json;
  fetchedAt: Instant;
}

/** A payment without the provider's own row, which is most of its bytes and is read by people only. */
export type PaymentFacts = Omit<Payment, "raw">;
