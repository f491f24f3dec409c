import { existsSync } from "node:fs";
import path from "node:path";
import { readLabelledCsv, type LabelledExample } from "../../lib/learning";
import type { CalendarDate } from "../../lib/values";

/** A payment of a real stream. */
export interface StreamRow {
  date: CalendarDate;
  /** Minor units. */
  amount: number;
  name: string;
}

/** Accounts of one kind: what is measured together. */
export interface StreamSet {
  name: string;
  /** The matcher's constants were chosen on this set; judge by the others. */
  chosenOn: boolean;
  accounts: StreamRow[][];
}

/** A card with fewer payments says little. */
const LEAST = 100;

const root = path.resolve(__dirname, "../../..");

/** A file of public payments beside the checkout, or undefined where it is absent. */
function shared(file: string): string | undefined {
  const folder = process.env["TALLYFLOW_SHARED"] ?? path.join(root, "..", "shared");
  const found = path.join(folder, "data/payments", file);
  return existsSync(found) ? found : undefined;
}

/**
 * Streams of real payments, as accounts: a council's cards (every second one is a set of its own), an authority's
 * suppliers year by year (every second one likewise), a university's orders. Sets whose file is absent are left out.
 */
export function paymentStreams(): StreamSet[] {
  const sets: StreamSet[] = [];
  const cards = [...birmingham().values()].filter((rows) => rows.length >= LEAST);
  if (cards.length > 0) {
    const odd = cards.filter((_, n) => n % 2 === 1);
    sets.push({ name: "cards", chosenOn: true, accounts: cards.filter((_, n) => n % 2 === 0) });
    sets.push({ name: "other cards", chosenOn: false, accounts: odd });
    const whole = odd.map((rows) => rows.map((row) => ({ ...row, amount: wholeUnits(row.amount) })));
    sets.push({ name: "other cards, whole pounds", chosenOn: false, accounts: whole });
  }
  const suppliers = shared("gla_2008_2013.csv");
  if (suppliers) {
    const map = { text: ["Vendor"], label: ["Vendor"], date: ["Date"], amount: ["Amount"] };
    const years = grouped(readLabelledCsv(suppliers, map).rows, ({ date }) => date.slice(0, 4));
    const accounts = [...years.values()];
    sets.push({ name: "suppliers", chosenOn: true, accounts: accounts.filter((_, n) => n % 2 === 0) });
    sets.push({
      name: "suppliers, other years",
      chosenOn: false,
      accounts: accounts.filter((_, n) => n % 2 === 1),
    });
  }
  const orders = shared("wvu_2017_2021.csv");
  if (orders) {
    const map = { text: ["Supplier"], label: ["Supplier"], date: ["Approved Date"], amount: ["Amount"] };
    const rows = readLabelledCsv(orders, map).rows.filter(({ amount }) => amount !== 0);
    sets.push({ name: "orders", chosenOn: false, accounts: [...grouped(rows, () => "all").values()] });
  }
  return sets;
}

/** All card payments of the council in the order of time, or none where the file is absent. */
export function allCards(): StreamRow[] {
  const rows = [...birmingham().values()].flat();
  return rows.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}

function birmingham(): Map<string, StreamRow[]> {
  const file = shared("birmingham_2014_2017.csv");
  if (!file) return new Map();
  const map = {
    text: ["merchant"],
    label: ["category"],
    date: ["date"],
    amount: ["amount_gbp"],
    account: ["card"],
  };
  return grouped(readLabelledCsv(file, map).rows, ({ account }) => account);
}

function grouped(
  rows: readonly LabelledExample[],
  key: (row: LabelledExample) => string,
): Map<string, StreamRow[]> {
  const groups = new Map<string, StreamRow[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    const kept = { date: row.date, amount: row.amount, name: row.text };
    if (group) group.push(kept);
    else groups.set(key(row), [kept]);
  }
  return groups;
}

function wholeUnits(amount: number): number {
  return Math.sign(amount) * Math.max(100, Math.round(Math.abs(amount) / 100) * 100);
}
