/**
 * What a statistic of the recent payments would be if nothing had changed since those it is compared with: then either
 * could be any of both, so all ways to divide them are equally likely. That knows the sizes of both windows, whatever they
 * are. Counts are exact; other statistics are drawn, seeded.
 */
export interface Null {
  /** Chance of a value as high or higher than what was observed (permutation test; with draws, Davison and Hinkley's (1 + b) / (1 + B)). */
  p: number;
  /** The highest value whose chance is above the level: what is above it is an alert at that level. */
  limit(level: number): number;
}

/** One kind of payment in both windows: how many there are, and of how many something holds. */
export interface Stratum {
  recent: number;
  recentHits: number;
  compared: number;
  comparedHits: number;
}

/**
 * The share of hits among the recent ones, given the hits of both windows in each stratum: Fisher's exact test, one-sided,
 * its hypergeometric distributions convolved over the strata. Strata keep what is more often hit apart from the rest, where
 * the windows hold different parts of it.
 */
export function exactShare(strata: readonly Stratum[]): Null {
  let chances = [1];
  for (const { recent, recentHits, compared, comparedHits } of strata)
    chances = convolve(chances, hypergeometric(recent, recent + compared, recentHits + comparedHits));
  const recent = strata.reduce((sum, one) => sum + one.recent, 0);
  const observed = strata.reduce((sum, one) => sum + one.recentHits, 0);
  // Summed from the far end, where the terms are small, so that small chances are exact.
  const tail = new Array<number>(chances.length);
  let sum = 0;
  for (let hits = chances.length - 1; hits >= 0; hits--) tail[hits] = sum = Math.min(1, sum + chances[hits]!);
  // Before the object that takes it, for the reason given in evaluateModel (lib/learning/evaluation).
  const p = tail[observed] ?? 0;
  return {
    p,
    limit: (level) =>
      Math.max(
        0,
        tail.findLastIndex((chance) => chance > level),
      ) / recent,
  };
}

/** Chances of 0, 1, ... hits among `drawn` of `all`, of which `hits` are hits. */
function hypergeometric(drawn: number, all: number, hits: number): number[] {
  const total = logChoose(all, drawn);
  return Array.from({ length: Math.min(drawn, hits) + 1 }, (_, x) =>
    drawn - x > all - hits ? 0 : Math.exp(logChoose(hits, x) + logChoose(all - hits, drawn - x) - total),
  );
}

function convolve(a: readonly number[], b: readonly number[]): number[] {
  const sum = new Array<number>(a.length + b.length - 1).fill(0);
  a.forEach((x, i) => b.forEach((y, j) => (sum[i + j]! += x * y)));
  return sum;
}

const logFactorials = [0];

function logChoose(n: number, k: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push(logFactorials[i - 1]! + Math.log(i));
  return logFactorials[n]! - logFactorials[k]! - logFactorials[n - k]!;
}

/** How a value is drawn: how often, and by which generator of numbers in [0, 1). */
export interface Draws {
  draws: number;
  random: () => number;
}

/** Values of one kind of payment in both windows. */
export interface Values {
  recent: readonly number[];
  compared: readonly number[];
}

/** The mean of the recent ones; drawn within each stratum. Pauses between draws. */
export function* drawnMean(strata: readonly Values[], { draws, random }: Draws): Generator<void, Null> {
  const pools = strata.map(({ recent, compared }) => ({
    size: recent.length,
    values: Float64Array.from([...recent, ...compared]),
  }));
  const count = pools.reduce((sum, { size }) => sum + size, 0);
  const mean = () => {
    let sum = 0;
    for (const { size, values } of pools) for (let i = 0; i < size; i++) sum += values[i]!;
    return sum / count;
  };
  const observed = mean();
  const drawn = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    for (const { size, values } of pools) shuffleHead(values, size, random);
    drawn[draw] = mean();
    if (draw % PAUSE_DRAWS === 0) yield;
  }
  return drawnNull(observed, drawn);
}

/** Payments that stay together when mixes are drawn, at most, and how many such blocks the recent window has at least. */
const BLOCK = 25;
const BLOCKS = 6;

/**
 * The distance between the category mixes of the two windows, see {@link mixDistance}. Categories are numbers from 0 up, in
 * the order of time. What is bought comes in bursts (a holiday, a move), so that neighbours are more alike than chance
 * makes them: runs of neighbours are drawn as blocks (block permutation), which leaves the bursts whole. Pauses between
 * draws.
 */
export function* drawnMix(
  { recent, compared }: Values,
  categories: number,
  { draws, random }: Draws,
): Generator<void, Null> {
  // The newest first: the windows part in front of the oldest of the recent ones, and what makes no whole block stays last.
  const pool = Float64Array.from([...compared, ...recent].reverse());
  const size = Math.max(1, Math.min(BLOCK, Math.floor(recent.length / BLOCKS)));
  const starts = Float64Array.from({ length: Math.floor(pool.length / size) }, (_, n) => n * size);
  const needed = Math.min(starts.length, Math.ceil(recent.length / size));
  const all = new Float64Array(categories);
  for (const category of pool) all[category]!++;
  const distance = () => {
    const ours = new Float64Array(categories);
    for (let i = 0; i < recent.length; i++) {
      const block = Math.floor(i / size);
      ours[pool[block < needed ? starts[block]! + (i % size) : i]!]!++;
    }
    return mixDistance(
      ours,
      ours.map((n, category) => all[category]! - n),
    );
  };
  const observed = distance();
  const drawn = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    shuffleHead(starts, needed, random);
    drawn[draw] = distance();
    if (draw % PAUSE_DRAWS === 0) yield;
  }
  return drawnNull(observed, drawn);
}

/** Jensen-Shannon distance (Endres and Schindelin 2003) of two lists of counts: 0 for equal shares, 1 for nothing in common. */
export function mixDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [sumA, sumB] = [total(a), total(b)];
  let divergence = 0;
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [a[i]! / sumA, b[i]! / sumB];
    const middle = (p + q) / 2;
    if (p > 0) divergence += (p * Math.log2(p / middle)) / 2;
    if (q > 0) divergence += (q * Math.log2(q / middle)) / 2;
  }
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

/** Draws between two pauses: about a millisecond of work. */
const PAUSE_DRAWS = 50;
/** Sums of the same values in another order differ by this much at most. */
const ROUNDING = 1e-9;

function drawnNull(observed: number, drawn: Float64Array): Null {
  drawn.sort();
  const atLeast = drawn.reduce((sum, value) => sum + (value >= observed - ROUNDING ? 1 : 0), 0);
  return {
    p: (1 + atLeast) / (1 + drawn.length),
    limit(level) {
      const above = Math.floor(level * (drawn.length + 1) + ROUNDING);
      return above === 0 ? Infinity : drawn[drawn.length - above]!;
    },
  };
}

/** Fisher and Yates, only as far as is looked at. */
function shuffleHead(values: Float64Array, size: number, random: () => number): void {
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(random() * (values.length - i));
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
