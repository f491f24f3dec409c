import type { StepContext } from "../../runs";
import { models, modelVersions, type Model, type ModelVersion, type Store } from "../../store";
import { runInTurns, TallyError, type CalendarDate, type Id, type Instant } from "../../values";
import type { CategoryMetrics, CurvePoint } from "../calibration";
import { TrainedModel, type ModelMetrics } from "../model";
import type { GateResult } from "../gate";
import { budgetOf, loadArtifact, modelName, promote, rollback, wasRolledBack, type Alias } from "../registry";
import { shadowReports, type ShadowReport } from "./shadowReport";

/** What people do with versions: look at them, compare two, put one into production, go back. */

const ALIASES: readonly Alias[] = ["production", "candidate", "previous"];

type Scores = "accuracy" | "macroF1" | "coverage" | "precisionAtThreshold" | "ece";

/** A version as people look at it. Shares are 0 to 1. */
export interface VersionRow extends Record<Scores, number | null> {
  model: string;
  budgetId: Id;
  version: string;
  /** What points at it. */
  aliases: Alias[];
  createdAt: Instant;
  /** The past instant whose labels it learned, or null for those of when it was made. */
  asOf: Instant | null;
  estimator: string;
  /** Labels that it learned, and their first and last day. */
  examples: number;
  from: CalendarDate;
  to: CalendarDate;
  categories: number;
  threshold: number;
  /** Labels that were held back to score it, or null where none were. */
  scoredOn: number | null;
  /** What always giving the most frequent category would have scored. */
  majority: number | null;
  trainSeconds: number | null;
  /** What the gate made of it when it was trained, and why. */
  verdict: string | null;
  reason: string | null;
  /** From what it was made. */
  dataHash: string;
  codeVersion: string;
  parameters: ModelVersion["parameters"];
  /** When it was last put into production, by whose word and why; null when it never was. */
  promoted: { at: Instant; reason: string } | null;
  /** Somebody went back from it, and nobody put it into production since. */
  rolledBack: boolean;
  /** Beside each version that was in production while it was the candidate. */
  shadow: ShadowReport[];
}

export interface Comparison {
  version: VersionRow;
  other: VersionRow;
  /** On the same live payments: `version` beside `other`, or null when the one never was the other's candidate. */
  shadow: ShadowReport | null;
  /** For people. */
  text: string;
}

/** The budgets that have a model. */
export async function budgetsWithModels(store: Store): Promise<Id[]> {
  const found: Id[] = [];
  for await (const { id } of store.collection(models).scan({ index: "id" })) {
    const budgetId = budgetOf(id);
    if (budgetId !== undefined) found.push(budgetId);
  }
  return found;
}

/** The newest versions of a budget's model, newest first. */
export async function versionRows(store: Store, budgetId: Id, limit = 10): Promise<VersionRow[]> {
  const name = modelName(budgetId);
  const model = await store.collection(models).get(name);
  const { items } = await store
    .collection(modelVersions)
    .find({ index: "byModel", equals: [name], order: "desc", limit });
  const listed = new Set(items.map(({ version }) => version));
  // What an alias points at is shown however old it is.
  const older = [...new Set(Object.values(model?.aliases ?? {}))].filter((version) => !listed.has(version));
  const more = await store.collection(modelVersions).getMany(older.map((version) => `${name}@${version}`));
  const rows: VersionRow[] = [];
  for (const version of [...items, ...more]) rows.push(await rowOf(store, budgetId, model, version));
  return rows;
}

/**
 * What a training measured on labels that it held back: the curve, and each category.
 * @param wanted a version, or an alias
 * @returns undefined when there is no such version
 */
export async function versionScores(
  store: Store,
  budgetId: Id,
  wanted: string,
): Promise<
  | { version: string; curve: readonly CurvePoint[]; perCategory: readonly CategoryMetrics[]; rows: number }
  | undefined
> {
  const model = await store.collection(models).get(modelName(budgetId));
  const found = await storedVersion(store, budgetId, model, wanted);
  if (!found) return undefined;
  const { curve = [], perCategory = [], rows = 0 } = scoresOf(found);
  return { version: found.version, curve, perCategory, rows };
}

/**
 * Two versions beside each other. Their own scores come from the payments that each training held out, which need not
 * be the same; the shadow's come from the same payments.
 * @param wanted and `beside`: versions, or aliases
 * @throws TallyError MODEL_MISSING
 */
export async function compareVersions(
  store: Store,
  budgetId: Id,
  wanted: string,
  beside: string,
): Promise<Comparison> {
  const model = await store.collection(models).get(modelName(budgetId));
  const [version, other] = [
    await rowOf(store, budgetId, model, await stored(store, budgetId, model, wanted)),
    await rowOf(store, budgetId, model, await stored(store, budgetId, model, beside)),
  ];
  const shadow = version.shadow.find(({ against }) => against === other.version) ?? null;
  return { version, other, shadow, text: textOf(version, other, shadow) };
}

/**
 * Put a version into production by hand. It is read first: what cannot be served is not promoted. The next
 * classification uses it.
 * @param wanted a version, or an alias
 * @returns false when it is there already
 * @throws TallyError MODEL_MISSING when it is not stored, damaged, or made by another version of Tallyflow
 */
export async function promoteByHand(
  ctx: StepContext,
  budgetId: Id,
  wanted: string,
  reason: string,
): Promise<{ version: string; changed: boolean }> {
  const name = modelName(budgetId);
  const model = await ctx.store.collection(models).get(name);
  const { version, estimator } = await stored(ctx.store, budgetId, model, wanted);
  if (model?.aliases.production === version) return { version, changed: false };
  await readable(ctx.store, name, version);
  await promote(ctx.store, name, version, ctx.now(), reason);
  await ctx.emit("model.promoted", name, { version, estimator, reason });
  return { version, changed: true };
}

/**
 * Go back to the version that was in production before. It is read first.
 * @throws TallyError MODEL_MISSING when there is none, or it cannot be served
 */
export async function rollBackByHand(
  ctx: StepContext,
  budgetId: Id,
  reason: string,
): Promise<{ version: string; from: string | undefined }> {
  const name = modelName(budgetId);
  const { previous, production } = (await ctx.store.collection(models).get(name))?.aliases ?? {};
  if (previous !== undefined) await readable(ctx.store, name, previous);
  const { aliases } = await rollback(ctx.store, name, ctx.now(), reason);
  const version = aliases.production!;
  await ctx.emit("model.rolled-back", name, { version, from: production ?? null, reason });
  return { version, from: production };
}

async function stored(
  store: Store,
  budgetId: Id,
  model: Model | undefined,
  wanted: string,
): Promise<ModelVersion> {
  const found = await storedVersion(store, budgetId, model, wanted);
  if (found) return found;
  const message = isAlias(wanted)
    ? `The model has no version with the alias ${wanted}. List the versions, and name one.`
    : `The model has no version ${wanted}. List the versions, and name one of them or an alias.`;
  throw new TallyError("MODEL_MISSING", message, { details: { budgetId, version: wanted } });
}

async function storedVersion(
  store: Store,
  budgetId: Id,
  model: Model | undefined,
  wanted: string,
): Promise<ModelVersion | undefined> {
  const version = isAlias(wanted) ? model?.aliases[wanted] : wanted;
  if (version === undefined) return undefined;
  return store.collection(modelVersions).get(`${modelName(budgetId)}@${version}`);
}

function isAlias(name: string): name is Alias {
  return ALIASES.some((one) => one === name);
}

async function readable(store: Store, model: string, version: string): Promise<void> {
  await runInTurns(TrainedModel.decoding((await loadArtifact(store, model, version)).bytes));
}

async function rowOf(
  store: Store,
  budgetId: Id,
  model: Model | undefined,
  version: ModelVersion,
): Promise<VersionRow> {
  const metrics = scoresOf(version);
  const promoted = model?.moves.findLast(
    (one) => one.alias === "production" && one.version === version.version,
  );
  return {
    model: version.model,
    budgetId,
    version: version.version,
    aliases: ALIASES.filter((alias) => model?.aliases[alias] === version.version),
    createdAt: version.createdAt,
    asOf: version.asOf ?? null,
    estimator: version.estimator,
    examples: version.trainedOn.examples,
    from: version.trainedOn.from,
    to: version.trainedOn.to,
    categories: version.trainedOn.categories.length,
    scoredOn: metrics.rows ?? null,
    majority: metrics.majority ?? null,
    trainSeconds: metrics.trainSeconds ?? null,
    accuracy: metrics.accuracy ?? null,
    macroF1: metrics.macroF1 ?? null,
    coverage: metrics.coverage ?? null,
    precisionAtThreshold: metrics.precisionAtThreshold ?? null,
    ece: metrics.ece ?? null,
    threshold: version.threshold,
    verdict: metrics.gate?.verdict ?? null,
    reason: metrics.gate?.reason ?? null,
    dataHash: version.dataHash,
    codeVersion: version.codeVersion,
    parameters: version.parameters,
    promoted: promoted ? { at: promoted.at, reason: promoted.reason } : null,
    rolledBack: wasRolledBack(model, version.version),
    shadow: await shadowReports(store, budgetId, version.version),
  };
}

type Stored = Partial<ModelMetrics> & { gate?: GateResult; trainSeconds?: number };

function scoresOf({ metrics }: ModelVersion): Stored {
  return metrics as unknown as Stored;
}

function textOf(version: VersionRow, other: VersionRow, shadow: ShadowReport | null): string {
  const score = ({ accuracy, version: name }: VersionRow) =>
    `${name}: ${accuracy === null ? "no score" : `${percent(accuracy)} right`}`;
  const own = `When they were trained, each on payments that it had not seen: ${score(version)}, ${score(other)}.`;
  if (!shadow) return `${own} They did not meet on live payments.`;
  return `${own} ${shadowText(shadow, version.version, other.version)}`;
}

/**
 * How a version did beside another on live payments, in sentences.
 * @param own and `against`: what to call them
 */
export function shadowText(
  { payments, agreed, labelled }: ShadowReport,
  own: string,
  against: string,
): string {
  const met = `On ${payments} live payments they agreed on ${agreed}.`;
  if (labelled.payments === 0) return `${met} Nobody has given these a category yet.`;
  const { interval } = labelled;
  const difference = interval
    ? `The difference is between ${percent(interval.low)} and ${percent(interval.high)} (95 % interval).`
    : "That is too few to tell them apart.";
  return `${met} Of ${labelled.payments} that people have given a category since, ${own} was right on ${labelled.candidateRight} and ${against} on ${labelled.productionRight}. ${difference}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
