import { payments, reviews, type Store } from "../../store";
import { runInTurns, type Id, type Instant } from "../../values";
import { TrainedModel } from "../model";
import { loadArtifact, modelName, resolveAlias } from "../registry";
import { exampleOf } from "./labels";

export interface LiveModel {
  version: string;
  model: TrainedModel;
}

interface Held extends LiveModel {
  /** Reviews up to here are learned; those of this very instant by id. */
  learnedUntil: Instant;
  learnedIds: Set<Id>;
}

const held = new WeakMap<Store, Map<string, Promise<Held>>>();

/**
 * The model in production of a budget, loaded once for each version: when the alias moves, the next call serves the
 * new one. What people decided in review since it was trained is learned on the way, so that a correction counts at
 * once. Undefined when nothing is in production.
 *
 * @throws TallyError MODEL_MISSING when the stored bytes are gone or damaged
 */
export async function liveModel(store: Store, budgetId: Id): Promise<LiveModel | undefined> {
  const name = modelName(budgetId);
  const version = await resolveAlias(store, name, "production");
  if (version === undefined) return undefined;
  let models = held.get(store);
  if (!models) held.set(store, (models = new Map()));
  let loading = models.get(name);
  const present = await loading?.catch(() => undefined);
  if (present?.version !== version && models.get(name) === loading) {
    loading = load(store, name, version);
    models.set(name, loading);
    loading.catch(() => models.delete(name));
  }
  const live = await models.get(name)!;
  await learnReviews(store, budgetId, live);
  return live;
}

async function load(store: Store, name: string, version: string): Promise<Held> {
  const { version: stored, bytes } = await loadArtifact(store, name, version);
  return {
    version,
    model: await runInTurns(TrainedModel.decoding(bytes)),
    learnedUntil: stored.createdAt,
    learnedIds: new Set(),
  };
}

async function learnReviews(store: Store, budgetId: Id, live: Held): Promise<void> {
  const range = { index: "byBudget", equals: [budgetId], from: live.learnedUntil };
  for await (const review of store.collection(reviews).scan(range)) {
    if (review.at === live.learnedUntil && live.learnedIds.has(review.id)) continue;
    const payment = await store.collection(payments).get(review.paymentId);
    if (review.at !== live.learnedUntil) live.learnedIds.clear();
    live.learnedUntil = review.at;
    live.learnedIds.add(review.id);
    if (payment) live.model.learn(exampleOf(payment), review.chosenCategoryId);
  }
}
