import { HashIndex } from "../features";

/** Rows that are restored between two pauses: about a millisecond of work. */
const PAUSE_ROWS = 4_096;
/** Rows whose room is counted between two pauses. */
const PAUSE_COUNTS = 65_536;

/** Words of an entry: category, first number, second number. */
export const ENTRY = 3;
/** Words before the entries of a row: how many there are, and for how many there is room. */
export const HEAD = 2;

/**
 * A table of features by categories in which most cells are empty: feature hash -> row of (category, a, b), where a
 * and b are 32-bit floats. Rows live in one pool and grow by doubling; only cells that were touched take memory,
 * which is what lets a million features by a hundred categories fit a small machine. Two views of one buffer: `ints`
 * for counts and categories, `floats` for numbers.
 */
export class SparseRows {
  ints: Int32Array;
  floats: Float32Array;
  private used = 1;
  private readonly free = new Map<number, number[]>();
  private readonly index: HashIndex;

  constructor(
    rows = 1024,
    /** No further features are taken in beyond this many: memory stays bounded whatever comes. */
    private readonly maxRows = 1 << 22,
    words = rows * (HEAD + ENTRY * 2),
  ) {
    this.index = new HashIndex(rows);
    this.ints = new Int32Array(words);
    this.floats = new Float32Array(this.ints.buffer);
  }

  get size(): number {
    return this.index.size;
  }

  /** Where the row of a feature begins in the pool, or -1. Valid until the next {@link add}. */
  find(hash: number): number {
    return this.index.get(hash);
  }

  /** {@link find} for the hashes from one place to another. */
  findAll(hashes: Uint32Array, from: number, to: number, into: Int32Array): void {
    this.index.getAll(hashes, from, to, into);
  }

  /** A row for a feature, or -1 when the table is full. */
  open(hash: number): number {
    const known = this.index.get(hash);
    if (known >= 0) return known;
    if (this.index.size >= this.maxRows) return -1;
    const at = this.allocate(1);
    this.index.set(hash, at);
    return at;
  }

  /** Append an entry to the row of a feature and say where the row is now: a full row moves to a larger place. */
  add(hash: number, row: number, category: number, a: number, b: number): number {
    let at = row;
    const count = this.ints[at]!;
    const capacity = this.ints[at + 1]!;
    if (count === capacity) {
      const larger = this.allocate(capacity * 2);
      this.ints.copyWithin(larger + HEAD, at + HEAD, at + HEAD + count * ENTRY);
      this.ints[larger] = count;
      const freed = this.free.get(capacity);
      if (freed) freed.push(at);
      else this.free.set(capacity, [at]);
      this.index.set(hash, larger);
      at = larger;
    }
    const entry = at + HEAD + count * ENTRY;
    this.ints[entry] = category;
    this.floats[entry + 1] = a;
    this.floats[entry + 2] = b;
    this.ints[at] = count + 1;
    return at;
  }

  /** Rows ordered by hash; entries in the order in which they came. */
  serialise(): {
    hashes: Uint32Array;
    counts: Uint16Array;
    categories: Uint16Array;
    a: Float32Array;
    b: Float32Array;
  } {
    const { keys, values } = this.index.entries();
    const counts = new Uint16Array(keys.length);
    let total = 0;
    for (let i = 0; i < keys.length; i++) total += counts[i] = this.ints[values[i]!]!;
    const categories = new Uint16Array(total);
    const a = new Float32Array(total);
    const b = new Float32Array(total);
    let n = 0;
    for (let i = 0; i < keys.length; i++) {
      const from = values[i]! + HEAD;
      for (let j = 0; j < counts[i]!; j++, n++) {
        categories[n] = this.ints[from + j * ENTRY]!;
        a[n] = this.floats[from + j * ENTRY + 1]!;
        b[n] = this.floats[from + j * ENTRY + 2]!;
      }
    }
    return { hashes: keys, counts, categories, a, b };
  }

  /** Rows as they were serialised; pauses every few thousand rows. */
  static *restore(state: ReturnType<SparseRows["serialise"]>, maxRows?: number): Generator<void, SparseRows> {
    // Room for all of them at once, and some to go on: a pool that grows is copied, and a large one in one go.
    let words = 1;
    for (let i = 0; i < state.counts.length; i++) {
      if (i % PAUSE_COUNTS === 0) yield;
      words += HEAD + capacityFor(state.counts[i]!) * ENTRY;
    }
    const size = Math.max(16, state.hashes.length);
    const rows = new SparseRows(size, maxRows, Math.max(size, Math.ceil(words * 1.125)));
    yield;
    let n = 0;
    for (let i = 0; i < state.hashes.length; i++) {
      if (i % PAUSE_ROWS === 0) yield;
      const count = state.counts[i]!;
      const at = rows.allocate(capacityFor(count));
      rows.index.set(state.hashes[i]!, at);
      rows.ints[at] = count;
      for (let j = 0; j < count; j++, n++) {
        const entry = at + HEAD + j * ENTRY;
        rows.ints[entry] = state.categories[n]!;
        rows.floats[entry + 1] = state.a[n]!;
        rows.floats[entry + 2] = state.b[n]!;
      }
    }
    return rows;
  }

  private allocate(capacity: number): number {
    const freed = this.free.get(capacity)?.pop();
    if (freed !== undefined) {
      this.ints[freed] = 0;
      return freed;
    }
    const at = this.used;
    this.used += HEAD + capacity * ENTRY;
    if (this.used > this.ints.length) {
      const ints = new Int32Array(Math.max(this.used, this.ints.length * 2));
      ints.set(this.ints);
      this.ints = ints;
      this.floats = new Float32Array(ints.buffer);
    }
    this.ints[at] = 0;
    this.ints[at + 1] = capacity;
    return at;
  }
}

/** Room for so many entries: the next power of two. */
function capacityFor(count: number): number {
  let capacity = 1;
  while (capacity < count) capacity *= 2;
  return capacity;
}
