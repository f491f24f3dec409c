import { createHash } from "node:crypto";
import { TallyError, type CalendarDate, type Id } from "../../values";
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
import {
  createEstimator,
  estimatorKind,
  competingEstimators,
  type Estimator,
  type Parameters,
} from "../estimators";
import { FEATURE_VERSION, FeatureExtractor } from "../features";
import { firstGate, gate, type GateResult } from "../gate";
import type { LabelledExample } from "../types";
import { TrainedModel, type ModelInfo, type ModelMetrics } from "../model";

/** Raised when training gives other models for the same data. */
export const CODE_VERSION = "learning-2";

export interface TrainOptions {
  /** Estimators that compete; when absent all but those that have to be asked for. */
  estimators?: readonly string[];
  parameters?: Readonly<Record<string, Parameters>>;
  /** Of what is answered, this share is to be right; .95 when absent. */
  targetPrecision?: number;
  seed?: number;
  /** Share of the newest rows that is held out for calibration, threshold and metrics; .2 when absent. */
  heldOut?: number;
  /** The model in production, to compare with. */
  production?: TrainedModel;
  signal?: AbortSignal;
  /** Rows gone through so far, of all that will be, those of the competition too. */
  progress?(done: number, total: number, what: string): void;
}

export interface Trained {
  model: TrainedModel;
  gate: GateResult;
  /** For people: who could not take part and what to do about it. */
  notes: string[];
}

/** Fewest labels and categories that can be learned from. */
export const MIN_LABELS = 20;
/** Estimators compete on the newest rows of this many at most; the winner learns from everything. */
const COMPETITION_ROWS = 12_000;
const COMPETITION_SLICE = 3_000;
/** So many rows of the later slice are scored by a model left alone: a thousandth of a share is nothing to go by. */
const SCORED_ROWS = 10_000;
/** A model that is left alone gets worse with every month, and nobody tells it: this share of the mistakes it may make is kept back. */
const STALE_RESERVE = 0.1;

/**
 * Train on labels in the order of time. All estimators compete on one split; the best learns the earlier part and is
 * scored, frozen, on the later slice, which gives calibration, threshold, metrics and the gate's comparison; then it
 * goes on to learn the slice as well. As estimators are online, that is the same model as a refit on everything.
 * Equal examples and options give equal bytes.
 *
 * @throws TallyError TRAINING_DATA_TOO_SMALL below 20 labels or two categories; what the signal throws
 */
export function trainModel(examples: readonly LabelledExample[], options: TrainOptions = {}): Trained {
  const rows = inOrder(examples);
  const seed = options.seed ?? 1;
  const target = options.targetPrecision ?? 0.95;
  const split = Math.max(
    1,
    Math.min(rows.length - 1, Math.floor(rows.length * (1 - (options.heldOut ?? 0.2)))),
  );
  const { able, notes } = thoseAble(options.estimators ?? competingEstimators());
  const early = rows.slice(Math.max(0, split - COMPETITION_ROWS), split);
  const later = rows.slice(split, split + COMPETITION_SLICE);
  const competed = able.length * (early.length + later.length);
  const report = (done: number, what: string) => options.progress?.(done, competed + rows.length, what);
  const competition = compete(able, early, later, options, seed, report);
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
  const production = options.production;
  const newer = production
    ? rows.findIndex((row, i) => i >= split && row.date > production.info.trainedOn.to)
    : split;
  const gateFrom = newer < 0 ? rows.length : newer;
  learnRevealed(split, gateFrom);
  const comparable = sampled(rows.slice(gateFrom));
  const compared = gateFrom === split ? outcomes : predictAll(estimator, comparable, options.signal);
  learnRevealed(gateFrom, rows.length);
  report(competed + rows.length, "learning");

  const majority = majorityAccuracy(rows.slice(0, split), slice);
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
    : firstGate(outcomes, majority);
  return { model, gate: verdict, notes };
}

/** Hash of what a model learns from: order, fields and labels. */
export function hashExamples(examples: readonly LabelledExample[]): string {
  const hash = createHash("sha256");
  for (const e of examples) {
    hash.update(
      JSON.stringify([
        e.id,
        e.label,
        e.date,
        e.amount,
        e.currency,
        e.text,
        e.description,
        e.account,
        e.counterpartyAccount ?? "",
        e.type ?? "",
        e.context ?? [],
      ]),
    );
    hash.update("\n");
  }
  return hash.digest("hex");
}

function inOrder(examples: readonly LabelledExample[]): LabelledExample[] {
  const categories = new Set(examples.map((example) => example.label));
  if (examples.length < MIN_LABELS || categories.size < 2) {
    throw new TallyError(
      "TRAINING_DATA_TOO_SMALL",
      `There are ${examples.length} approved payments in ${categories.size} categories; at least ${MIN_LABELS} in 2 are needed. Approve some more in the budget.`,
      { details: { labels: examples.length, categories: categories.size } },
    );
  }
  // The order in which rows of one day came is kept: it carries which came first.
  return examples
    .map((example, i) => ({ example, i }))
    .sort((a, b) => (a.example.date < b.example.date ? -1 : a.example.date > b.example.date ? 1 : a.i - b.i))
    .map(({ example }) => example);
}

function compete(
  names: readonly string[],
  early: readonly LabelledExample[],
  later: readonly LabelledExample[],
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

/** The estimators whose packages are installed; the others are spoken of in the notes. */
function thoseAble(names: readonly string[]): { able: string[]; notes: string[] } {
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

/** The seed of the training goes to those that draw at random. */
function parametersOf(name: string, options: TrainOptions, seed: number): Parameters {
  const { defaults } = estimatorKind(name);
  return { ...defaults, ...("seed" in defaults && { seed }), ...options.parameters?.[name] };
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

function majorityAccuracy(early: readonly LabelledExample[], later: readonly LabelledExample[]): number {
  const counts = new Map<Id, number>();
  for (const { label } of early) counts.set(label, (counts.get(label) ?? 0) + 1);
  let best: Id | undefined;
  for (const [label, count] of counts) if (best === undefined || count > counts.get(best)!) best = label;
  return later.filter((row) => row.label === best).length / later.length;
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
