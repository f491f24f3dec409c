import { driftStates, runs, type DriftLook, type DriftState, type Store } from "../store";
import type { Id, Instant } from "../values";

const DAY_MS = 86_400_000;
/** A retraining that was asked for and never ran is asked for again after this long, so many times in all. */
const AGAIN_MS = DAY_MS;
const TRIES = 3;

export interface EpisodeOptions {
  /** This many alerts at one look make drift. */
  alerts: number;
  /** Days between the beginnings of two episodes. */
  cooldownDays: number;
}

/** How many payments there were to look at. */
export type Sizes = Pick<DriftState, "recent" | "compared" | "needed">;

export async function readState(store: Store, budgetId: Id): Promise<DriftState | undefined> {
  return store.collection(driftStates).get(budgetId);
}

/**
 * Act upon the newest look. An episode of drift begins at a look with enough alerts and ends at one without any; in each a
 * retraining is asked for once. Of several who act upon one look at once, one wins, by a conditional update; a look that was
 * acted upon changes nothing. Should the retraining not have run a day later (a crash came between the state and the
 * message, or it failed), it is asked for again, three times in all.
 * @param look the newest there is, undefined while there is none
 * @param say what came of it in words, kept with the state
 * @returns is it this caller who asks for a retraining?
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function actUpon(
  store: Store,
  budgetId: Id,
  look: DriftLook | undefined,
  sizes: Sizes,
  options: EpisodeOptions,
  now: Instant,
  say: (ask: boolean) => string,
): Promise<{ ask: boolean; state: DriftState; text: string }> {
  const collection = store.collection(driftStates);
  await collection.insertMissing([{ id: budgetId, at: now, drifting: false, ...sizes }]);
  const state = (await collection.get(budgetId))!;
  const { set, ask } = await next(store, state, look, options, now);
  const { lookId, drifting, askedAt, tries } = state;
  const { updatedIds } = await collection.updateMany([
    {
      id: budgetId,
      expected: { lookId: lookId ?? null, drifting, askedAt: askedAt ?? null, tries: tries ?? null },
      set: { at: now, text: say(ask), ...sizes, ...set },
    },
  ]);
  const won = updatedIds.length === 1;
  const after = won ? { ...state, ...sizes, ...set } : (await collection.get(budgetId))!;
  return { ask: ask && won, state: after, text: say(ask && won) };
}

async function next(
  store: Store,
  state: DriftState,
  look: DriftLook | undefined,
  { alerts, cooldownDays }: EpisodeOptions,
  now: Instant,
): Promise<{ set: Partial<DriftState>; ask: boolean }> {
  const since = (at: Instant | undefined) => (at ? Date.parse(now) - Date.parse(at) : Infinity);
  if (look && look.id !== state.lookId) {
    if (look.alerts >= alerts && !state.drifting && since(state.askedAt) >= cooldownDays * DAY_MS) {
      const set = { lookId: look.id, drifting: true, askedAt: now, tries: 1, triedAt: now };
      return { set, ask: true };
    }
    if (look.alerts === 0 && state.drifting) return { set: { lookId: look.id, drifting: false }, ask: false };
  }
  const again =
    state.drifting &&
    state.askedAt !== undefined &&
    (state.tries ?? 0) < TRIES &&
    since(state.triedAt) >= AGAIN_MS &&
    !(await trainedSince(store, state.askedAt));
  return {
    set: {
      ...(look ? { lookId: look.id } : {}),
      ...(again ? { tries: (state.tries ?? 0) + 1, triedAt: now } : {}),
    },
    ask: again,
  };
}

/** Did a run with a training in it end since? */
async function trainedSince(store: Store, at: Instant): Promise<boolean> {
  for await (const run of store.collection(runs).scan({ index: "byStart", from: at }))
    if (Object.keys(run.counts).some((count) => count.startsWith("train."))) return true;
  return false;
}
