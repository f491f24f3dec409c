import { addDays, dateOfDayNumber, dayNumber, daysBetween } from "../../lib/values";
import { categoriesOf } from "./catalogue";
import { instantAt } from "./clock";
import { makeEntries } from "./entries";
import { addEverydayPayments } from "./everyday";
import { addOwnTransfers, addSalaries, addStandingPayments } from "./fixed";
import { Ledger, dutchIban } from "./ledger";
import { addCash, addFriends, addOddities } from "./odd";
import { Random } from "./random";
import type { Household, HouseholdAccount, HouseholdOptions } from "./types";

export * from "./types";
export { HOSTILE_NAMES } from "./catalogue";
export { dutchIban } from "./ledger";
export { Random } from "./random";

/**
 * A household in the Netherlands: three accounts, what happened on them, and what the people wrote into their
 * budget. The same options give the same household on every machine. By default the three years to 2025-06-30,
 * budgeted until the last quarter, which is what Tallyflow is to write and is judged on.
 */
export function makeHousehold(wanted: Partial<HouseholdOptions> = {}): Household {
  const until = wanted.until ?? "2025-06-30";
  const from = wanted.from ?? addDays(until, -1095);
  const options: HouseholdOptions = {
    seed: wanted.seed ?? 1,
    from,
    until,
    scale: wanted.scale ?? 1,
    budgetedUntil: wanted.budgetedUntil ?? addDays(until, -91),
  };
  const random = (part: string) => new Random(`${options.seed}/${part}`);
  const at = (share: number) =>
    dateOfDayNumber(dayNumber(from) + Math.round(daysBetween(from, until) * share));
  const deletedOn = at(0.55);
  const categories = categoriesOf(instantAt(at(0.4), 600), instantAt(deletedOn, 0));
  const accounts = makeAccounts(random("accounts"), Math.max(1, options.scale ?? 1));
  const [current, savings, card] = accounts as [HouseholdAccount, HouseholdAccount, HouseholdAccount];

  const ledger = new Ledger(from, until);
  addSalaries(ledger, options, random("salaries"));
  addStandingPayments(ledger, options, random("standing"));
  addEverydayPayments(ledger, options, deletedOn, random("everyday"));
  addFriends(ledger, options, random("friends"));
  addCash(ledger, options, random("cash"));
  addOddities(ledger, options, random("odd"));
  // Last, because the card is paid off with what was spent on it.
  addOwnTransfers(ledger, options, { current, savings, card }, random("transfers"));

  const { payments, drafts } = ledger.finish();
  const entries = makeEntries(options, payments, drafts, categories, random("entries"));
  return { options, timeZone: "Europe/Amsterdam", accounts, categories, payments, entries };
}

function makeAccounts(random: Random, size: number): HouseholdAccount[] {
  const account = (key: string, name: string, type: HouseholdAccount["type"], openingBalance: number) => ({
    key,
    name,
    iban: dutchIban("BUNQ", random.digits(10)),
    currency: "EUR",
    type,
    openingBalance,
  });
  return [
    account("current", "Everyday", "current", Math.round(520000 * size)),
    account("savings", "Rainy day", "savings", 1250000),
    account("card", "Credit card", "credit", 0),
  ];
}
