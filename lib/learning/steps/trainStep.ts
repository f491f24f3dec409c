import type { Counts, StepContext } from "../../runs";
import { models, modelVersions, type ModelVersion } from "../../store";
import { TallyError, type Id, type Instant, type Json } from "../../values";
import type { GateResult } from "../gate";
import {
  loadArtifact,
  modelName,
  promote,
  resolveAlias,
  retain,
  saveVersion,
  setCandidate,
  wasRolledBack,
} from "../registry";
import { NETWORK } from "../estimators";
import { FEATURE_VERSION } from "../features";
import { trainInWorker } from "../training";
import type { LabelledExample } from "../types";
import { labelsOf } from "./labels";
import { labelsAsOf } from "./labelsAsOf";
import { retainShadows } from "./shadow";

export interface TrainStepOptions {
  budgetId: Id;
  /** Of what is answered, this share is to be right; .95 when absent. */
  targetPrecision?: number;
  /** Estimators that compete; when absent all but those that have to be asked for. */
  estimators?: readonly string[];
  /** Let a neural network compete as well; it needs TensorFlow.js, and without it the others compete alone. */
  network?: boolean;
  seed?: number;
  /** Put the new version into production when it passes the gate; true when absent. */
  promote?: boolean;
  /** Versions kept besides those that an alias points at; 10 when absent. */
  keep?: number;
  /**
   * Train on the labels as they were known at this past instant, from the history. Such a version is only kept: it
   * becomes neither candidate nor production by itself.
   */
  asOf?: string;
}

export interface TrainSummary {
  version: string;
  /** The very same version was stored already. */
  known: boolean;
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
  /** What did not go as asked, and what to do about it: a package that is not installed, say. */
  notes: string[];
  counts: Counts;
}

/**
 * Train on the labels of a budget as of now, in a worker thread; store the version, gate it against the one in
 * production, and promote it when it passes. The same labels give the same version: training again changes nothing. A
 * version that somebody went back from is promoted by nobody but a person.
 *
 * @throws TallyError TRAINING_DATA_TOO_SMALL, CANCELLED, STORE_*; with `asOf` CONFIG_INVALID, HISTORY_MISSING
 */
export async function trainStep(ctx: StepContext, options: TrainStepOptions): Promise<TrainSummary> {
  const { store } = ctx;
  const model = modelName(options.budgetId);
  // Labels given while it trains are newer than this and are learned by the live model.
  const createdAt = ctx.now();
  const present = await resolveAlias(store, model, "production");
  const past =
    options.asOf === undefined
      ? undefined
      : await labelsAsOf(store, options.budgetId, options.asOf, createdAt);
  if (past?.length === 0)
    throw new TallyError(
      "TRAINING_DATA_TOO_SMALL",
      `As of ${options.asOf} no payment had been given a category. Choose a later instant.`,
      { details: { labels: 0 } },
    );
  // What is in production may have learned what came after that instant: no rows are left to compare on.
  const production = present === undefined || past ? undefined : await servable(ctx, model, present);
  let labels = 0;
  const counted = async function* (): AsyncIterable<LabelledExample> {
    for await (const label of past ?? labelsOf(store, options.budgetId)) {
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
    ...(options.network && { also: [NETWORK] }),
    ...(options.seed !== undefined && { seed: options.seed }),
  });
  const { info, threshold, notes } = trained;
  for (const note of notes) ctx.log("warn", note);
  const asOf: Instant | undefined = options.asOf && new Date(options.asOf).toISOString();
  const gate = asOf === undefined ? trained.gate : keptOnly(trained.gate, asOf);
  const version = trained.sha256.slice(0, 16);
  const known = await store.collection(modelVersions).get(`${model}@${version}`);
  if (!known) {
    const draft: Omit<ModelVersion, "id" | "artifact"> = {
      model,
      version,
      createdAt,
      ...(asOf !== undefined && { asOf }),
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
  const refused = wasRolledBack(await store.collection(models).get(model), version);
  const mayPromote = gate.promote && options.promote !== false && !refused;
  if (!same && asOf === undefined) {
    await setCandidate(store, model, version, ctx.now(), "trained");
    if (mayPromote) await promote(store, model, version, ctx.now(), gate.reason);
  }
  await retainShadows(store, options.budgetId, ctx.now());
  const removed = await retain(store, model, options.keep ?? 10, ctx.now());
  const promoted = !same && mayPromote;
  const reason = reasonOf();
  ctx.log("info", `Model ${version} (${info.estimator}) trained on ${labels} labels. ${reason}`);
  // A household with few labels is trained every hour: the same version again is no news.
  if (promoted || !known)
    await ctx.emit(promoted ? "model.promoted" : "model.trained", model, {
      version,
      estimator: info.estimator,
      reason,
    });
  const { accuracy, macroF1, coverage, precisionAtThreshold, ece } = info.metrics;
  return {
    version,
    known: known !== undefined,
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
    notes,
    counts: { labels, trained: known ? 0 : 1, promoted: promoted ? 1 : 0, removed: removed.length },
  };

  function reasonOf(): string {
    if (asOf !== undefined && known)
      return `The labels as of ${asOf} give the version that was stored at ${known.createdAt}, byte for byte.`;
    if (same) return "Nothing new was learned: the same model is in production already.";
    if (refused && gate.promote)
      return "Not promoted: somebody went back from this very version. Promote it by hand, or give other labels.";
    return gate.reason;
  }
}

/** The scores of a version of the past, which is kept and no more. */
function keptOnly(gate: GateResult, asOf: Instant): GateResult {
  return {
    ...gate,
    promote: false,
    verdict: "as-of",
    reason: `Trained on the labels as of ${asOf}, and only kept: promote it by hand if you want it.`,
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
