import { HashIndex } from "../../features";

/** Rows that are restored between two pauses: about a millisecond of work. */
const PAUSE_ROWS = 4_096;

/** What is summed: row numbers, -1 for none, and how much each counts. */
export interface WeightedRows {
  rows: Int32Array;
  values: Float32Array;
}

/**
 * A vector for each hashed feature, made when the feature is first learned: what was never seen says nothing. Features
 * share a fixed number of buckets, so memory stays bounded. The layer is written out here because TensorFlow.js has no
 * sparse gradients: there, each step would touch the whole table.
 */
export class Embeddings {
  private readonly index: HashIndex;
  private used = 0;

  private constructor(
    readonly width: number,
    private readonly mask: number,
    private vectors: Float32Array,
    private squares: Float32Array,
    rows: number,
  ) {
    this.index = new HashIndex(rows);
  }

  static empty(width: number, buckets: number): Embeddings {
    return new Embeddings(width, buckets - 1, new Float32Array(1024 * width), new Float32Array(1024), 1024);
  }

  /** Where the vectors of hashes are, as row numbers; -1 for what was never learned, unless `open`. */
  locate(hashes: Uint32Array, size: number, into: Int32Array, open: boolean): void {
    for (let i = 0; i < size; i++) {
      // Bucket 0 is not allowed as a key.
      const bucket = (hashes[i]! & this.mask) + 1;
      let row = this.index.get(bucket);
      if (row < 0 && open) {
        row = this.used++;
        if (row === this.squares.length) this.grow();
        this.index.set(bucket, row);
      }
      into[i] = row;
    }
  }

  /** Add the weighted sum of rows to the vector that begins at a place. */
  sum({ rows, values }: WeightedRows, into: Float32Array, at: number): void {
    const { width, vectors } = this;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (row < 0) continue;
      const value = values[i]!;
      const begin = row * width;
      for (let d = 0; d < width; d++) into[at + d] = into[at + d]! + value * vectors[begin + d]!;
    }
  }

  /**
   * One AdaGrad step of the rows of a sum; the numbers of a row share their rate.
   * @param gradient of the loss by the sum, which begins at a place
   */
  descend(
    { rows, values }: WeightedRows,
    gradient: Float32Array,
    at: number,
    rate: number,
    floor: number,
  ): void {
    const { width, vectors, squares } = this;
    let norm = 0;
    for (let d = 0; d < width; d++) norm += gradient[at + d]! * gradient[at + d]!;
    norm /= width;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (row < 0) continue;
      const value = values[i]!;
      const square = squares[row]! + value * value * norm;
      squares[row] = square;
      const step = (rate * value) / Math.sqrt(square + floor);
      const begin = row * width;
      for (let d = 0; d < width; d++) vectors[begin + d] = vectors[begin + d]! - step * gradient[at + d]!;
    }
  }

  /** The product of a row and a vector. */
  dot(row: number, vector: Float32Array): number {
    const begin = row * this.width;
    let sum = 0;
    for (let d = 0; d < this.width; d++) sum += this.vectors[begin + d]! * vector[d]!;
    return sum;
  }

  /** Rows ordered by bucket, so that equal contents give equal bytes. */
  serialise(): { buckets: Uint32Array; vectors: Float32Array; squares: Float32Array } {
    const { width } = this;
    const { keys, values } = this.index.entries();
    const vectors = new Float32Array(keys.length * width);
    const squares = new Float32Array(keys.length);
    for (let i = 0; i < keys.length; i++) {
      const row = values[i]!;
      vectors.set(this.vectors.subarray(row * width, (row + 1) * width), i * width);
      squares[i] = this.squares[row]!;
    }
    return { buckets: keys, vectors, squares };
  }

  /** As serialised; pauses every few thousand rows. */
  static *restore(
    width: number,
    buckets: number,
    state: ReturnType<Embeddings["serialise"]>,
  ): Generator<void, Embeddings> {
    const rows = state.buckets.length;
    const room = Math.max(16, rows);
    const embeddings = new Embeddings(
      width,
      buckets - 1,
      new Float32Array(room * width),
      new Float32Array(room),
      room,
    );
    embeddings.squares.set(state.squares);
    for (let i = 0; i < rows; i++) {
      if (i % PAUSE_ROWS === 0) {
        const end = Math.min(rows, i + PAUSE_ROWS);
        embeddings.vectors.set(state.vectors.subarray(i * width, end * width), i * width);
        yield;
      }
      embeddings.index.set(state.buckets[i]!, i);
    }
    embeddings.used = rows;
    return embeddings;
  }

  private grow(): void {
    const vectors = new Float32Array(this.vectors.length * 2);
    vectors.set(this.vectors);
    this.vectors = vectors;
    const squares = new Float32Array(this.squares.length * 2);
    squares.set(this.squares);
    this.squares = squares;
  }
}
