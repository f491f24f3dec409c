import { HashIndex, mix, withRoom } from "../features";

/** Predictions in a row, without a label between them, from which sums are kept: between two labels few come again. */
const QUIET = 32;
/** Numbers that are kept at most: four megabytes. */
const MOST_NUMBERS = 1 << 19;
/** Groups that were met once are remembered in so many places; those that come again are kept. */
const MET = 1 << 14;

/**
 * What groups of features say for each category, kept while no weight changes. A household's payments name the same
 * shops, accounts and amounts again and again, so that of a batch most groups were added up before: one addition for
 * each category then stands for a walk through the rows of thirty features.
 *
 * A group is known by all of its hashes: where they are equal, the features are.
 */
export class GroupSums {
  /** Sums of all kept groups, one after the other. */
  pool = new Float64Array(0);
  private hashes = new Uint32Array(0);
  /** Of each kept group where its hashes end, which is where those of the next begin. */
  private ends = new Int32Array(0);
  private count = 0;
  /** Sums of each kept group: the categories that there are, which only learning changes. */
  private width = 0;
  private index = new HashIndex(16);
  private readonly met = new Uint32Array(MET);
  private quiet = 0;

  /** A weight has changed: what was kept holds no more. */
  forget(): void {
    this.quiet = 0;
    if (this.count > 0) this.clear();
  }

  /** Asked before each prediction: is it time to look here? */
  worthwhile(): boolean {
    return ++this.quiet > QUIET;
  }

  /** Where in {@link pool} the sums of the features from one place to another begin, one for each category; or -1. */
  find(key: number, hashes: Uint32Array, from: number, to: number): number {
    const group = this.index.get(key);
    if (group < 0) return -1;
    const first = this.beginOf(group);
    const known = this.hashes;
    if (this.ends[group]! - first !== to - from) return -1;
    for (let i = from; i < to; i++) if (known[first + i - from] !== hashes[i]) return -1;
    return group * this.width;
  }

  /** Has this group been met before? */
  again(key: number): boolean {
    const place = key & (MET - 1);
    if (this.met[place] === key) return true;
    this.met[place] = key;
    return false;
  }

  /**
   * Room for the sums of these features; when there is none left, all others are let go.
   * @returns where it begins in {@link pool}, filled with zeros
   */
  keep(key: number, hashes: Uint32Array, from: number, to: number, categories: number): number {
    if ((this.count + 1) * categories > MOST_NUMBERS) this.clear();
    this.width = categories;
    const group = this.count++;
    const at = group * categories;
    this.pool = withRoom(this.pool, at + categories);
    this.pool.fill(0, at, at + categories);
    const first = this.beginOf(group);
    const end = first + to - from;
    this.hashes = withRoom(this.hashes, end);
    this.hashes.set(hashes.subarray(from, to), first);
    this.ends = withRoom(this.ends, this.count);
    this.ends[group] = end;
    this.index.set(key, group);
    return at;
  }

  private beginOf(group: number): number {
    return group === 0 ? 0 : this.ends[group - 1]!;
  }

  private clear(): void {
    this.index = new HashIndex(16);
    this.count = 0;
  }
}

/** A hash of the features from one place to another. */
export function groupKey(hashes: Uint32Array, from: number, to: number): number {
  let key = to - from;
  for (let i = from; i < to; i++) key = Math.imul(key ^ hashes[i]!, 0x9e3779b1);
  return mix(key);
}
