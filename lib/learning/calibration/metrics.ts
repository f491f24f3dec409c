import type { Id } from "../../values";
import { argMax, type Scores } from "../types";

/** One scored prediction: what was said, how sure, what was true. */
export interface Outcome {
  predicted: Id;
  confidence: number;
  label: Id;
}

/** The best guess and its probability, before any calibration, beside what was true. */
export function outcomeOf({ categories, probabilities }: Scores, label: Id): Outcome {
  const best = argMax(probabilities);
  return best < 0
    ? { predicted: "", confidence: 0, label }
    : { predicted: categories[best]!, confidence: probabilities[best]!, label };
}

export interface CategoryMetrics {
  category: Id;
  support: number;
  precision: number;
  recall: number;
  f1: number;
}

/** Share of right predictions, 0 to 1; 0 for none. */
export function accuracy(outcomes: readonly Outcome[]): number {
  let right = 0;
  for (const outcome of outcomes) if (outcome.predicted === outcome.label) right++;
  return outcomes.length === 0 ? 0 : right / outcomes.length;
}

/** Precision, recall and F1 of every category that was predicted or true, most frequent first. */
export function perCategory(outcomes: readonly Outcome[]): CategoryMetrics[] {
  const counts = new Map<Id, { right: number; predicted: number; support: number }>();
  const of = (category: Id) => {
    let count = counts.get(category);
    if (!count) counts.set(category, (count = { right: 0, predicted: 0, support: 0 }));
    return count;
  };
  for (const { predicted, label } of outcomes) {
    of(predicted).predicted++;
    of(label).support++;
    if (predicted === label) of(label).right++;
  }
  return [...counts]
    .map(([category, { right, predicted, support }]) => ({
      category,
      support,
      precision: predicted === 0 ? 0 : right / predicted,
      recall: support === 0 ? 0 : right / support,
      f1: (2 * right) / (predicted + support),
    }))
    .sort((a, b) => b.support - a.support || (a.category < b.category ? -1 : 1));
}

/** Unweighted mean of the F1 of all categories that were predicted or true. */
export function macroF1(outcomes: readonly Outcome[]): number {
  const categories = perCategory(outcomes);
  return categories.length === 0 ? 0 : categories.reduce((sum, { f1 }) => sum + f1, 0) / categories.length;
}

/**
 * Expected calibration error: mean distance of confidence and accuracy over bins of equal width, weighted by how
 * many fall into each. Source: Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks".
 */
export function expectedCalibrationError(outcomes: readonly Outcome[], bins = 15): number {
  const confidence = new Float64Array(bins);
  const right = new Float64Array(bins);
  for (const outcome of outcomes) {
    const bin = Math.max(0, Math.min(bins - 1, Math.floor(outcome.confidence * bins)));
    confidence[bin]! += outcome.confidence;
    if (outcome.predicted === outcome.label) right[bin]! += 1;
  }
  let sum = 0;
  for (let b = 0; b < bins; b++) sum += Math.abs(confidence[b]! - right[b]!);
  return outcomes.length === 0 ? 0 : sum / outcomes.length;
}

/** A point of the coverage-accuracy curve: at this threshold so much is answered, and so much of that is right. */
export interface CurvePoint {
  threshold: number;
  coverage: number;
  precision: number;
}

/** The curve at every distinct confidence, most confident first; equal confidences are answered together. */
export function coverageCurve(outcomes: readonly Outcome[]): CurvePoint[] {
  const sorted = [...outcomes].sort((a, b) => b.confidence - a.confidence);
  const points: CurvePoint[] = [];
  let right = 0;
  for (let i = 0; i < sorted.length; i++) {
    const outcome = sorted[i]!;
    if (outcome.predicted === outcome.label) right++;
    if (sorted[i + 1]?.confidence === outcome.confidence) continue;
    points.push({
      threshold: outcome.confidence,
      coverage: (i + 1) / sorted.length,
      precision: right / (i + 1),
    });
  }
  return points;
}

/** The largest share that can be answered at a precision, looking back: what a perfect choice of threshold gives. */
export function coverageAtPrecision(outcomes: readonly Outcome[], target: number): number {
  let best = 0;
  for (const { coverage, precision } of coverageCurve(outcomes))
    if (precision >= target) best = Math.max(best, coverage);
  return best;
}
