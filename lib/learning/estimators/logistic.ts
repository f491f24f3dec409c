import type { Id } from "../../values";
import { FeatureExtractor, LabelMemory, MEMORY_KEYS } from "../features";
import { softmax, type Example, type LabelledExample, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import { groupKey, GroupSums } from "./groupSums";
import { HabitWeights } from "./habitWeights";
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
 * diagonal form), one pass in the order of time. What the payment itself says is learned on its own loss; what memory
 * adds to it (the last labels of account, name and counterparty: as sparse features and as {@link HabitWeights}) is
 * learned on the loss of the sum. So memory corrects the rest and never replaces it, and the rest stands where nobody
 * labelled for a while.
 *
 * Parameters: `rate` the step size; `floor` added to the sum of squared gradients before the root, so that first
 * steps are small; `cut` gradients below it are left out, which keeps rows sparse; `open` the gradient from which a
 * category gets an entry in a row; `shrink` the share a weight loses whenever it is changed; `habitRate` and
 * `habitFloor` rate and floor of the habit weights.
 */
const NAME = "sparse-logistic";
const DEFAULTS = {
  rate: 0.1,
  floor: 0.3,
  cut: 0.01,
  open: 0.05,
  shrink: 0.001,
  habitRate: 0.1,
  habitFloor: 1,
};

class SparseLogistic implements Estimator {
  readonly name = NAME;
  private readonly extractor = new FeatureExtractor();
  private scores = new Float64Array(64);
  private own = new Float64Array(64);
  private stamps = new Int32Array(64);
  private stamp = 0;
  private active = new Int32Array(64);
  private rowAt = new Int32Array(256);
  private readonly sums = new GroupSums();

  constructor(
    readonly parameters: Parameters,
    private readonly index: CategoryIndex,
    private readonly rows: SparseRows,
    private readonly memory: LabelMemory,
    private readonly habits: HabitWeights,
  ) {}

  get categories(): readonly Id[] {
    return this.index.ids;
  }

  fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    fitInOrder(this, examples, options);
  }

  predict(example: Example): Scores {
    const { size } = this.extractor.extract(example, this.memory);
    const scores = this.cleared();
    if (this.sums.worthwhile()) this.scoreByGroups(scores);
    else {
      this.locate(0, size);
      this.score(scores, 0, size);
    }
    this.lookAtHabits();
    this.habits.addTo(scores);
    softmax(scores);
    return { categories: this.index.snapshot(), probabilities: new Float32Array(scores) };
  }

  update(example: Example, label: Id): void {
    this.learn(example, label);
  }

  reveal(example: Example, label: Id): Scores {
    const known = this.index.snapshot();
    const probabilities = new Float32Array(known.length);
    this.learn(example, label, probabilities);
    // A category that is new with this label was none to choose from: the others share its part.
    if (this.index.ids.length > known.length) {
      const sum = probabilities.reduce((total, p) => total + p, 0);
      for (let c = 0; c < probabilities.length; c++) probabilities[c]! /= sum;
    }
    return { categories: known, probabilities };
  }

  /** @param before is given the probabilities of before */
  private learn(example: Example, label: Id, before?: Float32Array): void {
    const { extractor, memory, habits } = this;
    const { size } = extractor.extract(example, memory);
    const { keys, ownSize, day } = extractor;
    this.sums.forget();
    const target = this.index.add(label);
    const scores = this.cleared();
    const own = this.own;
    this.locate(0, size);
    this.score(own, 0, ownSize);
    scores.set(own);
    this.score(scores, ownSize, size);
    this.lookAtHabits();
    habits.addTo(scores);
    softmax(own);
    own[target] = own[target]! - 1;
    softmax(scores);
    before?.set(scores.subarray(0, before.length));
    scores[target] = scores[target]! - 1;
    this.descend(own, 0, ownSize);
    this.descend(scores, ownSize, size);
    habits.descend(scores, this.parameters["habitRate"]!, this.parameters["habitFloor"]!);
    for (let k = 0; k < keys.length; k++) if (keys[k] !== 0) memory.push(keys[k]!, target, day);
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
    this.lookAtHabits();
    for (const [key, weight] of this.habits.byKey(wanted))
      terms.push({ term: `seen before for ${MEMORY_KEYS[key]!}`, weight });
    return terms
      .filter((term) => term.weight > 0)
      .sort((a, b) => b.weight - a.weight)
      .slice(0, limit);
  }

  serialise(): EstimatorState {
    const rows = this.rows.serialise();
    const memory = this.memory.serialise();
    const habits = this.habits.serialise();
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
        habitWeights: habits.weights,
        habitSquares: habits.squares,
      },
    };
  }

  /** A zero for every category; always 64-bit, so that the hot loops meet one kind of array. */
  private cleared(): Float64Array {
    const n = this.index.ids.length;
    if (this.scores.length !== n) {
      this.scores = new Float64Array(n);
      this.own = new Float64Array(n);
      this.stamps = new Int32Array(n);
      this.active = new Int32Array(n);
    } else {
      this.scores.fill(0);
      this.own.fill(0);
    }
    return this.scores;
  }

  /** What memory holds for the example extracted last. */
  private lookAtHabits(): void {
    this.habits.look(this.extractor.found, this.memory.slots, this.extractor.day);
  }

  /**
   * Find the rows of extracted features. All are looked up before any is read, so that the processor waits for many
   * places of memory at once.
   */
  private locate(from: number, to: number): void {
    const { hashes, size } = this.extractor.vector;
    if (this.rowAt.length < size) this.rowAt = new Int32Array(size * 2);
    this.rows.findAll(hashes, from, to, this.rowAt);
  }

  /** Add up the weights of all extracted features, groups that were added up before by their sums. */
  private scoreByGroups(scores: Float64Array): void {
    const { vector } = this.extractor;
    let at = 0;
    for (let g = 0; g < vector.groupCount; g++) {
      const from = vector.groups[2 * g]!;
      const to = vector.groups[2 * g + 1]!;
      this.scoreSingles(scores, at, from);
      at = to;
      this.scoreGroup(scores, from, to);
    }
    this.scoreSingles(scores, at, vector.size);
  }

  private scoreSingles(scores: Float64Array, from: number, to: number): void {
    if (from === to) return;
    this.locate(from, to);
    this.score(scores, from, to);
  }

  private scoreGroup(scores: Float64Array, from: number, to: number): void {
    const { hashes } = this.extractor.vector;
    const key = groupKey(hashes, from, to);
    let at = this.sums.find(key, hashes, from, to);
    if (at < 0) {
      if (!this.sums.again(key)) return this.scoreSingles(scores, from, to);
      at = this.sums.keep(key, hashes, from, to, scores.length);
      this.locate(from, to);
      this.score(this.sums.pool, from, to, at);
    }
    const { pool } = this.sums;
    for (let c = 0; c < scores.length; c++) scores[c] = scores[c]! + pool[at + c]!;
  }

  /** Add up the weights of the located features from one place to another. */
  private score(into: Float64Array, from: number, to: number, base = 0): void {
    const { values } = this.extractor.vector;
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

  private descend(gradients: Float64Array, from: number, to: number): void {
    const { rate, floor, cut, open, shrink } = this.parameters as typeof DEFAULTS;
    const { hashes, values } = this.extractor.vector;
    const kept = 1 - shrink;
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
      new HabitWeights(),
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
    const memory = yield* LabelMemory.restore(
      arrays["memoryKeys"] as Uint32Array,
      arrays["memorySlots"] as Uint16Array,
    );
    const habits = new HabitWeights(
      (arrays["habitWeights"] as Float32Array).slice(),
      (arrays["habitSquares"] as Float32Array).slice(),
    );
    return new SparseLogistic(parameters, new CategoryIndex(categories), rows, memory, habits);
  },
});
