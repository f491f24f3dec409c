import { daysBetween, normaliseIban, type CalendarDate, type Id } from "../values";
import { nameSimilarity } from "./similarity";

/** Money that comes back from where it went: which earlier payment is it a refund of? */

/** A refund comes at most so many days after the payment. */
export const REFUND_DAYS = 90;
/** From this likeness on two names are of one party. */
const SAME_NAME = 0.8;
/** A reference that is shorter than this is none. */
const LONG_ENOUGH = 6;

/** What linking needs of a payment. */
export interface RefundPayment {
  id: Id;
  date: CalendarDate;
  amount: number;
  currency: string;
  name: string;
  iban?: string;
  reference?: string;
  description: string;
  type?: string;
}

/** A payment that may be refunded, and how much of it was not refunded yet (not negative). */
export interface Refundable extends RefundPayment {
  left: number;
}

/** How an original was found, the strongest first. */
export type RefundRule = "reference" | "amount" | "part";

/** May this be a refund of that, as far as party, currency, sign and date go? */
export function mayRefund(refund: RefundPayment, original: RefundPayment): boolean {
  if (refund.amount <= 0 || original.amount >= 0 || refund.currency !== original.currency) return false;
  const days = daysBetween(original.date, refund.date);
  if (days < 0 || days > REFUND_DAYS) return false;
  if (refund.iban && original.iban && normaliseIban(refund.iban) === normaliseIban(original.iban))
    return true;
  return nameSimilarity(refund.name, original.name) >= SAME_NAME;
}

/**
 * The payments that a refund may be of, all by the strongest rule that finds any, the latest first: the refund names
 * the payment's reference; else it has the same amount; else it is a part of a payment to a shop. A part of what was
 * paid to a person's account says nothing: friends pay each other back and forth.
 */
export function findOriginals<P extends Refundable>(
  refund: RefundPayment,
  earlier: readonly P[],
): { rule: RefundRule; originals: P[] } | undefined {
  const possible = earlier
    .filter((original) => original.left >= refund.amount && mayRefund(refund, original))
    .sort((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : a.id < b.id ? -1 : 1));
  const told = `${refund.reference ?? ""} ${refund.description}`;
  const rules: [RefundRule, (original: P) => boolean][] = [
    ["reference", ({ reference }) => (reference?.length ?? 0) >= LONG_ENOUGH && told.includes(reference!)],
    ["amount", ({ amount }) => -amount === refund.amount],
    ["part", (original) => isShop(refund) && isShop(original)],
  ];
  for (const [rule, fits] of rules) {
    const originals = possible.filter(fits);
    if (originals.length > 0) return { rule, originals };
  }
  return undefined;
}

function isShop({ type, iban }: RefundPayment): boolean {
  return type === "card" || iban === undefined;
}
