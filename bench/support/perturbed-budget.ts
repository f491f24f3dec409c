import { seededRandom } from "../../lib/learning";
import type { MatchPayment, MatchTransaction } from "../../lib/matching";
import { addDays, type Id } from "../../lib/values";
import type { StreamRow } from "./payment-streams";

export const LEVELS = ["light", "medium", "heavy"] as const;
export type Level = (typeof LEVELS)[number];

/** What people and importers do to a row on its way into a budget, as shares of all rows. */
interface Habits {
  /** Rows of another day, and the share of those that is one more day away (up to ten). */
  moved: number;
  further: number;
  notInBudget: number;
  notAtBank: number;
  /** Rows of the budget that no payment ever stood behind; amount and name are of other rows of the account. */
  extra: number;
  names: Readonly<Record<Rewriting, number>>;
}

type Rewriting = "same" | "capitals" | "cut" | "noise" | "cleaned" | "alias" | "none";

const HABITS: Readonly<Record<Level, Habits>> = {
  light: {
    ...{ moved: 0.15, further: 0.4, notInBudget: 0.03, notAtBank: 0.03, extra: 0.02 },
    names: { same: 0.4, capitals: 0.15, cut: 0.1, noise: 0.1, cleaned: 0.2, alias: 0.03, none: 0.02 },
  },
  medium: {
    ...{ moved: 0.45, further: 0.6, notInBudget: 0.1, notAtBank: 0.08, extra: 0.05 },
    names: { same: 0.15, capitals: 0.15, cut: 0.15, noise: 0.15, cleaned: 0.2, alias: 0.15, none: 0.05 },
  },
  heavy: {
    ...{ moved: 0.75, further: 0.82, notInBudget: 0.2, notAtBank: 0.15, extra: 0.1 },
    names: { same: 0.05, capitals: 0.1, cut: 0.15, noise: 0.15, cleaned: 0.15, alias: 0.3, none: 0.1 },
  },
};

/** What people call shops: several shops have one name. */
const ALIASES =
  "groceries lunch coffee train taxi fuel parking books garden hardware post office chemist doctor school sport cinema restaurant hotel phone internet energy water rent insurance clothes shoes furniture toys pets gifts charity fees tools paint printing cleaning catering bakery butcher market".split(
    " ",
  );
const PLACES = ["LONDON GBR", "UTRECHT NLD", "BIRMINGHAM", "BERLIN DEU"];
const MOST_DAYS = 10;

/** An account at the bank, the same in a budget, and which row is which. */
export interface Perturbed {
  payments: MatchPayment[];
  transactions: MatchTransaction[];
  /** Payment id -> transaction id; what is not in the budget is absent. */
  truth: ReadonlyMap<Id, Id>;
}

/** A budget kept by somebody whose habits are of this level. Neither ids nor the order of rows say what belongs together. */
export function perturbed(rows: readonly StreamRow[], level: Level, seed: number): Perturbed {
  const habits = HABITS[level];
  const random = seededRandom(seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  let made = 0;
  const id = (kind: string) => `${kind}${Math.floor(random() * 2 ** 40).toString(36)}.${made++}`;
  // Most people are early (they write down what the bank books later), others late.
  const habitually = random() < 0.65 ? -1 : 1;
  const shift = () => {
    if (random() >= habits.moved) return 0;
    let days = 1;
    while (days < MOST_DAYS && random() < habits.further) days++;
    return days * (random() < 0.8 ? habitually : -habitually);
  };
  const payments: MatchPayment[] = [];
  const transactions: MatchTransaction[] = [];
  const truth = new Map<Id, Id>();
  const enter = (row: StreamRow, days: number): Id => {
    const name = rewritten(row.name, kindOf(habits, random()), random);
    const { amount } = row;
    transactions.push({ id: id("t"), date: addDays(row.date, days), amount, name, own: false });
    return transactions.at(-1)!.id;
  };
  for (const row of rows) {
    const where = random();
    let payment: Id | undefined;
    if (where >= habits.notAtBank) {
      payment = id("p");
      payments.push({ ...row, id: payment, references: [`TF1:${payment}`] });
    }
    if (where >= habits.notAtBank && where < habits.notAtBank + habits.notInBudget) continue;
    const transaction = enter(row, shift());
    if (payment !== undefined) truth.set(payment, transaction);
    if (random() < habits.extra)
      enter({ ...row, amount: one(rows).amount, name: one(rows).name }, Math.floor(random() * 61) - 30);
  }
  return { payments: shuffled(payments, random), transactions: shuffled(transactions, random), truth };
}

function kindOf({ names }: Habits, at: number): Rewriting {
  let sum = 0;
  for (const [kind, share] of Object.entries(names)) if (at < (sum += share)) return kind as Rewriting;
  return "same";
}

function rewritten(name: string, kind: Rewriting, random: () => number): string {
  switch (kind) {
    case "same":
      return name;
    case "capitals":
      return name.toUpperCase();
    case "cut":
      return name.slice(0, 6 + Math.floor(random() * 10)).trim();
    case "noise": {
      const number = 1000 + Math.floor(random() * 9000);
      return `CCV*${name.toUpperCase()} ${number} ${PLACES[Math.floor(random() * PLACES.length)]!}`;
    }
    case "cleaned":
      return name
        .replace(/[^\p{L} ]+/gu, " ")
        .trim()
        .split(/ +/)
        .slice(0, 2)
        .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
        .join(" ");
    case "alias": {
      let hash = 7;
      for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
      return ALIASES[Math.abs(hash) % ALIASES.length]!;
    }
    case "none":
      return "";
  }
}

/** Source: Fisher and Yates, as in Knuth's algorithm P. */
function shuffled<T>(rows: T[], random: () => number): T[] {
  for (let at = rows.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [rows[at], rows[other]] = [rows[other]!, rows[at]!];
  }
  return rows;
}
