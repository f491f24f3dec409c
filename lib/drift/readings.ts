import { seededRandom } from "../learning";
import type { DriftReading, DriftSignal } from "../store";
import type { Id, Instant } from "../values";
import { drawnMean, drawnMix, exactShare, mixDistance, type Null } from "./nulls";

/** A payment as the model saw it first, and what a person said of that. */
export interface Seen {
  paymentId: Id;
  at: Instant;
  /** Did the model answer? False when it abstained; null when it was not asked: a rule or a refund came before it. */
  answered: boolean | null;
  /** The most likely category, if any. */
  guess: Id | undefined;
  confidence: number;
  /** A counterparty that the model had not met; null when it was not asked. */
  novel: boolean | null;
  /** A person kept or gave the guessed category (true), or another (false); null while nobody said, and without a guess. */
  right: boolean | null;
}

export interface ReadingOptions {
  /** At least this many payments in each window, for a signal to be judged. */
  minimum: number;
  /** Chance that a look at payments among which nothing has changed gives an alert, 0 to 1. */
  falseAlarms: number;
  seed: number;
  /** How often what has no exact distribution is drawn; when absent, as often as the level asks for. */
  draws?: number;
}

export const SIGNALS = [
  "override",
  "abstention",
  "confidence",
  "calibration",
  "counterparties",
  "mix",
] as const satisfies readonly DriftSignal[];

/** A signal before it is known at which level it is judged. */
interface Drawn {
  signal: DriftSignal;
  value: number | null;
  reference: number | null;
  recent: number;
  compared: number;
  /** Undefined when there are too few. */
  null: Null | undefined;
  /** From the scale on which high is bad to that of the signal, and back. */
  flipped?: boolean;
  shifts?: DriftReading["shifts"];
}

/**
 * Compare the recent payments with earlier ones, signal by signal. The chance that any signal is an alert when nothing has
 * changed is at most `falseAlarms`, by Holm's step-down over the signals that have enough payments. Bounded work (draws
 * times the size of the recent window), which pauses.
 */
export function* readingsOf(
  recent: readonly Seen[],
  compared: readonly Seen[],
  options: ReadingOptions,
): Generator<void, DriftReading[]> {
  const random = seededRandom(options.seed);
  // Enough for the smallest level to be a matter of ten draws.
  const draws = options.draws ?? Math.max(1_999, Math.ceil((10 * SIGNALS.length) / options.falseAlarms) - 1);
  const enough = (a: number, b: number) => Math.min(a, b) >= options.minimum;
  const drawn: Drawn[] = [];

  const asked = (rows: readonly Seen[]) => rows.filter(({ answered }) => answered !== null);
  const judged = (rows: readonly Seen[]) => asked(rows).filter(({ right }) => right !== null);
  const guessed = (rows: readonly Seen[]) => asked(rows).filter(({ guess }) => guess !== undefined);

  const shares = (
    signal: DriftSignal,
    [ours, theirs]: [readonly Seen[], readonly Seen[]],
    hit: (row: Seen) => boolean,
    kinds: readonly ((row: Seen) => boolean)[] = [() => true],
  ): Drawn => ({
    signal,
    value: shareOf(ours, hit),
    reference: shareOf(theirs, hit),
    recent: ours.length,
    compared: theirs.length,
    null: enough(ours.length, theirs.length)
      ? exactShare(
          kinds.map((kind) => ({
            recent: ours.filter(kind).length,
            recentHits: ours.filter((row) => kind(row) && hit(row)).length,
            compared: theirs.filter(kind).length,
            comparedHits: theirs.filter((row) => kind(row) && hit(row)).length,
          })),
        )
      : undefined,
  });
  function* means(
    signal: DriftSignal,
    [ours, theirs]: [readonly Seen[], readonly Seen[]],
    valueOf: (row: Seen) => number,
    flipped: boolean,
    kinds: readonly ((row: Seen) => boolean)[] = [() => true],
  ): Generator<void, Drawn> {
    const bad = (row: Seen) => (flipped ? -valueOf(row) : valueOf(row));
    return {
      signal,
      value: meanOf(ours, valueOf),
      reference: meanOf(theirs, valueOf),
      recent: ours.length,
      compared: theirs.length,
      flipped,
      null: enough(ours.length, theirs.length)
        ? yield* drawnMean(
            kinds.map((kind) => ({
              recent: ours.filter(kind).map(bad),
              compared: theirs.filter(kind).map(bad),
            })),
            { draws, random },
          )
        : undefined,
    };
  }

  const inBoth = (of: (rows: readonly Seen[]) => Seen[]): [Seen[], Seen[]] => [of(recent), of(compared)];
  // What waited for a person is judged sooner than what was written, and is wrong more often: each with its like.
  const apart = [(row: Seen) => row.answered === true, (row: Seen) => row.answered === false];
  drawn.push(shares("override", inBoth(judged), ({ right }) => right === false, apart));
  drawn.push(shares("abstention", inBoth(asked), ({ answered }) => answered === false));
  drawn.push(yield* means("confidence", inBoth(guessed), ({ confidence }) => confidence, true));
  const residual = ({ confidence, right }: Seen) => confidence - (right ? 1 : 0);
  drawn.push(yield* means("calibration", inBoth(judged), residual, false, apart));
  drawn.push(shares("counterparties", inBoth(asked), ({ novel }) => novel === true));
  drawn.push(yield* mix());
  return judge(drawn, options);

  function* mix(): Generator<void, Drawn> {
    const ours = recent.flatMap(({ guess }) => guess ?? []);
    const theirs = compared.flatMap(({ guess }) => guess ?? []);
    const categories = [...new Set([...theirs, ...ours])].sort();
    const numberOf = new Map(categories.map((id, n) => [id, n]));
    const counts = (rows: readonly Id[]) => {
      const found = categories.map(() => 0);
      for (const id of rows) found[numberOf.get(id)!]!++;
      return found;
    };
    const [now, before] = [counts(ours), counts(theirs)];
    const shifts = categories.map((categoryId, n) => ({
      categoryId,
      from: before[n]! / Math.max(1, theirs.length),
      to: now[n]! / Math.max(1, ours.length),
    }));
    shifts.sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from));
    const numbers = (rows: readonly Id[]) => rows.map((id) => numberOf.get(id)!);
    return {
      signal: "mix",
      value: ours.length > 0 && theirs.length > 0 ? mixDistance(now, before) : null,
      reference: null,
      recent: ours.length,
      compared: theirs.length,
      shifts: shifts.slice(0, 3),
      null: enough(ours.length, theirs.length)
        ? yield* drawnMix({ recent: numbers(ours), compared: numbers(theirs) }, categories.length, {
            draws,
            random,
          })
        : undefined,
    };
  }
}

/** Holm 1979: the smallest chance is held to the level over all, the next to that over all but one, until one is above. */
function judge(drawn: readonly Drawn[], { minimum, falseAlarms }: ReadingOptions): DriftReading[] {
  const ranked = drawn.filter((one) => one.null !== undefined).sort((a, b) => a.null!.p - b.null!.p);
  const levels = new Map<DriftSignal, number>();
  let rejected = 0;
  for (const { signal, null: chance } of ranked) {
    const level = falseAlarms / (ranked.length - rejected);
    levels.set(signal, level);
    if (rejected === levels.size - 1 && chance!.p <= level) rejected++;
  }
  return drawn.map(({ signal, value, reference, recent, compared, null: chance, flipped, shifts }) => {
    const level = levels.get(signal);
    const common = {
      signal,
      value,
      reference,
      recent,
      compared,
      needed: minimum,
      ...(shifts ? { shifts } : {}),
    };
    if (!chance || level === undefined)
      return { ...common, state: "too-few", low: null, high: null, p: null, level: null };
    const alert = ranked.findIndex((one) => one.signal === signal) < rejected;
    const limit = chance.limit(level);
    return {
      ...common,
      state: alert ? "alert" : "expected",
      // On a scale from 0 to 1; of the calibration gap, from -1.
      low: flipped ? Math.max(0, -limit) : signal === "calibration" ? -1 : 0,
      high: flipped ? 1 : Math.min(1, limit),
      p: chance.p,
      level,
    };
  });
}

function shareOf(rows: readonly Seen[], hit: (row: Seen) => boolean): number | null {
  return rows.length === 0 ? null : rows.filter(hit).length / rows.length;
}

function meanOf(rows: readonly Seen[], valueOf: (row: Seen) => number): number | null {
  return rows.length === 0 ? null : rows.reduce((sum, row) => sum + valueOf(row), 0) / rows.length;
}
