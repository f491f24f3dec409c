import { runAtOnce, TallyError, type CalendarDate, type Id, type Json } from "../../values";
import {
  calibrate,
  chooseThreshold,
  fitCalibration,
  type Calibration,
  type CategoryMetrics,
  type CurvePoint,
} from "../calibration";
import { PastPayments, SettledMemory, type PastPayment, type SettledRule } from "../memory";
import { restoreEstimator, type Estimator, type EstimatorState, type Term } from "../estimators";
import { FEATURE_VERSION, FeatureExtractor, LabelMemory } from "../features";
import { argMax, type Example, type LabelledExample } from "../types";
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
  settled: SettledMemory;
  settledRule: SettledRule | undefined;
  calibration: Calibration;
  threshold: number;
  past: PastPayments;
}

/** Probabilities over the categories that may be suggested, with a calibrated confidence for the first. */
export interface ScoredExample {
  categories: readonly Id[];
  probabilities: Float32Array;
  /** Position of the best category, -1 when there is none. */
  best: number;
  confidence: number;
}

/** Revealed labels kept to follow the calibration of a model that goes on learning. */
const RECENT = 2_000;
const RECALIBRATE_EVERY = 100;

/** A model that can answer, explain, go on learning, and be written down. */
export class TrainedModel {
  readonly info: ModelInfo;
  readonly estimator: Estimator;
  calibration: Calibration;
  /** Confidence below which it abstains. */
  threshold: number;
  private readonly extractor = new FeatureExtractor();
  private readonly numbers = new Map<Id, number>();
  private readonly recent: { p: number; right: number }[] = [];
  private revealed = 0;

  constructor(private readonly parts: ModelParts) {
    this.info = parts.info;
    this.estimator = parts.estimator;
    this.calibration = parts.calibration;
    this.threshold = parts.threshold;
  }

  get settledRule(): SettledRule | undefined {
    return this.parts.settledRule;
  }

  /**
   * Score one example.
   * @param allowed categories that still exist; the others get nothing and the rest is scaled to sum to 1
   */
  score(example: Example, allowed?: ReadonlySet<Id>): ScoredExample {
    const { categories, probabilities } = this.estimator.predict(example);
    if (allowed) restrict(categories, probabilities, allowed);
    const best = argMax(probabilities);
    const found = best >= 0 && probabilities[best]! > 0;
    return {
      categories,
      probabilities,
      best: found ? best : -1,
      confidence: found ? calibrate(this.calibration, probabilities[best]!) : 0,
    };
  }

  /** What memory alone answers, where it may. */
  settledAnswer(
    example: Example,
    allowed?: ReadonlySet<Id>,
  ): { categoryId: Id; seen: number; confidence: number } | undefined {
    const rule = this.parts.settledRule;
    if (!rule) return undefined;
    const found = this.parts.settled.look(example);
    if (!found || found.seen < rule.minSeen) return undefined;
    const categoryId = this.estimator.categories[found.category]!;
    if (allowed && !allowed.has(categoryId)) return undefined;
    return { categoryId, seen: found.seen, confidence: rule.confidence };
  }

  /** The labelled payments most like this one. */
  nearest(example: Example, limit = 3): PastPayment[] {
    return this.parts.past.nearest(example, this.extractor.cleanName(example), limit);
  }

  /** The terms that speak most for a category. */
  terms(example: Example, category: Id, limit = 5): Term[] {
    return this.estimator.explain(example, category, limit);
  }

  /** One label, learned at once by everything that learns; calibration and threshold follow what is revealed. */
  learn(example: Example, label: Id): void {
    const { categories, probabilities, best } = this.score(example);
    if (best >= 0) {
      this.recent.push({ p: probabilities[best]!, right: categories[best] === label ? 1 : 0 });
      if (this.recent.length > RECENT) this.recent.shift();
      if (++this.revealed % RECALIBRATE_EVERY === 0) this.recalibrate();
    }
    this.estimator.update(example, label);
    this.witness(example, label);
  }

  /** Learn many in the order of time without following the calibration: training does this. */
  fit(examples: readonly LabelledExample[], options?: Parameters<Estimator["fit"]>[1]): void {
    this.estimator.fit(examples, options);
    for (const example of examples) this.witness(example, example.label);
  }

  /** The model as bytes; equal models are equal bytes. */
  encode(): Uint8Array {
    const state = this.estimator.serialise();
    const settled = this.parts.settled.memory.serialise();
    const arrays: EstimatorState["arrays"] = { "settled.keys": settled.keys, "settled.slots": settled.slots };
    for (const [name, array] of Object.entries(state.arrays)) arrays[`estimator.${name}`] = array;
    const meta = {
      info: this.info,
      estimator: state.meta,
      settledRule: this.parts.settledRule ?? null,
      calibration: this.calibration,
      threshold: this.threshold,
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
      settledRule: SettledRule | null;
      calibration: Calibration;
      threshold: number;
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
    const memory = LabelMemory.restore(
      arrays["settled.keys"] as Uint32Array,
      arrays["settled.slots"] as Uint16Array,
    );
    yield;
    const estimator = yield* restoreEstimator(stored.info.estimator, { meta: stored.estimator, arrays: own });
    yield;
    const past = yield* PastPayments.restore(stored.past);
    yield;
    return new TrainedModel({
      info: stored.info,
      estimator,
      settled: new SettledMemory(new FeatureExtractor(), memory),
      settledRule: stored.settledRule ?? undefined,
      calibration: stored.calibration,
      threshold: stored.threshold,
      past,
    });
  }

  private witness(example: Example, label: Id): void {
    let number = this.numbers.get(label);
    if (number === undefined) this.numbers.set(label, (number = this.estimator.categories.indexOf(label)));
    this.parts.settled.learn(example, number);
    this.parts.past.add(example, this.extractor.cleanName(example), label);
  }

  private recalibrate(): void {
    const right = this.recent.map((row) => row.right);
    this.calibration = fitCalibration(
      this.recent.map((row) => row.p),
      right,
      this.parts.calibration,
    );
    if (this.recent.length < RECENT / 4) return;
    const confidences = this.recent.map((row) => calibrate(this.calibration, row.p));
    this.threshold = chooseThreshold(confidences, right, this.info.targetPrecision);
  }
}

function restrict(categories: readonly Id[], probabilities: Float32Array, allowed: ReadonlySet<Id>): void {
  let sum = 0;
  for (let c = 0; c < categories.length; c++) {
    if (allowed.has(categories[c]!)) sum += probabilities[c]!;
    else probabilities[c] = 0;
  }
  if (sum > 0) for (let c = 0; c < categories.length; c++) probabilities[c]! /= sum;
}
