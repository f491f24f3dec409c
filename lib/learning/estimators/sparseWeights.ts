import type { FeatureVector } from "../features";
import { groupKey, GroupSums } from "./groupSums";
import type { EstimatorState, Term } from "./port";
import { ENTRY, HEAD, SparseRows } from "./sparseRows";

/**
 * How weights are learned: `rate` the step size; `floor` added to the sum of squared gradients before the root, so that
 * first steps are small; `cut` gradients below it are left out, which keeps rows sparse; `open` the gradient from which
 * a category gets an entry in a row; `shrink` the share a weight loses whenever it is changed.
 */
export interface Steps {
  rate: number;
  floor: number;
  cut: number;
  open: number;
  shrink: number;
}

/**
 * The weights of a linear model of hashed sparse features by categories, learned by AdaGrad (Duchi, Hazan, Singer 2011,
 * diagonal form).
 */
export class SparseWeights {
  private stamps = new Int32Array(64);
  private stamp = 0;
  private active = new Int32Array(64);
  private rowAt = new Int32Array(256);
  private readonly sums = new GroupSums();

  constructor(
    private readonly steps: Steps,
    private readonly rows = new SparseRows(),
  ) {}

  /** Add to the scores of the categories what the features of a vector weigh, for a prediction; no group is cut in two. */
  addTo(scores: Float64Array, vector: FeatureVector, from = 0, to = vector.size): void {
    if (this.sums.worthwhile()) this.addByGroups(scores, vector, from, to);
    else this.addSingles(scores, vector, from, to);
  }

  /**
   * Find the rows of the features of a vector that is to be learned. All are looked up before any is read, so that the
   * processor waits for many places of memory at once.
   */
  locate(vector: FeatureVector, from = 0, to = vector.size): void {
    if (this.rowAt.length < vector.size) this.rowAt = new Int32Array(vector.size * 2);
    this.rows.findAll(vector.hashes, from, to, this.rowAt);
  }

  /** Add up the weights of the located features from one place to another; `base` is where the first category is. */
  score(into: Float64Array, { values }: FeatureVector, from: number, to: number, base = 0): void {
    const rowAt = this.rowAt;
    const ints = this.rows.ints;
    const floats = this.rows.floats;
    for (let i = from; i < to; i++) {
      const row = rowAt[i]!;
      if (row < 0) continue;
      const value = values[i]!;
      const end = row + HEAD + ints[row]! * ENTRY;
      for (let e = row + HEAD; e < end; e += ENTRY) {
        const at = base + ints[e]!;
        into[at] = into[at]! + value * floats[e + 1]!;
      }
    }
  }

  /** One step of the located features from one place to another, down gradients, one for each category. */
  descend(gradients: Float64Array, { hashes, values }: FeatureVector, from: number, to: number): void {
    const { rate, floor, cut, open, shrink } = this.steps;
    const kept = 1 - shrink;
    const rows = this.rows;
    this.sums.forget();
    if (this.stamps.length < gradients.length) {
      this.stamps = new Int32Array(gradients.length * 2);
      this.active = new Int32Array(gradients.length * 2);
    }
    const { stamps, active } = this;
    let activeCount = 0;
    for (let c = 0; c < gradients.length; c++) {
      const g = gradients[c]!;
      if (g > open || g < -open) active[activeCount++] = c;
    }
    let worst = 0;
    for (let c = 0; c < gradients.length; c++) worst = Math.max(worst, Math.abs(gradients[c]!));
    if (worst < cut) return;
    for (let i = from; i < to; i++) {
      const hash = hashes[i]!;
      let row = this.rowAt[i]!;
      if (row < 0) {
        if (activeCount === 0) continue;
        row = rows.open(hash);
        if (row < 0) continue;
      }
      const stamp = ++this.stamp;
      const value = values[i]!;
      const ints = rows.ints;
      const floats = rows.floats;
      const end = row + HEAD + ints[row]! * ENTRY;
      for (let e = row + HEAD; e < end; e += ENTRY) {
        const c = ints[e]!;
        const g = value * gradients[c]!;
        stamps[c] = stamp;
        if (g < cut && g > -cut) continue;
        const squares = floats[e + 2]! + g * g;
        floats[e + 2] = squares;
        floats[e + 1] = kept * floats[e + 1]! - (rate * g) / Math.sqrt(squares + floor);
      }
      for (let a = 0; a < activeCount; a++) {
        const c = active[a]!;
        if (stamps[c] === stamp) continue;
        const g = value * gradients[c]!;
        row = rows.add(hash, row, c, (-rate * g) / Math.sqrt(g * g + floor), g * g);
      }
    }
  }

  /** What each feature of a vector with names, from one place to another, says for a category. */
  *terms(vector: FeatureVector, category: number, from = 0, to = vector.size): Iterable<Term> {
    const { hashes, values, names } = vector;
    const { ints, floats } = this.rows;
    for (let i = from; i < to; i++) {
      const row = this.rows.find(hashes[i]!);
      if (row < 0) continue;
      const end = row + HEAD + ints[row]! * ENTRY;
      for (let e = row + HEAD; e < end; e += ENTRY)
        if (ints[e] === category) yield { term: names[i]!, weight: values[i]! * floats[e + 1]! };
    }
  }

  serialise(): EstimatorState["arrays"] {
    const { hashes, counts, categories, a, b } = this.rows.serialise();
    return { hashes, counts, entryCategories: categories, weights: a, squares: b };
  }

  /** As they were serialised; pauses between parts. */
  static *restore(steps: Steps, arrays: EstimatorState["arrays"]): Generator<void, SparseWeights> {
    const rows = yield* SparseRows.restore({
      hashes: arrays["hashes"] as Uint32Array,
      counts: arrays["counts"] as Uint16Array,
      categories: arrays["entryCategories"] as Uint16Array,
      a: arrays["weights"] as Float32Array,
      b: arrays["squares"] as Float32Array,
    });
    return new SparseWeights(steps, rows);
  }

  /** As {@link addTo}; of groups that were added up before, the sums. */
  private addByGroups(scores: Float64Array, vector: FeatureVector, from: number, to: number): void {
    const { groups, groupCount } = vector;
    let at = from;
    for (let g = 0; g < groupCount; g++) {
      const begin = groups[2 * g]!;
      if (begin < from) continue;
      if (begin >= to) break;
      this.addSingles(scores, vector, at, begin);
      at = groups[2 * g + 1]!;
      this.addGroup(scores, vector, begin, at);
    }
    this.addSingles(scores, vector, at, to);
  }

  private addSingles(scores: Float64Array, vector: FeatureVector, from: number, to: number): void {
    if (from === to) return;
    this.locate(vector, from, to);
    this.score(scores, vector, from, to);
  }

  private addGroup(scores: Float64Array, vector: FeatureVector, from: number, to: number): void {
    const { hashes } = vector;
    const key = groupKey(hashes, from, to);
    let at = this.sums.find(key, hashes, from, to);
    if (at < 0) {
      if (!this.sums.again(key)) return this.addSingles(scores, vector, from, to);
      at = this.sums.keep(key, hashes, from, to, scores.length);
      this.locate(vector, from, to);
      this.score(this.sums.pool, vector, from, to, at);
    }
    const { pool } = this.sums;
    for (let c = 0; c < scores.length; c++) scores[c] = scores[c]! + pool[at + c]!;
  }
}
