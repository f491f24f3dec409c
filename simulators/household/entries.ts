import { addDays } from "../../lib/values";
import type { Draft } from "./ledger";
import type { Random } from "./random";
import type { HouseholdCategory, HouseholdEntry, HouseholdOptions, HouseholdPayment } from "./types";

/** Things a person may forget or get wrong. Shares of all entries. */
const FORGOTTEN = 0.015;
const WRONG_CATEGORY = 0.012;
const WRONG_AMOUNT = 0.003;
const OTHER_DATE = 0.14;
const NOT_APPROVED = 0.03;
const CASH_ENTRIES_PER_PAYMENT = 0.006;

/** What the people wrote into their budget: nearly what happened, as people do it. */
export function makeEntries(
  options: HouseholdOptions,
  payments: readonly HouseholdPayment[],
  drafts: readonly Draft[],
  categories: readonly HouseholdCategory[],
  random: Random,
): HouseholdEntry[] {
  const entries: HouseholdEntry[] = [];
  payments.forEach((payment, at) => {
    if (payment.status !== "booked" || payment.date > options.budgetedUntil) return;
    // Both sides of a transfer are one act of the person: forgotten together would be a rare coincidence.
    if (payment.transferOf === undefined && random.chance(FORGOTTEN)) return;
    entries.push(entryOf(options, payment, drafts[at]!, payments, categories, random));
    if (random.chance(CASH_ENTRIES_PER_PAYMENT)) {
      entries.push({
        account: "current",
        date: payment.date,
        amount: -random.int(2, 60) * 50,
        payee: random.pick(["Flea market", "Ice cream", "School fair", "Collection box"]),
        category: random.pick(["gifts", "groceries", "hobbies"]),
        memo: "cash",
        approved: true,
        payment: 0,
      });
    }
  });
  return entries;
}

function entryOf(
  options: HouseholdOptions,
  payment: HouseholdPayment,
  draft: Draft,
  payments: readonly HouseholdPayment[],
  categories: readonly HouseholdCategory[],
  random: Random,
): HouseholdEntry {
  const shifted = random.chance(OTHER_DATE) ? addDays(payment.date, -random.int(1, 3)) : payment.date;
  const date = shifted < options.from ? payment.date : shifted;
  const entry: HouseholdEntry = {
    account: payment.account,
    date,
    amount: payment.amount,
    payee: draft.cleanName,
    approved: !random.chance(NOT_APPROVED),
    payment: payment.sequence,
  };
  if (payment.transferOf !== undefined) {
    return { ...entry, date: payment.date, transferTo: payments[payment.transferOf - 1]!.account };
  }
  if (random.chance(WRONG_AMOUNT)) entry.amount += random.pick([-100, 100, -9, 9]);
  const usable = categories.filter(({ deletedAt }) => !deletedAt || payment.instant < deletedAt);
  const wrong = random.chance(WRONG_CATEGORY) ? random.pick(usable).key : undefined;
  const category = wrong ?? payment.category;
  if (category !== undefined) entry.category = category;
  if (random.chance(0.08)) entry.memo = payment.description.slice(0, 60);
  return entry;
}
