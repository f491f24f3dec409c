import { dayNumber, runAtOnce, TallyError, type CalendarDate, type Id, type Json } from "../../values";
import { calibrate, judge, type CategoryMetrics, type CurvePoint, type Judgement } from "../calibration";
import { PastPayments, type PastPayment } from "../memory";
import { restoreEstimator, type Estimator, type EstimatorState, type Term } from "../estimators";
import { FEATURE_VERSION, FeatureExtractor } from "../features";
import { argMax, type Example } from "../types";
import { decodeArtifact, encodeArtifact } from "./artifact";

/** Measured on the later slice that training held out; shares are 0 to 1. */
export interface ModelMetrics {
  /** Rows of the slice. */
  rows: number;
  accuracy: number;
  macroF1: number;
  /** What always answering the most frequent category gives. */
  majority: number;
  /** Share answered at the threshold, and how much of that was right; chosen on one half, measured on the other. */
  coverage: number;
  precisionAtThreshold: number;
  ece: number;
  perCategory: CategoryMetrics[];
  curve: CurvePoint[];
  /** How the estimators did against each other on one split. */
  competition: { estimator: string; accuracy: number; macroF1: number }[];
}

/** What is known of a model besides its weights. */
export interface ModelInfo {
  estimator: string;
  parameters: Readonly<Record<string, number>>;
  featureVersion: number;
  dataHash: string;
  codeVersion: string;
  seed: number;
  targetPrecision: number;
  trainedOn: { examples: number; from: CalendarDate; to: CalendarDate; categories: Id[] };
  metrics: ModelMetrics;
}

export interface ModelParts {
  info: ModelInfo;
  estimator: Estimator;
  judgements: Judgements;
  past: PastPayments;
}

/**
 * Two, since a model that is told what was right day by day knows more of the present than one that was left alone:
 * while its newest label is fresh the one holds, later the other.
 */
export interface Judgements {
  fresh: Judgement;
  stale: Judgement;
}

/** Probabilities over the categories that may be suggested, with a calibrated confidence for the first. */
export interface ScoredExample {
  categories: readonly Id[];
  probabilities: Float32Array;
  /** Position of the best category, -1 when there is none. */
  best: number;
  confidence: number;
  /** The confidence below which it abstains. */
  threshold: number;
}

/** Days after its newest label up to which a model counts as kept up to date. */
const FRESH_DAYS = 7;
/** Revealed labels kept to follow the calibration of a model that goes on learning. */
const RECENT = 2_000;
const JUDGE_EVERY = 50;

/** A model that can answer, explain, go on learning, and be written down. */
export class TrainedModel {
  readonly info: ModelInfo;
  readonly estimator: Estimator;
  private readonly extractor = new FeatureExtractor();
  private readonly recent: { probability: number; right: boolean }[] = [];
  private readonly judgements: Judgements;
  private revealed = 0;
  private newestLabel: number;

  constructor(private readonly parts: ModelParts) {
    this.info = parts.info;
    this.estimator = parts.estimator;
    this.judgements = { ...parts.judgements };
    this.newestLabel = dayNumber(parts.info.trainedOn.to);
  }

  /** The confidence below which it abstains while labels keep coming. */
  get threshold(): number {
    return this.judgements.fresh.threshold;
  }

  /**
   * Score one example.
   * The confidence is that of its own probability, before scaling: where it believed in a category that is gone, the
   * next best has become no likelier by that.
   * @param allowed categories that still exist; the others get nothing and the rest is scaled to sum to 1
   */
  score(example: Example, allowed?: ReadonlySet<Id>): ScoredExample {
    const { categories, probabilities } = this.estimator.predict(example);
    const kept = allowed ? restrict(categories, probabilities, allowed) : 1;
    const best = argMax(probabilities);
    const found = best >= 0 && probabilities[best]! > 0;
    const fresh = dayNumber(example.date) - this.newestLabel <= FRESH_DAYS;
    const { calibration, threshold } = fresh ? this.judgements.fresh : this.judgements.stale;
    return {
      categories,
      probabilities,
      best: found ? best : -1,
      confidence: found ? calibrate(calibration, probabilities[best]! * kept) : 0,
      threshold,
    };
  }

  /** The labelled payments most like this one. */
  nearest(example: Example, limit = 3): PastPayment[] {
    return this.parts.past.nearest(example, this.extractor.cleanName(example), limit);
  }

  /** What it learned of this payment last, at the training or since; known of the newest 20,000 labels. */
  labelOf(paymentId: Id): Id | undefined {
    return this.parts.past.labelOf(paymentId);
  }

  /** The terms that speak most for a category. */
  terms(example: Example, category: Id, limit = 5): Term[] {
    return this.estimator.explain(example, category, limit);
  }

  /** One label, learned at once by everything that learns; calibration and threshold follow what is revealed. */
  learn(example: Example, label: Id): void {
    const { categories, probabilities, best } = this.score(example);
    if (best >= 0) {
      this.recent.push({ probability: probabilities[best]!, right: categories[best] === label });
      if (this.recent.length > RECENT) this.recent.shift();
      if (++this.revealed % JUDGE_EVERY === 0) this.judgeAgain();
    }
    this.newestLabel = Math.max(this.newestLabel, dayNumber(example.date));
    this.estimator.update(example, label);
    this.parts.past.add(example, this.extractor.cleanName(example), label);
  }

  /** The model as bytes; equal models are equal bytes. */
  encode(): Uint8Array {
    const state = this.estimator.serialise();
    const arrays: EstimatorState["arrays"] = {};
    for (const [name, array] of Object.entries(state.arrays)) arrays[`estimator.${name}`] = array;
    const meta = {
      info: this.info,
      estimator: state.meta,
      judgements: this.judgements,
      past: this.parts.past.serialise(),
    };
    return encodeArtifact({ meta: meta as unknown as Json, arrays });
  }

  /**
   * A model from its bytes.
   * @throws TallyError MODEL_MISSING when the bytes are damaged or the model was made for other features
   */
  static decode(bytes: Uint8Array): TrainedModel {
    return runAtOnce(TrainedModel.decoding(bytes));
  }

  /** As {@link decode}, with pauses between its parts, of which each takes milliseconds. */
  static *decoding(bytes: Uint8Array): Generator<void, TrainedModel> {
    const { meta, arrays } = yield* decodeArtifact(bytes);
    yield;
    const stored = meta as unknown as {
      info: ModelInfo;
      estimator: Json;
      judgements: Judgements;
      past: Json;
    };
    if (stored.info.featureVersion !== FEATURE_VERSION) {
      throw new TallyError(
        "MODEL_MISSING",
        "The stored model was made by another version of Tallyflow. Train again.",
      );
    }
    const own: EstimatorState["arrays"] = {};
    for (const [name, array] of Object.entries(arrays)) {
      if (name.startsWith("estimator.")) own[name.slice("estimator.".length)] = array;
    }
    const estimator = yield* restoreEstimator(stored.info.estimator, { meta: stored.estimator, arrays: own });
    yield;
    const past = yield* PastPayments.restore(stored.past);
    yield;
    return new TrainedModel({
      info: stored.info,
      estimator,
      judgements: stored.judgements,
      past,
    });
  }

  private judgeAgain(): void {
    const { calibration } = this.parts.judgements.fresh;
    this.judgements.fresh = judge(this.recent, this.info.targetPrecision, calibration);
  }
}

/** @returns the share that the allowed ones had */
function restrict(categories: readonly Id[], probabilities: Float32Array, allowed: ReadonlySet<Id>): number {
  let sum = 0;
  for (let c = 0; c < categories.length; c++) {
    if (allowed.has(categories[c]!)) sum += probabilities[c]!;
    else probabilities[c] = 0;
  }
  if (sum > 0) for (let c = 0; c < categories.length; c++) probabilities[c]! /= sum;
  return sum;
}
