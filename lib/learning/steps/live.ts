import { models, modelVersions, payments, reviews, type Store } from "../../store";
import { oneAtATime, runInTurns, type Id, type Instant } from "../../values";
import { TrainedModel } from "../model";
import { loadArtifact, modelName, type Alias } from "../registry";
import { isFirst } from "../training";
import { exampleOf } from "./labels";

export interface LiveModel {
  version: string;
  model: TrainedModel;
}

interface Held extends LiveModel {
  createdAt: Instant;
  /** Reviews up to here are learned; those of this very instant by id. */
  learnedUntil: Instant;
  learnedIds: Set<Id>;
  /** Learn what people decided up to now. One scan at a time: two would both learn what neither had seen. */
  catchUp(): Promise<void>;
}

/** Versions of one model kept in memory: the one in production, and others that somebody asks for by name. */
const KEPT = 3;
/** Before every review. */
const START: Instant = "1970-01-01T00:00:00.000Z";
const ALIASES: readonly Alias[] = ["production", "candidate", "previous"];

/** Store -> model name -> version, the one used last at the end. */
const held = new WeakMap<Store, Map<string, Map<string, Promise<Held>>>>();

/**
 * A model of a budget's categories, by default the one in production, loaded once for each version: when the alias
 * moves, the next call serves the new one. What people decided in review since it was trained is learned on the way,
 * so that a correction counts at once; a review that was stored before the call is always learned, and never twice.
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
  const { version: stored, bytes } = await loadArtifact(store, modelName(budgetId), version);
  const model = await runInTurns(TrainedModel.decoding(bytes));
  const live: Held = {
    version,
    model,
    createdAt: stored.createdAt,
    // Of first labels each counts: also those from before the training that were not in the budget yet.
    learnedUntil: isFirst(model) && !stored.asOf ? START : (stored.asOf ?? stored.createdAt),
    learnedIds: new Set(),
    catchUp: oneAtATime(() => learnReviews(store, budgetId, live)),
  };
  return live;
}

async function learnReviews(store: Store, budgetId: Id, live: Held): Promise<void> {
  const range = { index: "byBudget", equals: [budgetId], from: live.learnedUntil };
  for await (const review of store.collection(reviews).scan(range)) {
    if (review.at === live.learnedUntil && live.learnedIds.has(review.id)) continue;
    const payment = await store.collection(payments).get(review.paymentId);
    if (review.at !== live.learnedUntil) live.learnedIds.clear();
    live.learnedUntil = review.at;
    live.learnedIds.add(review.id);
    const trainedOn = review.at <= live.createdAt && live.model.hasLearned(review.paymentId);
    if (payment && !trainedOn) live.model.learn(exampleOf(payment), review.chosenCategoryId);
  }
}
