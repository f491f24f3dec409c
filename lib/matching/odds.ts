import { LIKENESS, LIKENESSES, likenessOf, type Likeness, type Name } from "./names";

/** The most days that dates may lie apart, whatever a user asks for. */
export const MOST_DAYS = 31;

/**
 * How an account's payments come into its budget: all that matching goes by besides the rows of one amount. Without
 * any, {@link USUAL} is what people and banks mostly do.
 */
export interface Habits {
  /** Share of transactions that are dated so many days after their payment (before, when negative): index days + 31. */
  gaps: Float64Array;
  /** How likely it is that a payment has no transaction, times that a transaction has no payment. */
  lonely: number;
  /** How often the names of one event, where both are there, are so alike, and those of two; index {@link LIKENESS}. */
  same: Float64Array;
  chance: Float64Array;
  /** How often names without a likeness went together. */
  together: NamesTogether;
}

/** What a payee is called in the budget, where that has nothing of its name. */
export interface NamesTogether {
  /** Transactions that were counted. */
  transactions: number;
  /** Transactions by the key of their name. */
  named: ReadonlyMap<number, number>;
  /** Pairs by the key of the payment's name, and by both keys. */
  from: ReadonlyMap<number, number>;
  both: ReadonlyMap<number, number>;
}

/** Days around a row in which others of its amount are counted, either way. */
export const AROUND_DAYS = 45;
/** Other rows of an amount to be expected in that time, by how many digits it has before its last zeros. */
const EXPECTED = [0.6, 0.4, 0.2, 0.1, 0.06] as const;
/** How many pairs a new habit of naming weighs. */
const NAMING = 3;
/** Within one likeness the more alike are likelier: the square of this and the Dice coefficient. */
const FINER = 0.3;
/** How many rows around a payment what is usual of names weighs. */
const USUAL_NAMES = 2;

/** Gaps before any was learned: banks book up to four days later than people write down, and some write down late. */
function usualGaps(): Float64Array {
  const gaps = new Float64Array(2 * MOST_DAYS + 1);
  let sum = 0;
  for (let days = -MOST_DAYS; days <= MOST_DAYS; days++) {
    const far = Math.abs(days);
    const share = far === 0 ? 0.55 : (days < 0 ? 0.12 : 0.08) * 0.68 ** (far - 1);
    gaps[days + MOST_DAYS] = share;
    sum += share;
  }
  return gaps.map((share) => share / sum);
}

/** What is mostly so, where nothing was learned. */
export const USUAL: Habits = {
  gaps: usualGaps(),
  lonely: 0.15 * 0.2,
  same: Float64Array.of(0, 0.22, 0.02, 0.11, 0.38, 0.27),
  chance: Float64Array.of(0, 0.87, 0.055, 0.035, 0.02, 0.02),
  together: { transactions: 0, named: new Map(), from: new Map(), both: new Map() },
};

/** Both keys as one. */
export function bothKeys(payment: number, transaction: number): number {
  return (payment % 2 ** 21) * 2 ** 32 + transaction;
}

/** What the names of a payment and a transaction say. */
export interface NameOdds {
  level: Likeness;
  /** For people. */
  percent: number;
  /** How much likelier this other name is for this payee than for any. */
  naming: number;
  /** How often the two went together, besides here. */
  before: number;
  /** Share of transactions that bear this name. */
  share: number;
}

/**
 * @param counted the pair itself was counted when the habits were learned: it may not speak for itself
 */
export function nameOdds(habits: Habits, payment: Name, transaction: Name, counted: boolean): NameOdds {
  const { level, percent } = likenessOf(payment, transaction);
  const { together } = habits;
  const share = ((together.named.get(transaction.key) ?? 0) + 0.5) / (together.transactions + 20);
  if (level === LIKENESS.unknown || level >= LIKENESS.half)
    return { level, percent, naming: 1, before: 0, share };
  const own = counted ? 1 : 0;
  const from = (together.from.get(payment.key) ?? 0) - own;
  const before = (together.both.get(bothKeys(payment.key, transaction.key)) ?? 0) - own;
  return { level, percent, naming: (before / share + NAMING) / (from + NAMING), before, share };
}

/** Rows of one amount around a payment, by how alike their names are to its own. */
export interface Around {
  /** Events of the amount that are to be thought there besides the one that is asked for. */
  others: number;
  /** How many transactions were looked at, by likeness. */
  levels: ArrayLike<number>;
}

/**
 * The odds that a payment and a transaction of equal amount are one event and not two:
 * P(days) x P(names) / (rate x P(no transaction) x P(no payment)). The rate is how often in a day an event of this amount,
 * whose name is as much like the payment's, is to be expected by chance: what is there besides the pair, smoothed by what
 * is usual, and a little for what never came.
 * Source: Fellegi and Sunter (1969), "A theory for record linkage", with events of one amount as a Poisson process.
 * @param days from the payment to the transaction, 31 at most either way
 * @param amount minor units
 * @param own the transaction is among those that were counted in `around`
 */
export function pairOdds(
  habits: Habits,
  days: number,
  amount: number,
  names: NameOdds,
  around: Around,
  own: boolean,
): number {
  const digits = String(Math.abs(amount)).replace(/0+$/, "").length;
  const expected = EXPECTED[Math.min(EXPECTED.length, Math.max(1, digits)) - 1]!;
  const dated = (habits.gaps[days + MOST_DAYS]! * (2 * AROUND_DAYS + 1)) / habits.lonely;
  const { level, naming, share } = names;
  // Where a name is missing there is nothing to compare.
  if (level === LIKENESS.unknown) return dated / (around.others + expected);
  let seen = USUAL_NAMES - (own ? 1 : 0);
  for (let at = LIKENESS.none; at < LIKENESSES; at++) seen += around.levels[at]!;
  const odds = (from: Likeness, to: number) => {
    let [same, usual, alike] = [0, level >= LIKENESS.half ? share : 0, own ? -1 : 0];
    for (let at: number = from; at <= to; at++) {
      same += habits.same[at]!;
      usual += habits.chance[at]!;
      alike += around.levels[at]!;
    }
    const rate = (around.others * (alike + USUAL_NAMES * usual)) / seen + expected * usual;
    return (dated * same) / rate;
  };
  const alone = odds(level, level) * naming;
  if (level < LIKENESS.half) return alone;
  const finer = (FINER + names.percent / 100) ** 2;
  for (let at = level + 1; at < LIKENESSES; at++) if (around.levels[at]! > 0) return alone * finer;
  // None is more alike: that all are written alike may not speak against one that is written so too.
  return Math.max(alone, odds(LIKENESS.half, LIKENESSES - 1)) * finer;
}

/** Shares of what was counted, with what is usual counted in. */
export function smoothed(counts: Float64Array, usual: Float64Array, weight: number): Float64Array {
  const sum = counts.reduce((all, count) => all + count, 0);
  return usual.map((share, at) => (counts[at]! + weight * share) / (sum + weight));
}
