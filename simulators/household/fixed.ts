import { addDays, dayNumber, dateOfDayNumber, weekday, type CalendarDate } from "../../lib/values";
import { dutchIban, type Ledger, type NewDraft } from "./ledger";
import type { Random } from "./random";
import type { HouseholdAccount, HouseholdOptions } from "./types";

/** What comes by itself: salaries, rent, direct debits, taxes, interest, transfers between own accounts. */

interface Standing {
  name: string;
  /** From the rebrand on it is called this. */
  later?: string;
  clean: string;
  category: string;
  bank: string;
  day: number;
  /** Every so many months. */
  every?: number;
  amount: (random: Random, month: number) => number;
  text: (random: Random, period: string) => string;
  type: "direct-debit" | "transfer" | "salary";
  account?: "card";
}

const flat =
  (cents: number, yearly = 0) =>
  (_: Random, month: number) =>
    -Math.round(cents * (1 + yearly * Math.floor(month / 12)));

const debit = (what: string) => (random: Random, period: string) =>
  `${what} ${period} kenmerk ${random.digits(12)}`;

const STANDING: readonly Standing[] = [
  {
    name: "Woningstichting Eigen Hof",
    clean: "Eigen Hof",
    category: "rent",
    bank: "ABNA",
    day: 1,
    amount: flat(118500, 0.03),
    text: debit("Huur"),
    type: "direct-debit",
  },
  {
    name: "Essent Retail Energie",
    later: "Zonnekracht Energie BV",
    clean: "Essent",
    category: "energy",
    bank: "INGB",
    day: 20,
    amount: flat(17800, 0.06),
    text: debit("Termijnbedrag energie"),
    type: "direct-debit",
  },
  {
    name: "Waternet",
    clean: "Waternet",
    category: "water",
    bank: "RABO",
    day: 12,
    every: 3,
    amount: flat(4730),
    text: debit("Drinkwater kwartaal"),
    type: "direct-debit",
  },
  {
    name: "Ziggo Services BV",
    later: "VodafoneZiggo",
    clean: "Ziggo",
    category: "telecom",
    bank: "INGB",
    day: 22,
    amount: flat(5750, 0.04),
    text: debit("Internet en TV"),
    type: "direct-debit",
  },
  {
    name: "Simyo",
    clean: "Simyo",
    category: "telecom",
    bank: "ABNA",
    day: 5,
    amount: (random) => -(1200 + (random.chance(0.2) ? random.int(50, 900) : 0)),
    text: debit("Mobiel"),
    type: "direct-debit",
  },
  {
    name: "Zilveren Kruis Zorgverzekeringen NV",
    clean: "Zilveren Kruis",
    category: "insurance",
    bank: "RABO",
    day: 2,
    amount: flat(28990, 0.05),
    text: debit("Premie zorgverzekering"),
    type: "direct-debit",
  },
  {
    name: "Univé Schade",
    clean: "Univé",
    category: "insurance",
    bank: "RABO",
    day: 27,
    amount: flat(6415),
    text: debit("Premie auto en inboedel"),
    type: "direct-debit",
  },
  {
    name: "Netflix International B.V.",
    clean: "Netflix",
    category: "subscriptions",
    bank: "CITI",
    day: 14,
    amount: flat(1399, 0.08),
    text: () => "NETFLIX.COM",
    type: "direct-debit",
    account: "card",
  },
  {
    name: "Spotify AB",
    clean: "Spotify",
    category: "subscriptions",
    bank: "CITI",
    day: 9,
    amount: flat(1099),
    text: (random) => `Spotify P${random.digits(8)}`,
    type: "direct-debit",
    account: "card",
  },
  {
    name: "de Volkskrant",
    later: "DPG Media B.V.",
    clean: "Volkskrant",
    category: "subscriptions",
    bank: "ABNA",
    day: 3,
    amount: flat(3150),
    text: debit("Abonnement"),
    type: "direct-debit",
  },
  {
    name: "Basic-Fit Nederland B.V.",
    clean: "Basic-Fit",
    category: "hobbies",
    bank: "INGB",
    day: 1,
    amount: flat(2999),
    text: debit("Lidmaatschap"),
    type: "direct-debit",
  },
  {
    name: "bunq B.V.",
    clean: "bunq",
    category: "bank",
    bank: "BUNQ",
    day: 15,
    amount: flat(899),
    text: () => "bunq subscription",
    type: "direct-debit",
  },
  {
    name: "Gemeente Amsterdam Belastingen",
    clean: "Gemeente",
    category: "taxes",
    bank: "BNGH",
    day: 28,
    every: 6,
    amount: flat(31240),
    text: debit("Afvalstoffenheffing"),
    type: "transfer",
  },
  {
    name: "Belastingdienst",
    clean: "Belastingdienst",
    category: "taxes",
    bank: "INGB",
    day: 25,
    amount: flat(4100),
    text: debit("Motorrijtuigenbelasting"),
    type: "direct-debit",
  },
  {
    name: "Belastingdienst",
    clean: "Belastingdienst",
    category: "income",
    bank: "INGB",
    day: 20,
    amount: () => 12300,
    text: debit("Zorgtoeslag"),
    type: "transfer",
  },
];

/** Months from the household's first to its last: the first day of each. */
export function monthsOf(options: HouseholdOptions): CalendarDate[] {
  const months: CalendarDate[] = [];
  for (let at = `${options.from.slice(0, 7)}-01`; at <= options.until;) {
    months.push(at);
    at = `${addDays(at, 31).slice(0, 7)}-01`;
  }
  return months;
}

/** Direct debits are booked just after midnight: on the household's day, but on the day before in UTC. */
export function addStandingPayments(ledger: Ledger, options: HouseholdOptions, random: Random): void {
  const rebrand = dateOfDayNumber(
    Math.floor((dayNumber(options.from) * 2 + dayNumber(options.until) * 3) / 5),
  );
  const ibans = STANDING.map(({ bank }) => dutchIban(bank, random.digits(10)));
  monthsOf(options).forEach((first, month) => {
    STANDING.forEach((standing, at) => {
      if (month % (standing.every ?? 1) !== 0) return;
      const date = workday(addDays(first, standing.day - 1));
      if (!ledger.covers(date)) return;
      const card = standing.account === "card";
      ledger.add({
        account: standing.account ?? "current",
        date,
        minute: random.chance(0.6) ? 30 : random.int(120, 420),
        amount: standing.amount(random, month),
        name: standing.later && date >= rebrand ? standing.later : standing.name,
        ...(card ? {} : { iban: ibans[at]! }),
        description: standing.text(random, first.slice(0, 7)),
        type: card ? "card" : standing.type,
        category: standing.category,
        cleanName: standing.clean,
      });
    });
  });
}

/** Two salaries a month, larger in a larger household so that its balances stay above water. */
export function addSalaries(ledger: Ledger, options: HouseholdOptions, random: Random): void {
  const size = Math.max(1, options.scale ?? 1);
  const earners = [
    { name: "Stichting Ziekenhuis Oost", iban: dutchIban("ABNA", random.digits(10)), base: 326000 },
    { name: "Brug & Bouw Ingenieurs B.V.", iban: dutchIban("RABO", random.digits(10)), base: 241500 },
  ];
  monthsOf(options).forEach((first, month) => {
    earners.forEach((earner, at) => {
      const date = workday(addDays(first, 22 + at * 2));
      if (!ledger.covers(date)) return;
      const holidayPay = first.slice(5, 7) === "05" ? 1.9 : 1;
      const amount = Math.round(earner.base * size * holidayPay * (1 + 0.035 * Math.floor(month / 12)));
      ledger.add({
        account: "current",
        date,
        minute: random.int(60, 500),
        amount: amount + random.int(0, 4000),
        name: earner.name,
        iban: earner.iban,
        description: `SALARIS ${first.slice(0, 7)} ${holidayPay > 1 ? "incl. vakantiegeld" : ""}`.trim(),
        type: "salary",
        category: "salary",
        cleanName: at === 0 ? "Ziekenhuis" : "Brug & Bouw",
      });
    });
  });
}

/** Saving every month, taking some back now and then, and paying off what the card spent the month before. */
export function addOwnTransfers(
  ledger: Ledger,
  options: HouseholdOptions,
  accounts: Record<"current" | "savings" | "card", HouseholdAccount>,
  random: Random,
): void {
  const size = Math.max(1, options.scale ?? 1);
  const side = (
    account: HouseholdAccount,
    other: HouseholdAccount,
    amount: number,
    text: string,
    date: string,
  ) =>
    ({
      account: account.key as "current" | "savings" | "card",
      date,
      minute: random.int(360, 1300),
      amount,
      name: "A. en B. de Vries",
      iban: other.iban,
      description: text,
      type: "transfer",
      cleanName: `Transfer : ${other.name}`,
    }) satisfies NewDraft;
  const move = (from: HouseholdAccount, to: HouseholdAccount, amount: number, text: string, date: string) => {
    const late = random.chance(0.3) ? addDays(date, 1) : date;
    const arrival = ledger.covers(late) ? late : date;
    if (!ledger.covers(date)) return;
    const out = { ...side(from, to, -amount, text, date), minute: random.int(360, 800) };
    ledger.transfer(out, {
      ...side(to, from, amount, text, arrival),
      minute: out.minute + random.int(1, 300),
    });
  };
  for (const first of monthsOf(options)) {
    const { current, savings, card } = accounts;
    move(current, savings, Math.round(30000 * size), "Sparen", addDays(first, 25));
    if (random.chance(0.35)) {
      move(savings, current, random.int(2, 9) * 10000, "Terug van sparen", addDays(first, random.int(6, 24)));
    }
    const month = addDays(first, -1).slice(0, 7);
    const spent = ledger.drafts
      .filter((draft) => draft.account === "card" && draft.date.startsWith(month) && !draft.transferOf)
      .reduce((sum, draft) => sum + (draft.status === "booked" ? draft.amount : 0), 0);
    if (spent < 0) move(current, card, -spent, `Afrekening creditcard ${month}`, addDays(first, 4));
  }
  for (const first of monthsOf(options).filter((month) => month.slice(5, 7) === "01")) {
    if (!ledger.covers(addDays(first, 2))) continue;
    ledger.add({
      ...side(accounts.savings, accounts.savings, random.int(8000, 21000), "Rente", addDays(first, 2)),
      name: "bunq B.V.",
      type: "interest",
      category: "income",
      cleanName: "bunq",
    });
  }
}

/** The date itself or, on a weekend, the Monday after. */
function workday(date: CalendarDate): CalendarDate {
  const day = weekday(date);
  return day < 5 ? date : addDays(date, 7 - day);
}
