import { models, modelVersions, type Store } from "../../store";
import { oneAtATime, runInTurns, takeTurn, turnDue, type Id, type Instant } from "../../values";
import { TrainedModel } from "../model";
import { daysBefore, loadArtifact, modelName, type Alias } from "../registry";
import { isFirst, trainFirst } from "../training";
import { arrivals, type Arrival, type Marks } from "./arrivals";
import { exampleOf } from "./labels";

export interface LiveModel {
  version: string;
  model: TrainedModel;
}

interface Held extends LiveModel {
  /** The labels of this instant were learned by training. */
  trainedAt: Instant;
  /** How far it has learned what people said since. */
  marks: Marks;
  /** Learn what people said up to now. One reading at a time: two would both learn what neither had seen. */
  catchUp(): Promise<void>;
}

/** Stands for the version in ids and items while there is none. */
export const NO_MODEL = "none";

/** Versions of one model kept in memory: the one in production, and others that somebody asks for by name. */
const KEPT = 3;
/** A decision of so many days before the training may not have been in the budget yet: longer ones did not get there. */
const ON_THE_WAY_DAYS = 31;
/** Before every review. */
const START: Instant = "1970-01-01T00:00:00.000Z";
const ALIASES: readonly Alias[] = ["production", "candidate", "previous"];

/** Store -> model name -> version, the one used last at the end. */
const held = new WeakMap<Store, Map<string, Map<string, Promise<Held>>>>();

/**
 * A model of a budget's categories, by default the one in production, loaded once for each version: when the alias
 * moves, the next call serves the new one. What people said since it was trained, in review or in the budget, is learned
 * on the way, so that an approval or a correction counts at once: what was stored before the call is always learned, and
 * once. What is undone or deleted later is unlearned when the model is loaded next ({@link releaseModel}), or trained.
 *
 * @param wanted an alias, or a version
 * @returns undefined when the alias points at nothing, or there is no such version
 * @throws TallyError MODEL_MISSING when the stored bytes are gone or damaged
 */
export async function liveModel(
  store: Store,
  budgetId: Id,
  wanted = "production",
): Promise<LiveModel | undefined> {
  const name = modelName(budgetId);
  const aliases = (await store.collection(models).get(name))?.aliases;
  if (!aliases) return undefined;
  const alias = ALIASES.find((one) => one === wanted);
  const version = alias ? aliases[alias] : wanted;
  if (version === undefined) return undefined;
  // An old version may have been removed since it was loaded; one that an alias points at never is.
  const pointedAt = ALIASES.some((one) => aliases[one] === version);
  if (!pointedAt && !(await store.collection(modelVersions).get(`${name}@${version}`))) return undefined;
  const live = await heldVersion(store, budgetId, version, version === aliases.production);
  await live.catchUp();
  return live;
}

/**
 * The model that people are given suggestions by: {@link liveModel} in production or, until a training made one, the
 * first labels that were given in review.
 * @returns undefined while nobody has decided anything
 * @throws TallyError MODEL_MISSING when the stored bytes are gone or damaged
 */
export async function suggestingModel(store: Store, budgetId: Id): Promise<LiveModel | undefined> {
  const live = await liveModel(store, budgetId);
  if (live) return live;
  const first = await heldVersion(store, budgetId, NO_MODEL, false);
  await first.catchUp();
  return first.model.estimator.categories.length > 0 ? first : undefined;
}

/** Let go of what is in memory of a budget's model; the next call loads it again. */
export function releaseModel(store: Store, budgetId: Id): void {
  held.get(store)?.delete(modelName(budgetId));
}

function heldVersion(store: Store, budgetId: Id, version: string, inProduction: boolean): Promise<Held> {
  const name = modelName(budgetId);
  const names = held.get(store) ?? new Map<string, Map<string, Promise<Held>>>();
  held.set(store, names);
  const versions = names.get(name) ?? new Map<string, Promise<Held>>();
  names.set(name, versions);
  let loading = versions.get(version);
  if (!loading) {
    // After a promotion nobody asks for what was in production before, until somebody does so by name.
    if (inProduction) versions.clear();
    const opening = load(store, budgetId, version);
    opening.catch(() => {
      if (versions.get(version) === opening) versions.delete(version);
    });
    loading = opening;
  }
  versions.delete(version);
  versions.set(version, loading);
  for (const [oldest] of versions) {
    if (versions.size <= KEPT) break;
    versions.delete(oldest);
  }
  return loading;
}

async function load(store: Store, budgetId: Id, version: string): Promise<Held> {
  // What the budget holds is learned by the training that follows its being read.
  if (version === NO_MODEL)
    return learning(store, budgetId, {
      version,
      model: trainFirst([], {}).model,
      trainedAt: START,
      reviewsFrom: START,
      budgetFrom: new Date().toISOString(),
    });
  const { version: stored, bytes } = await loadArtifact(store, modelName(budgetId), version);
  const model = await runInTurns(TrainedModel.decoding(bytes));
  const trainedAt = stored.asOf ?? stored.createdAt;
  // Of first labels each counts, however long it has been on its way to the budget.
  const all = isFirst(model) && !stored.asOf;
  const reviewsFrom = all ? START : daysBefore(trainedAt, ON_THE_WAY_DAYS);
  return learning(store, budgetId, { version, model, trainedAt, reviewsFrom, budgetFrom: trainedAt });
}

/** @param of `reviewsFrom` and `budgetFrom`: since when what people said is to be learned */
function learning(
  store: Store,
  budgetId: Id,
  of: LiveModel & { trainedAt: Instant; reviewsFrom: Instant; budgetFrom: Instant },
): Held {
  const { version, model, trainedAt, reviewsFrom, budgetFrom } = of;
  const live: Held = {
    version,
    model,
    trainedAt,
    marks: {
      reviews: { at: reviewsFrom, ids: new Set() },
      transactions: { at: budgetFrom, ids: new Set() },
      matches: { at: budgetFrom, ids: new Set() },
    },
    catchUp: oneAtATime(() => learnNews(store, budgetId, live)),
  };
  return live;
}

async function learnNews(store: Store, budgetId: Id, live: Held): Promise<void> {
  for await (const arrival of arrivals(store, budgetId, live.marks, live.trainedAt)) {
    if (turnDue()) await takeTurn();
    teach(live, arrival);
  }
}

/** Once for each payment and category; another category than the last one is a correction. */
function teach({ model, trainedAt }: Held, { at, by, payment, label }: Arrival): void {
  if (!payment || label === undefined) return;
  // What a pending payment taught holds for the booked one that settles it.
  const known =
    model.labelOf(payment.id) ?? (payment.settles === undefined ? undefined : model.labelOf(payment.settles));
  if (known === label) return;
  // The training read the budget after that decision: what it found there stands.
  if (known !== undefined && by === "review" && at <= trainedAt) return;
  model.learn(exampleOf(payment), label);
}
