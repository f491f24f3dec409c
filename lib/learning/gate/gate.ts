import type { CalendarDate, Id } from "../../values";
import { accuracy, type Outcome } from "../calibration";
import { seededRandom } from "../random";

export interface GateResult {
  promote: boolean;
  verdict:
    | "first"
    | "better"
    | "equal"
    | "worse"
    | "category-guard"
    | "below-majority"
    | "nothing-to-compare"
    | "as-of";
  /** For people: what was compared and what came of it. */
  reason: string;
  rows: number;
  candidateAccuracy: number;
  productionAccuracy?: number;
  /** 95 % interval of candidate minus production, by paired bootstrap. */
  interval?: { low: number; high: number };
  newCategories: Id[];
  /** Categories that the candidate does clearly worse on. */
  guarded: Id[];
}

export interface GateOptions {
  seed?: number;
  resamples?: number;
  /** How much worse a candidate that is equal within noise may look and still be promoted. */
  tolerance?: number;
  /** First day of the rows compared, for the reason. */
  from?: CalendarDate;
}

/** Rows of a category from which on the guard looks at it. */
const GUARD_ROWS = 20;
/** Fewest rows that a comparison is worth. */
export const MIN_ROWS = 20;

/** The gate of the first model: it must beat always saying the most frequent category. */
export function firstGate(candidate: readonly Outcome[], majority: number): GateResult {
  const own = accuracy(candidate);
  const promote = own > majority;
  return {
    promote,
    verdict: promote ? "first" : "below-majority",
    reason: promote
      ? `The first model is right on ${percent(own)} of ${candidate.length} later payments; the most frequent category alone gives ${percent(majority)}.`
      : `The model is right on ${percent(own)} of ${candidate.length} later payments, no better than always saying the most frequent category (${percent(majority)}). More approved payments are needed.`,
    rows: candidate.length,
    candidateAccuracy: own,
    newCategories: [],
    guarded: [],
  };
}

/**
 * Candidate against production on the same rows, which neither was trained on, in the same order. Promoted when it
 * is better, or equal within noise and not visibly worse or knowing new categories, and no category does clearly
 * worse. Source of the interval: Efron, Tibshirani 1993, "An Introduction to the Bootstrap" (paired, percentile).
 */
export function gate(
  candidate: readonly Outcome[],
  production: readonly Outcome[],
  newCategories: Id[],
  options: GateOptions = {},
): GateResult {
  const rows = candidate.length;
  const base = {
    rows,
    candidateAccuracy: accuracy(candidate),
    productionAccuracy: accuracy(production),
    newCategories,
    guarded: [] as Id[],
  };
  if (rows < MIN_ROWS) {
    const promote = newCategories.length > 0;
    const newer =
      rows === 0 ? "no payment is" : rows === 1 ? "only one payment is" : `only ${rows} payments are`;
    return {
      ...base,
      promote,
      verdict: "nothing-to-compare",
      reason: promote
        ? `Promoted for ${newCategories.length} new categories; ${newer} newer than the present model.`
        : `It is kept as the candidate: ${newer} newer than the present model, which stays until there is more to compare on.`,
    };
  }
  const differences = new Int8Array(rows);
  for (let i = 0; i < rows; i++) differences[i] = hit(candidate[i]!) - hit(production[i]!);
  const interval = bootstrap(differences, options.resamples ?? 1000, options.seed ?? 1);
  const mean = base.candidateAccuracy - base.productionAccuracy;
  const guarded = clearlyWorse(candidate, production);
  const compared = `${percent(base.candidateAccuracy)} against ${percent(base.productionAccuracy)} on the same ${rows} payments${options.from ? ` since ${options.from}` : ""}`;
  if (guarded.length > 0) {
    return {
      ...base,
      interval,
      guarded,
      promote: false,
      verdict: "category-guard",
      reason: `Not promoted: ${guarded.length} categories are recognised clearly worse (${compared}).`,
    };
  }
  if (interval.low > 0)
    return { ...base, interval, promote: true, verdict: "better", reason: `Promoted: better, ${compared}.` };
  const passes = interval.high >= 0 && (mean >= -(options.tolerance ?? 0.01) || newCategories.length > 0);
  return {
    ...base,
    interval,
    promote: passes,
    verdict: passes ? "equal" : "worse",
    reason: passes
      ? `Promoted: equal within noise, ${compared}${newCategories.length > 0 ? `, and it knows ${newCategories.length} new categories` : ""}.`
      : `Not promoted: worse, ${compared}.`,
  };
}

function bootstrap(differences: Int8Array, resamples: number, seed: number): { low: number; high: number } {
  const random = seededRandom(seed);
  const n = differences.length;
  // Only three values occur, so a resample is two binomial counts; drawing rows keeps it plain for small n.
  const draws = Math.min(n, 4000);
  const scale = Math.sqrt(draws / n);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += differences[i]! / n;
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < draws; i++) sum += differences[(random() * n) | 0]!;
    // Fewer draws than rows spread wider by the root of the share; scaled back.
    means[r] = mean + (sum / draws - mean) * scale;
  }
  means.sort();
  // Both before the object that takes them, for the reason given in evaluateModel.
  const low = means[Math.floor(resamples * 0.025)]!;
  const high = means[Math.ceil(resamples * 0.975) - 1]!;
  return { low, high };
}

/** Categories whose recall fell by more than a tenth, beyond what a sign test (two standard errors) allows. */
function clearlyWorse(candidate: readonly Outcome[], production: readonly Outcome[]): Id[] {
  const counts = new Map<Id, { rows: number; lost: number; won: number }>();
  for (let i = 0; i < candidate.length; i++) {
    const label = candidate[i]!.label;
    let count = counts.get(label);
    if (!count) counts.set(label, (count = { rows: 0, lost: 0, won: 0 }));
    count.rows++;
    const difference = hit(candidate[i]!) - hit(production[i]!);
    if (difference < 0) count.lost++;
    if (difference > 0) count.won++;
  }
  return [...counts]
    .filter(([, { rows, lost, won }]) => {
      const net = lost - won;
      return rows >= GUARD_ROWS && net > rows / 10 && net > 2.6 * Math.sqrt(lost + won);
    })
    .map(([category]) => category)
    .sort();
}

function hit(outcome: Outcome): number {
  return outcome.predicted === outcome.label ? 1 : 0;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
