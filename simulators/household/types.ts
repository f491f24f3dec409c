import type { CalendarDate, Instant } from "../../lib/values";

/**
 * A household as the simulators know it: what happened at the bank, what the people wrote into their budget, and
 * the truth that tests compare with. The same seed gives the same household.
 */

export interface HouseholdOptions {
  seed: number;
  /** Three years by default, ending at `until`. */
  from: CalendarDate;
  until: CalendarDate;
  /** Scales the number of everyday payments: 1 is about 3,000 payments in three years. */
  scale?: number;
  /** Payments after this date are not yet in the budget: what Tallyflow is to write. */
  budgetedUntil: CalendarDate;
}

export interface HouseholdAccount {
  /** Short name used in ids: `current`, `savings`, `card`. */
  key: string;
  name: string;
  iban: string;
  currency: string;
  type: "current" | "savings" | "credit";
  openingBalance: number;
}

export interface HouseholdPayment {
  /** Position in time, from 1. */
  sequence: number;
  account: string;
  status: "booked" | "pending";
  instant: Instant;
  /** Date on the wall clock in Europe/Amsterdam. */
  date: CalendarDate;
  amount: number;
  counterparty: { name: string; iban?: string };
  description: string;
  type: string;
  /** The truth: key of the category, absent for own transfers. */
  category?: string;
  /** The truth: sequence of the other side of a transfer between own accounts. */
  transferOf?: number;
  /** The truth: for a pending payment, the sequence under which it was booked. */
  bookedAs?: number;
  /** The truth: for a refund, the sequence of the payment it refunds. */
  refundOf?: number;
}

export interface HouseholdCategory {
  key: string;
  group: string;
  name: string;
  /** Renamed at this instant to `renamedTo`. */
  renamed?: { at: Instant; to: string };
  deletedAt?: Instant;
}

/** What the people entered by hand or approved, up to `budgetedUntil`. */
export interface HouseholdEntry {
  account: string;
  date: CalendarDate;
  amount: number;
  payee: string;
  category?: string;
  memo?: string;
  transferTo?: string;
  approved: boolean;
  /** The truth: the payment it stands for. */
  payment: number;
}

export interface Household {
  options: HouseholdOptions;
  timeZone: string;
  accounts: HouseholdAccount[];
  categories: HouseholdCategory[];
  payments: HouseholdPayment[];
  entries: HouseholdEntry[];
}
