import type { Counts, StepContext } from "../../runs";
import { modelVersions, type ModelVersion } from "../../store";
import type { Id, Json } from "../../values";
import type { GateResult } from "../gate";
import {
  loadArtifact,
  modelName,
  promote,
  resolveAlias,
  retain,
  saveVersion,
  setCandidate,
} from "../registry";
import { FEATURE_VERSION } from "../features";
import { trainInWorker } from "../training";
import type { LabelledExample } from "../types";
import { labelsOf } from "./labels";

export interface TrainStepOptions {
  budgetId: Id;
  /** Of what is answered, this share is to be right; .95 when absent. */
  targetPrecision?: number;
  /** Estimators that compete; all when absent. */
  estimators?: readonly string[];
  seed?: number;
  /** Put the new version into production when it passes the gate; true when absent. */
  promote?: boolean;
  /** Versions kept besides those that an alias points at; 10 when absent. */
  keep?: number;
}

export interface TrainSummary {
  version: string;
  estimator: string;
  examples: number;
  categories: number;
  accuracy: number;
  macroF1: number;
  coverage: number;
  precisionAtThreshold: number;
  ece: number;
  threshold: number;
  seconds: number;
  promoted: boolean;
  gate: GateResult | undefined;
  reason: string;
  counts: Counts;
}

/**
 * Train on the labels of a budget as of now, in a worker thread; store the version, gate it against the one in
 * production, and promote it when it passes. The same labels give the same version: training again changes nothing.
 *
 * @throws TallyError TRAINING_DATA_TOO_SMALL, CANCELLED, STORE_*
 */
export async function trainStep(ctx: StepContext, options: TrainStepOptions): Promise<TrainSummary> {
  const { store } = ctx;
  const model = modelName(options.budgetId);
  // Labels given while it trains are newer than this and are learned by the live model.
  const createdAt = ctx.now();
  const present = await resolveAlias(store, model, "production");
  const production = present === undefined ? undefined : await servable(ctx, model, present);
  let labels = 0;
  const counted = async function* (): AsyncIterable<LabelledExample> {
    for await (const label of labelsOf(store, options.budgetId)) {
      labels++;
      yield label;
    }
  };
  const trained = await trainInWorker(counted(), {
    signal: ctx.signal,
    progress: (done, total, what) => ctx.progress(done, total, what),
    ...(production && { production }),
    ...(options.targetPrecision !== undefined && { targetPrecision: options.targetPrecision }),
    ...(options.estimators && { estimators: options.estimators }),
    ...(options.seed !== undefined && { seed: options.seed }),
  });
  const { info, threshold, gate } = trained;
  const version = trained.sha256.slice(0, 16);
  const known = await store.collection(modelVersions).get(`${model}@${version}`);
  if (!known) {
    const draft: Omit<ModelVersion, "id" | "artifact"> = {
      model,
      version,
      createdAt,
      estimator: info.estimator,
      parameters: { ...info.parameters, seed: info.seed, targetPrecision: info.targetPrecision },
      featureVersion: info.featureVersion,
      dataHash: info.dataHash,
      codeVersion: info.codeVersion,
      trainedOn: info.trainedOn,
      metrics: { ...info.metrics, gate, trainSeconds: trained.seconds } as unknown as Json,
      threshold,
    };
    await saveVersion(store, draft, trained.artifact);
  }
  const same = version === present;
  const mayPromote = gate.promote && options.promote !== false;
  if (!same) {
    await setCandidate(store, model, version, ctx.now(), "trained");
    if (mayPromote) await promote(store, model, version, ctx.now(), gate.reason);
  }
  const removed = await retain(store, model, options.keep ?? 10);
  const promoted = !same && mayPromote;
  const reason = same ? "Nothing new was learned: the same model is in production already." : gate.reason;
  ctx.log("info", `Model ${version} (${info.estimator}) trained on ${labels} labels. ${reason}`);
  await ctx.emit(promoted ? "model.promoted" : "model.trained", model, {
    version,
    estimator: info.estimator,
    reason,
  });
  const { accuracy, macroF1, coverage, precisionAtThreshold, ece } = info.metrics;
  return {
    version,
    estimator: info.estimator,
    examples: labels,
    categories: info.trainedOn.categories.length,
    accuracy,
    macroF1,
    coverage,
    precisionAtThreshold,
    ece,
    threshold,
    seconds: trained.seconds,
    promoted,
    gate: same ? undefined : gate,
    reason,
    counts: { labels, trained: known ? 0 : 1, promoted: promoted ? 1 : 0, removed: removed.length },
  };
}

/** The bytes in production, where this code can still serve them; a model of older features is simply replaced. */
async function servable(ctx: StepContext, model: string, version: string): Promise<Uint8Array | undefined> {
  const stored = await ctx.store.collection(modelVersions).get(`${model}@${version}`);
  if (stored && stored.featureVersion !== FEATURE_VERSION) {
    ctx.log("warn", `Model ${version} was made by another version of Tallyflow; the new one replaces it.`);
    return undefined;
  }
  return (await loadArtifact(ctx.store, model, version)).bytes;
}
