import type { SkipReason } from "../store";
import type { ErrorCode } from "../values";

/** Why a payment is not in the budget, in words for people, and what makes it go on. */

export interface SkipWords {
  why: string;
  /** What makes it go on by itself, or what a person can do. */
  next: string;
}

export const SKIPPED: Readonly<Record<SkipReason, SkipWords>> = {
  "already-in-budget": {
    why: "It was in the budget already.",
    next: "Nothing to do: it is there once.",
  },
  "own-transfer": {
    why: "A transfer between own accounts; its other side stands for both.",
    next: "Nothing to do: the transfer is in the budget by its other side.",
  },
  "not-mapped": {
    why: "Its account is not mapped to an account of the budget.",
    next: "Goes on by itself once you map the account in the budget's connection (tally-budget, Accounts).",
  },
  "before-start-date": {
    why: "It is from before the start date.",
    next: "Goes on by itself once the start date in the budget's connection is earlier.",
  },
  "currency-mismatch": {
    why: "Its currency is not that of the budget account.",
    next: "Goes on by itself once its account is mapped in a budget of its own currency. Until then enter it by hand.",
  },
  pending: {
    why: "The bank has not booked it yet.",
    next: "Goes on by itself when the bank books it.",
  },
  "zero-amount": {
    why: "Its amount is zero.",
    next: "Goes on by itself should the bank correct the amount.",
  },
  "account-closed": {
    why: "The budget account is closed.",
    next: "Goes on by itself once the account is open again in the budget, or another one is mapped.",
  },
  "future-date": {
    why: "Its day has not come, and the budget takes none before.",
    next: "Goes on by itself on its day.",
  },
  superseded: {
    why: "It was pending and was booked under another id, which stands for it.",
    next: "Nothing to do: the booked one is in the budget.",
  },
  vanished: {
    why: "It was pending and the bank has dropped it.",
    next: "Nothing to do: it never took place.",
  },
  undone: {
    why: "Its batch was undone. It is written again when you requeue it.",
    next: "Waits for you: it is written again only when you ask for it.",
  },
};

export interface ErrorWords {
  /** What happened, in a few words. */
  why: string;
  /** What to do about it. */
  next: string;
}

const KNOWN: Partial<Record<ErrorCode, ErrorWords>> = {
  PROVIDER_REFUSED: {
    why: "The budget refused it",
    next: "Read what the budget said, put that right (an account that is gone or closed, a date it does not take), then try again.",
  },
  PROVIDER_UNAVAILABLE: {
    why: "The budget did not answer, again and again",
    next: "When the budget works again, try again: nothing was written twice and nothing is lost.",
  },
  PROVIDER_MALFORMED: {
    why: "The budget's answers could not be understood",
    next: "Try again; should it stay, look for a newer version of Tallyflow.",
  },
  OUTCOME_UNKNOWN: {
    why: "No answer came, and the budget could not be read back",
    next: "Try again: it is looked for in the budget first, and only sent when it is not there.",
  },
  NOT_FOUND: {
    why: "The budget no longer has the account it belongs to",
    next: "Map its bank account to an account that is there (tally-budget, Accounts), then try again.",
  },
  CATEGORY_GONE: {
    why: "Its category no longer exists",
    next: "Try again: it is given a category anew.",
  },
  CURRENCY_MISMATCH: {
    why: "Its currency is not that of the budget",
    next: "Enter it by hand, or map its account in a budget of its own currency.",
  },
  CONFIG_INVALID: {
    why: "A setting is wrong",
    next: "Put right what the message names, then try again.",
  },
  INTERNAL: {
    why: "A fault in Tallyflow itself",
    next: "Try again; should it stay, report it with the message below.",
  },
};

/** Why payments were given up with this code, and what to do. */
export function errorWords(code: ErrorCode): ErrorWords {
  return (
    KNOWN[code] ?? {
      why: "It failed",
      next: "Read the message below, put that right, then try again.",
    }
  );
}
