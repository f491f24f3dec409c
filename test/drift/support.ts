import { readingsOf, type ReadingOptions, type Seen } from "../../lib/drift";
import { seededRandom } from "../../lib/learning";
import type { DriftReading } from "../../lib/store";
import { runAtOnce } from "../../lib/values";

/** A household in numbers, each share 0 to 1. */
export interface Household {
  categories: number;
  /** A category is used about `1 / rank ** skew` as often as the first one. */
  skew: number;
  /** Of the payments, the share in a category of its own that was rare before: a shift of the mix. */
  shifted: number;
  abstains: number;
  /** Share of new counterparties. */
  novel: number;
  /** Of answers and of guesses that waited, the share that is wrong. */
  wrong: number;
  wrongGuess: number;
  /** Of answers and of guesses that waited, the share that a person has looked at. */
  heard: number;
  heardGuess: number;
  /** Taken off the confidence. */
  less: number;
}

export const STEADY: Household = {
  categories: 20,
  skew: 1,
  shifted: 0,
  abstains: 0.12,
  novel: 0.08,
  wrong: 0.05,
  wrongGuess: 0.45,
  heard: 0.7,
  heardGuess: 0.95,
  less: 0,
};

/** Payments of a household in the order of time. */
export function paymentsOf(count: number, household: Partial<Household>, random: () => number): Seen[] {
  const h = { ...STEADY, ...household };
  const weights = Array.from({ length: h.categories }, (_, n) => 1 / (n + 1) ** h.skew);
  const sum = weights.reduce((a, b) => a + b, 0);
  const category = () => {
    if (random() < h.shifted) return h.categories - 1;
    let left = random() * sum;
    return Math.max(
      0,
      weights.findIndex((weight) => (left -= weight) < 0),
    );
  };
  return Array.from({ length: count }, (_, n) => {
    const answered = random() >= h.abstains;
    const confidence = (answered ? 0.9 + 0.1 * random() : 0.3 + 0.5 * random()) - h.less;
    const heard = random() < (answered ? h.heard : h.heardGuess);
    return {
      paymentId: `p${n}`,
      at: new Date(1_700_000_000_000 + n * 3_600_000).toISOString(),
      answered,
      guess: `c${String(category()).padStart(2, "0")}`,
      confidence,
      novel: random() < h.novel,
      right: heard ? random() >= (answered ? h.wrong : h.wrongGuess) : null,
    };
  });
}

export function readings(
  recent: readonly Seen[],
  compared: readonly Seen[],
  options: Partial<ReadingOptions> = {},
): DriftReading[] {
  return runAtOnce(readingsOf(recent, compared, { minimum: 10, falseAlarms: 0.05, seed: 1, ...options }));
}

export const alertsOf = (found: readonly DriftReading[]): string[] =>
  found.flatMap(({ signal, state }) => (state === "alert" ? [signal] : []));

export interface Outcome {
  /** Of the looks, the share with an alert at all, and with two or more. */
  any: number;
  several: number;
  /** Of the looks, the share with an alert of each signal. */
  by: Record<string, number>;
}

/** Looks at households of which the recent payments are otherwise than the earlier ones, or not. */
export function simulate(
  looks: number,
  sizes: { recent: number; compared: number },
  change: Partial<Household>,
  more: { base?: Partial<Household>; options?: Partial<ReadingOptions>; seed?: number } = {},
): Outcome {
  const random = seededRandom(more.seed ?? 42);
  const outcome: Outcome = { any: 0, several: 0, by: {} };
  for (let look = 0; look < looks; look++) {
    const compared = paymentsOf(sizes.compared, more.base ?? {}, random);
    const recent = paymentsOf(sizes.recent, { ...more.base, ...change }, random);
    const alerts = alertsOf(readings(recent, compared, { ...more.options, seed: look + 1 }));
    if (alerts.length > 0) outcome.any += 1 / looks;
    if (alerts.length > 1) outcome.several += 1 / looks;
    for (const alert of alerts) outcome.by[alert] = (outcome.by[alert] ?? 0) + 1 / looks;
  }
  return outcome;
}
