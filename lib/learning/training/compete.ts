import { TallyError } from "../../values";
import { accuracy, macroF1, outcomeOf, type Outcome } from "../calibration";
import { competingEstimators, createEstimator, estimatorKind, STACKED, type Parameters } from "../estimators";
import type { ModelMetrics } from "../model";
import type { LabelledExample } from "../types";
import type { TrainOptions } from "./options";

/**
 * Up to so many labels, a household's of many years, estimators together are better than the best of them. Of more they are
 * as right as the logistic regression alone, at twice the cost, and surer of themselves when left alone for long (GLA).
 */
const STACKED_LABELS = 10_000;
/** Estimators compete on the newest rows of this many at most; the winner learns from everything. */
const COMPETITION_ROWS = 12_000;
const COMPETITION_SLICE = 3_000;

interface Slices {
  early: readonly LabelledExample[];
  later: readonly LabelledExample[];
}

/**
 * Who competes on so many labels, the one first that keeps its place unless another is clearly better. Those whose
 * packages are not installed are left out, and spoken of in the notes.
 * @throws TallyError CONFIG_INVALID when nobody is named; DEPENDENCY_MISSING when the only one cannot take part
 */
export function contenders(
  labels: number,
  { estimators, also = [] }: TrainOptions,
): { able: string[]; notes: string[] } {
  const single = competingEstimators().filter((name) => name !== STACKED);
  const names = [...(estimators ?? (labels > STACKED_LABELS ? single : [STACKED, ...single])), ...also];
  if (names.length === 0) throw new TallyError("CONFIG_INVALID", "Name at least one estimator to train.");
  const notes: string[] = [];
  const able = names.filter((name) => {
    try {
      createEstimator(name);
    } catch (error) {
      const missing = error instanceof TallyError && error.code === "DEPENDENCY_MISSING";
      if (!missing || names.length === 1) throw error;
      notes.push(`${name} did not take part. ${error.message}`);
      return false;
    }
    const note = estimatorKind(name).note?.();
    if (note !== undefined) notes.push(note);
    return true;
  });
  return { able, notes };
}

/** What the contenders learn, and what they are compared on. */
export function competitionSlices(rows: readonly LabelledExample[], split: number): Slices {
  return {
    early: rows.slice(Math.max(0, split - COMPETITION_ROWS), split),
    later: rows.slice(split, split + COMPETITION_SLICE),
  };
}

/** Parameters of an estimator; the seed of the training goes to those that draw at random. */
export function parametersOf(name: string, options: TrainOptions, seed: number): Parameters {
  const { defaults } = estimatorKind(name);
  return { ...defaults, ...("seed" in defaults && { seed }), ...options.parameters?.[name] };
}

/**
 * Let estimators compete; each learns what it was compared on too.
 * @param report is told how many rows were gone through, by all of them together
 * @returns the winner first, then the others, the most accurate first
 */
export function compete(
  names: readonly string[],
  { early, later }: Slices,
  options: TrainOptions,
  seed: number,
  report: (done: number, what: string) => void,
): ModelMetrics["competition"] {
  const trials = names.map((name, i) => {
    const began = i * (early.length + later.length);
    const tell = (done: number) => report(began + done, `comparing ${name}`);
    const estimator = createEstimator(name, parametersOf(name, options, seed));
    estimator.fit(early, { ...(options.signal && { signal: options.signal }), progress: tell });
    const outcomes = later.map((row, at): Outcome => {
      if ((at & 1023) === 0) {
        options.signal?.throwIfAborted();
        tell(early.length + at);
      }
      return outcomeOf(estimator.reveal(row, row.label), row.label);
    });
    return { estimator: name, accuracy: accuracy(outcomes), macroF1: macroF1(outcomes), outcomes };
  });
  const first = trials[0]!;
  const better = (trial: (typeof trials)[number]) => clearlyBetter(trial.outcomes, first.outcomes);
  trials.sort((a, b) => b.accuracy - a.accuracy || b.macroF1 - a.macroF1);
  const winner = trials.find(better) ?? first;
  return [winner, ...trials.filter((trial) => trial !== winner)].map(({ outcomes: _, ...result }) => result);
}

/** More right answers than chance gives: two standard errors of a sign test. */
function clearlyBetter(one: readonly Outcome[], other: readonly Outcome[]): boolean {
  let won = 0;
  let lost = 0;
  one.forEach(({ predicted, label }, i) => {
    const otherRight = other[i]!.predicted === label;
    if (predicted === label && !otherRight) won++;
    else if (predicted !== label && otherRight) lost++;
  });
  return won - lost > 2 * Math.sqrt(won + lost);
}
