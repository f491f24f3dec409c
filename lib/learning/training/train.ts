import { type CalendarDate, type Id } from "../../values";
import {
  accuracy,
  calibrate,
  coverageCurve,
  expectedCalibrationError,
  judge,
  macroF1,
  NO_JUDGEMENT,
  outcomeOf,
  perCategory,
  type CurvePoint,
  type Outcome,
} from "../calibration";
import { PastPayments } from "../memory";
import { createEstimator, type Estimator } from "../estimators";
import { FEATURE_VERSION, FeatureExtractor } from "../features";
import { firstGate, gate, MIN_ROWS, type GateResult } from "../gate";
import type { LabelledExample } from "../types";
import { TrainedModel, type ModelInfo, type ModelMetrics } from "../model";
import { compete, competitionSlices, contenders, parametersOf } from "./compete";
import { hashExamples, inOrder, majorityAccuracy } from "./examples";
import { isFirst, trainFirst } from "./first";
import { CODE_VERSION, type Trained, type TrainOptions } from "./options";

/** Fewest labels, of two categories, from which weights can be learned. */
const MIN_LABELS = 20;
/** So many rows of the later slice are scored by a model left alone: a thousandth of a share is nothing to go by. */
const SCORED_ROWS = 10_000;
/** A model that is left alone gets worse with every month, and nobody tells it: this share of the mistakes it may make is kept back. */
const STALE_RESERVE = 0.1;

/**
 * Train on labels in the order of time. With fewer than 20, or of one category only, a model of first labels is made (see
 * {@link trainFirst}); and also while the model with weights of its own does no better than the most frequent category on
 * the few rows that can be held out. A model of first labels in production is compared with nothing: what learned more
 * replaces it.
 *
 * @throws TallyError TRAINING_DATA_TOO_SMALL without any label; what the signal throws
 */
export function trainModel(examples: readonly LabelledExample[], options: TrainOptions = {}): Trained {
  const rows = inOrder(examples);
  if (rows.length < MIN_LABELS || rows.every(({ label }) => label === rows[0]!.label))
    return trainFirst(rows, options);
  return trainWeights(rows, options) ?? trainFirst(rows, options);
}

/**
 * All estimators compete on one split; the best learns the earlier part and is scored, frozen, on the later slice, which
 * gives calibration, threshold, metrics and the gate's comparison; then it goes on to learn the slice as well. As
 * estimators are online, that is the same model as a refit on everything. Equal examples and options give equal bytes.
 *
 * @returns undefined where so few rows are held out and it is no better there than the most frequent category
 */
function trainWeights(rows: readonly LabelledExample[], options: TrainOptions): Trained | undefined {
  const seed = options.seed ?? 1;
  const target = options.targetPrecision ?? 0.95;
  const split = Math.max(
    1,
    Math.min(rows.length - 1, Math.floor(rows.length * (1 - (options.heldOut ?? 0.2)))),
  );
  const { able, notes } = contenders(rows.length, options);
  const slices = competitionSlices(rows, split);
  const competed = able.length * (slices.early.length + slices.later.length);
  const report = (done: number, what: string) => options.progress?.(done, competed + rows.length, what);
  const competition = compete(able, slices, options, seed, report);
  const name = competition[0]!.estimator;
  const parameters = parametersOf(name, options, seed);
  const estimator = createEstimator(name, parameters);
  const extractor = new FeatureExtractor();
  const past = new PastPayments();
  const learn = (from: number, to: number) => {
    estimator.fit(rows.slice(from, to), {
      ...(options.signal && { signal: options.signal }),
      progress: (done) => report(competed + from + done, "learning"),
    });
    for (let i = from; i < to; i++) past.add(rows[i]!, extractor.cleanName(rows[i]!), rows[i]!.label);
  };
  // Each row is predicted before it is learned, as when every payment is approved at once.
  const revealed: Outcome[] = [];
  const learnRevealed = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      if ((i & 1023) === 0) {
        options.signal?.throwIfAborted();
        report(competed + i, "learning");
      }
      revealed.push(outcomeOf(estimator.reveal(rows[i]!, rows[i]!.label), rows[i]!.label));
      past.add(rows[i]!, extractor.cleanName(rows[i]!), rows[i]!.label);
    }
  };

  learn(0, split);
  const slice = rows.slice(split);
  const outcomes = predictAll(estimator, sampled(slice), options.signal);
  const majority = majorityAccuracy(rows.slice(0, split), slice);
  // By the labels alone, whatever is in production: equal labels give equal bytes.
  const first = firstGate(outcomes, majority);
  if (!first.promote && slice.length < MIN_ROWS) return undefined;
  const production = isFirst(options.production) ? undefined : options.production;
  const newer = production
    ? rows.findIndex((row, i) => i >= split && row.date > production.info.trainedOn.to)
    : split;
  const gateFrom = newer < 0 ? rows.length : newer;
  learnRevealed(split, gateFrom);
  const comparable = sampled(rows.slice(gateFrom));
  const compared = gateFrom === split ? outcomes : predictAll(estimator, comparable, options.signal);
  learnRevealed(gateFrom, rows.length);
  report(competed + rows.length, "learning");

  const longestAlone = outcomes.slice(outcomes.length >> 1);
  const info: ModelInfo = {
    estimator: name,
    parameters,
    featureVersion: FEATURE_VERSION,
    dataHash: hashExamples(rows),
    codeVersion: CODE_VERSION,
    seed,
    targetPrecision: target,
    trainedOn: {
      examples: rows.length,
      from: rows[0]!.date,
      to: rows[rows.length - 1]!.date,
      categories: [...estimator.categories].sort(),
    },
    metrics: { ...measure(outcomes, target), majority, competition },
  };
  const model = new TrainedModel({
    info,
    estimator,
    judgements: {
      fresh: judge(trialsOf(revealed), target),
      stale: judge(trialsOf(longestAlone), target + STALE_RESERVE * (1 - target)),
    },
    past,
  });
  const verdict = production
    ? compareWith(production, comparable, compared, estimator.categories, seed)
    : first;
  return { model, gate: verdict, notes };
}

function predictAll(
  estimator: Estimator,
  rows: readonly LabelledExample[],
  signal: AbortSignal | undefined,
): Outcome[] {
  return rows.map((row, i) => {
    if ((i & 1023) === 0) signal?.throwIfAborted();
    return outcomeOf(estimator.predict(row), row.label);
  });
}

function compareWith(
  production: TrainedModel,
  rows: readonly LabelledExample[],
  candidate: readonly Outcome[],
  categories: readonly Id[],
  seed: number,
): GateResult {
  const outcomes = rows.map((row): Outcome => {
    const scored = production.score(row);
    return { predicted: scored.categories[scored.best]!, confidence: scored.confidence, label: row.label };
  });
  const known = new Set(production.estimator.categories);
  const added = categories.filter((category) => !known.has(category));
  const from: CalendarDate | undefined = rows[0]?.date;
  return gate(candidate, outcomes, added, { seed, ...(from && { from }) });
}

/** Rows evenly over time, as many as figures need. */
function sampled<T>(rows: readonly T[]): readonly T[] {
  if (rows.length <= SCORED_ROWS) return rows;
  const every = rows.length / SCORED_ROWS;
  return Array.from({ length: SCORED_ROWS }, (_, i) => rows[Math.floor(i * every)]!);
}

function trialsOf(outcomes: readonly Outcome[]): { probability: number; right: boolean }[] {
  return outcomes.map(({ confidence, predicted, label }) => ({
    probability: confidence,
    right: predicted === label,
  }));
}

/** Accuracy on the whole slice; what depends on calibration is fitted on its earlier half, measured on the later. */
function measure(
  outcomes: readonly Outcome[],
  target: number,
): Omit<ModelMetrics, "majority" | "competition"> {
  const half = Math.floor(outcomes.length / 2);
  const { calibration, threshold } =
    half === 0 ? NO_JUDGEMENT : judge(trialsOf(outcomes.slice(0, half)), target);
  const second = outcomes
    .slice(half)
    .map((outcome) => ({ ...outcome, confidence: calibrate(calibration, outcome.confidence) }));
  const answered = second.filter((outcome) => outcome.confidence >= threshold);
  return {
    rows: outcomes.length,
    accuracy: accuracy(outcomes),
    macroF1: macroF1(outcomes),
    coverage: answered.length / second.length,
    precisionAtThreshold: accuracy(answered),
    ece: expectedCalibrationError(second),
    perCategory: perCategory(outcomes),
    curve: thinned(coverageCurve(second)),
  };
}

/** About forty points of a curve, evenly over coverage: enough to draw. */
function thinned(curve: readonly CurvePoint[]): CurvePoint[] {
  const every = Math.max(1, Math.ceil(curve.length / 40));
  return curve.filter((_, i) => i % every === every - 1 || i === curve.length - 1);
}
