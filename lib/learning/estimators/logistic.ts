import type { Id } from "../../values";
import { FeatureExtractor, LabelMemory } from "../features";
import { softmax, type Example, type LabelledExample, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import {
  fitInOrder,
  type Estimator,
  type EstimatorState,
  type FitOptions,
  type Parameters,
  type Term,
} from "./port";
import { register } from "./registry";
import { ENTRY, HEAD, SparseRows } from "./sparseRows";

/**
 * Multinomial logistic regression on hashed sparse features, trained online by AdaGrad (Duchi, Hazan, Singer 2011,
 * diagonal form), one pass in the order of time. The last labels of account, text and counterparty are features
 * too, so the model learns how far to trust memory.
 *
 * Parameters: `rate` the step size; `floor` added to the sum of squared gradients before the root, so that first
 * steps are small; `cut` gradients below it are left out, which keeps rows sparse; `open` the gradient from which a
 * category gets an entry in a row.
 */
const NAME = "sparse-logistic";
const DEFAULTS = { rate: 0.1, floor: 0.3, cut: 0.01, open: 0.05 };

class SparseLogistic implements Estimator {
  readonly name = NAME;
  private readonly extractor = new FeatureExtractor();
  private scores = new Float64Array(64);
  private stamps = new Int32Array(64);
  private stamp = 0;
  private active = new Int32Array(64);
  private rowAt = new Int32Array(256);

  constructor(
    readonly parameters: Parameters,
    private readonly index: CategoryIndex,
    private readonly rows: SparseRows,
    private readonly memory: LabelMemory,
  ) {}

  get categories(): readonly Id[] {
    return this.index.ids;
  }

  fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    fitInOrder(this, examples, options);
  }

  predict(example: Example): Scores {
    this.extractor.extract(example, this.memory);
    const scores = this.cleared();
    this.score(scores);
    softmax(scores);
    return { categories: this.index.ids.slice(), probabilities: Float32Array.from(scores) };
  }

  update(example: Example, label: Id): void {
    this.extractor.extract(example, this.memory);
    const target = this.index.add(label);
    const scores = this.cleared();
    this.score(scores);
    softmax(scores);
    scores[target] = scores[target]! - 1;
    this.descend(scores);
    const keys = this.extractor.keys;
    for (let k = 0; k < keys.length; k++) if (keys[k] !== 0) this.memory.push(keys[k]!, target);
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    const vector = this.extractor.extract(example, this.memory, true);
    const terms: Term[] = [];
    for (let i = 0; i < vector.size; i++) {
      const row = this.rows.find(vector.hashes[i]!);
      if (row < 0) continue;
      const end = row + HEAD + this.rows.ints[row]! * ENTRY;
      for (let e = row + HEAD; e < end; e += ENTRY) {
        if (this.rows.ints[e] === wanted)
          terms.push({ term: vector.names[i]!, weight: vector.values[i]! * this.rows.floats[e + 1]! });
      }
    }
    return terms
      .filter((term) => term.weight > 0)
      .sort((a, b) => b.weight - a.weight)
      .slice(0, limit);
  }

  serialise(): EstimatorState {
    const rows = this.rows.serialise();
    const memory = this.memory.serialise();
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: {
        hashes: rows.hashes,
        counts: rows.counts,
        entryCategories: rows.categories,
        weights: rows.a,
        squares: rows.b,
        memoryKeys: memory.keys,
        memorySlots: memory.slots,
      },
    };
  }

  /** A zero for every category; always 64-bit, so that the hot loops meet one kind of array. */
  private cleared(): Float64Array {
    const n = this.index.ids.length;
    if (this.scores.length !== n) {
      this.scores = new Float64Array(n);
      this.stamps = new Int32Array(n);
      this.active = new Int32Array(n);
    } else this.scores.fill(0);
    return this.scores;
  }

  /**
   * Add up the weights of the extracted features; remembers where the rows are for {@link descend}. All rows are
   * looked up before any is read, so that the processor waits for many places of memory at once.
   */
  private score(into: Float64Array): void {
    const { hashes, values, size } = this.extractor.vector;
    if (this.rowAt.length < size) this.rowAt = new Int32Array(size * 2);
    const rowAt = this.rowAt;
    this.rows.findAll(hashes, size, rowAt);
    const ints = this.rows.ints;
    const floats = this.rows.floats;
    for (let i = 0; i < size; i++) {
      const row = rowAt[i]!;
      if (row < 0) continue;
      const value = values[i]!;
      const end = row + HEAD + ints[row]! * ENTRY;
      for (let e = row + HEAD; e < end; e += ENTRY) {
        const c = ints[e]!;
        into[c] = into[c]! + value * floats[e + 1]!;
      }
    }
  }

  private descend(gradients: Float64Array): void {
    const { rate, floor, cut, open } = this.parameters as typeof DEFAULTS;
    const { hashes, values, size } = this.extractor.vector;
    const rows = this.rows;
    const { stamps, active } = this;
    let activeCount = 0;
    for (let c = 0; c < gradients.length; c++) {
      const g = gradients[c]!;
      if (g > open || g < -open) active[activeCount++] = c;
    }
    let worst = 0;
    for (let c = 0; c < gradients.length; c++) worst = Math.max(worst, Math.abs(gradients[c]!));
    if (worst < cut) return;
    for (let i = 0; i < size; i++) {
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
        floats[e + 1]! -= (rate * g) / Math.sqrt(squares + floor);
      }
      for (let a = 0; a < activeCount; a++) {
        const c = active[a]!;
        if (stamps[c] === stamp) continue;
        const g = value * gradients[c]!;
        row = rows.add(hash, row, c, (-rate * g) / Math.sqrt(g * g + floor), g * g);
      }
    }
  }
}

register({
  name: NAME,
  defaults: DEFAULTS,
  create: (parameters) =>
    new SparseLogistic(
      { ...DEFAULTS, ...parameters },
      new CategoryIndex(),
      new SparseRows(),
      new LabelMemory(),
    ),
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const rows = yield* SparseRows.restore({
      hashes: arrays["hashes"] as Uint32Array,
      counts: arrays["counts"] as Uint16Array,
      categories: arrays["entryCategories"] as Uint16Array,
      a: arrays["weights"] as Float32Array,
      b: arrays["squares"] as Float32Array,
    });
    const memory = LabelMemory.restore(
      arrays["memoryKeys"] as Uint32Array,
      arrays["memorySlots"] as Uint16Array,
    );
    return new SparseLogistic(parameters, new CategoryIndex(categories), rows, memory);
  },
});
