import type { Counts, StepContext } from "../runs";
import { driftLooks, type DriftLook, type DriftReading, type Store } from "../store";
import { contentHash, runInTurns, TallyError, type Id } from "../values";
import { actUpon, readState, type EpisodeOptions } from "./episode";
import { readingsOf, type ReadingOptions, type Seen } from "./readings";
import { promotedAfter, readWindows, type WindowSizes, type Windows } from "./windows";
import { driftText } from "./words";

export interface DriftStepOptions extends WindowSizes, EpisodeOptions, Pick<ReadingOptions, "falseAlarms"> {
  budgetId: Id;
  /** Looks that are kept. */
  keep: number;
}

export interface DriftSummary {
  budgetId: Id;
  /** Was a look taken now? Else `readings` are those of the last one. */
  looked: boolean;
  /** Is a retraining to begin, by the word of this call? */
  retrain: boolean;
  drifting: boolean;
  readings: DriftReading[];
  /** The outcome in words. */
  text: string;
  counts: Counts;
}

/** Of the recent payments this share has to be new, or newly judged, for another look: the same ones are not judged twice. */
const FRESH = 0.5;

/**
 * Look at the payments that came since the model in production was measured: does it still know what comes in? A look is
 * stored once enough is new since the last one; at several alerts a retraining is asked for, once in an episode.
 * @throws TallyError CANCELLED, STORE_*
 */
export async function driftStep(ctx: StepContext, options: DriftStepOptions): Promise<DriftSummary> {
  const { store } = ctx;
  const { budgetId, minimum } = options;
  const askedAt = (await readState(store, budgetId))?.askedAt;
  const since = askedAt === undefined ? undefined : await promotedAfter(store, budgetId, askedAt);
  if (ctx.signal.aborted) throw stopped();
  const windows = await readWindows(store, budgetId, options, ctx.now(), since, ctx.signal).catch(
    (error: unknown) => {
      throw ctx.signal.aborted ? stopped() : error;
    },
  );
  const sizes = {
    recent: windows?.recent.length ?? 0,
    compared: windows?.compared.length ?? 0,
    needed: minimum,
  };
  const last = await lastLook(store, budgetId);
  const enough = Math.min(sizes.recent, sizes.compared) >= minimum;
  let look: DriftLook | undefined;
  if (windows && enough && isFresh(windows, last)) {
    look = await lookAt(ctx, windows, options);
    const { inserted } = await store.collection(driftLooks).insertMissing([look]);
    if (inserted > 0) {
      await retain(store, budgetId, options.keep);
      if (look.alerts > 0) await ctx.emit("drift.alert", budgetId, eventOf(look));
    }
  }
  const newest = look ?? last;
  const { ask, state, text } = await actUpon(store, budgetId, newest, sizes, options, ctx.now(), (asks) =>
    driftText({ model: windows !== undefined, sizes, look, ask: asks, alertsNeeded: options.alerts }),
  );
  if (ask && newest) await ctx.emit("drift.retrain", budgetId, eventOf(newest));
  const alerts = look?.alerts ?? 0;
  if (alerts > 0) ctx.log("warn", text);
  return {
    budgetId,
    looked: look !== undefined,
    retrain: ask,
    drifting: state.drifting,
    readings: newest?.readings ?? [],
    text,
    counts: { looked: look ? 1 : 0, alerts, retrain: ask ? 1 : 0 },
  };
}

async function lookAt(ctx: StepContext, windows: Windows, options: DriftStepOptions): Promise<DriftLook> {
  const { recent, compared, version } = windows;
  const { budgetId, falseAlarms, minimum } = options;
  const key = contentHash([version, falseAlarms, minimum, compared, recent]);
  // By what is looked at, so that two who look at the same draw the same.
  const seed = parseInt(key.slice(0, 8), 16);
  const readings = await runInTurns(readingsOf(recent, compared, { falseAlarms, minimum, seed }));
  return {
    id: `${budgetId}|${key}`,
    budgetId,
    at: ctx.now(),
    version,
    recent: spanOf(recent),
    reference: spanOf(compared),
    readings,
    alerts: readings.filter(({ state }) => state === "alert").length,
  };
}

function spanOf(rows: readonly Seen[]): DriftLook["recent"] {
  const times = rows.map(({ at }) => at).sort();
  return { from: times[0]!, to: times.at(-1)!, payments: rows.length };
}

function isFresh({ recent }: Windows, last: DriftLook | undefined): boolean {
  if (!last) return true;
  const judged = last.readings.find(({ signal }) => signal === "override")?.recent ?? 0;
  const news = recent.filter(({ at }) => at > last.recent.to).length;
  const heard = recent.filter(({ right, answered }) => right !== null && answered !== null).length - judged;
  return news + Math.max(0, heard) >= recent.length * FRESH;
}

/** The newest look at a budget's model, if any. */
export async function lastLook(store: Store, budgetId: Id): Promise<DriftLook | undefined> {
  const page = await store
    .collection(driftLooks)
    .find({ index: "byBudget", equals: [budgetId], order: "desc", limit: 1 });
  return page.items[0];
}

async function retain(store: Store, budgetId: Id, keep: number): Promise<void> {
  const looks = store.collection(driftLooks);
  const query = { index: "byBudget", equals: [budgetId] };
  const excess = (await looks.count(query)) - keep;
  if (excess <= 0) return;
  const { items } = await looks.find({ ...query, limit: excess });
  await looks.deleteMany(items.map(({ id }) => id));
}

function eventOf(look: DriftLook): Record<string, unknown> {
  const { id, version, alerts, readings } = look;
  return { look: id, version, alerts, readings: readings.filter(({ state }) => state === "alert") };
}

function stopped(): TallyError {
  return new TallyError("CANCELLED", "The look at the model was stopped; the next run takes it.", {
    retryable: true,
  });
}
