import {
  accuracy,
  coverageCurve,
  expectedCalibrationError,
  macroF1,
  perCategory,
  UNCALIBRATED,
  type Judgement,
  type Outcome,
} from "../calibration";
import { createEstimator, FIRST_LABELS } from "../estimators";
import { FEATURE_VERSION, FeatureExtractor } from "../features";
import type { GateResult } from "../gate";
import { PastPayments } from "../memory";
import { TrainedModel, type ModelMetrics } from "../model";
import { argMax, type LabelledExample } from "../types";
import { hashExamples, majorityAccuracy } from "./examples";
import { CODE_VERSION, type Trained, type TrainOptions } from "./options";

/** The days of the labels where there are none. */
const NEVER = "1970-01-01";

/**
 * A model from a household's first labels, by {@link FIRST_LABELS}. There are too few to measure anything on, so its
 * confidences are those that were counted in other households, and its threshold is the target precision itself. It
 * goes into production where nothing but its like is; beside a model with weights of its own it is only kept.
 * @param rows in the order of time; of none comes a model that has everything to learn
 */
export function trainFirst(rows: readonly LabelledExample[], options: TrainOptions): Trained {
  const target = options.targetPrecision ?? 0.95;
  const estimator = createEstimator(FIRST_LABELS);
  const extractor = new FeatureExtractor();
  const past = new PastPayments();
  // Each row is predicted before it is learned.
  const outcomes = rows.map((row): Outcome => {
    options.signal?.throwIfAborted();
    const { categories, probabilities } = estimator.reveal(row, row.label);
    past.add(row, extractor.cleanName(row), row.label);
    const best = argMax(probabilities);
    const confidence = probabilities[best] ?? 0;
    return { predicted: confidence > 0 ? categories[best]! : "", confidence, label: row.label };
  });
  const judgement: Judgement = { calibration: UNCALIBRATED, threshold: target };
  const metrics = measure(outcomes, target, majorityAccuracy(rows, rows));
  const model = new TrainedModel({
    info: {
      estimator: FIRST_LABELS,
      parameters: {},
      featureVersion: FEATURE_VERSION,
      dataHash: hashExamples(rows),
      codeVersion: CODE_VERSION,
      seed: options.seed ?? 1,
      targetPrecision: target,
      trainedOn: {
        examples: rows.length,
        from: rows[0]?.date ?? NEVER,
        to: rows.at(-1)?.date ?? NEVER,
        categories: [...estimator.categories].sort(),
      },
      metrics,
    },
    estimator,
    judgements: { fresh: judgement, stale: judgement },
    past,
  });
  return { model, gate: gateOf(rows.length, metrics.accuracy, options.production), notes: [] };
}

/** Is this a model of first labels, which any model with weights of its own may replace? */
export function isFirst(model: Pick<TrainedModel, "info"> | undefined): boolean {
  return model?.info.estimator === FIRST_LABELS;
}

function measure(outcomes: readonly Outcome[], target: number, majority: number): ModelMetrics {
  const answered = outcomes.filter(({ confidence }) => confidence >= target);
  return {
    rows: outcomes.length,
    accuracy: accuracy(outcomes),
    macroF1: macroF1(outcomes),
    majority,
    coverage: answered.length / outcomes.length,
    precisionAtThreshold: accuracy(answered),
    ece: expectedCalibrationError(outcomes),
    perCategory: perCategory(outcomes).filter(({ category }) => category !== ""),
    curve: coverageCurve(outcomes),
    competition: [],
  };
}

function gateOf(rows: number, candidateAccuracy: number, production: TrainedModel | undefined): GateResult {
  const replaces = production === undefined || isFirst(production);
  const labels = rows === 1 ? "one payment that has" : `${rows} payments that have`;
  return {
    promote: replaces,
    verdict: replaces ? "first" : "nothing-to-compare",
    reason: replaces
      ? `It learned from ${labels} a category, and says of a payment what others of the same name were.`
      : `It learned from only ${labels} a category: the present model, which learned from more, stays.`,
    rows,
    candidateAccuracy,
    newCategories: [],
    guarded: [],
  };
}
