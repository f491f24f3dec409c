import type { Id } from "../../values";
import { FeatureExtractor, LabelMemory, MEMORY_KEYS } from "../features";
import { softmax, type Example, type LabelledExample, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
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
import { SparseWeights } from "./sparseWeights";

/**
 * Multinomial logistic regression on hashed sparse features, trained online, one pass in the order of time. What the
 * payment itself says is learned on its own loss; what memory adds to it (the last labels of account, name and
 * counterparty: as sparse features and as {@link HabitWeights}) is learned on the loss of the sum. So memory corrects the
 * rest and never replaces it, and the rest stands where nobody labelled for a while.
 *
 * Parameters: those of {@link Steps}; `habitRate` and `habitFloor` rate and floor of the habit weights.
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

  constructor(
    readonly parameters: Parameters,
    private readonly index: CategoryIndex,
    private readonly weights: SparseWeights,
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
    const vector = this.extractor.extract(example, this.memory);
    const scores = this.cleared();
    this.weights.addTo(scores, vector);
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
    const { extractor, memory, habits, weights } = this;
    const vector = extractor.extract(example, memory);
    const { size } = vector;
    const { keys, ownSize, day } = extractor;
    const target = this.index.add(label);
    const scores = this.cleared();
    const own = this.own;
    weights.locate(vector);
    weights.score(own, vector, 0, ownSize);
    scores.set(own);
    weights.score(scores, vector, ownSize, size);
    this.lookAtHabits();
    habits.addTo(scores);
    softmax(own);
    own[target] = own[target]! - 1;
    softmax(scores);
    before?.set(scores.subarray(0, before.length));
    scores[target] = scores[target]! - 1;
    weights.descend(own, vector, 0, ownSize);
    weights.descend(scores, vector, ownSize, size);
    habits.descend(scores, this.parameters["habitRate"]!, this.parameters["habitFloor"]!);
    for (let k = 0; k < keys.length; k++) if (keys[k] !== 0) memory.push(keys[k]!, target, day);
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    const vector = this.extractor.extract(example, this.memory, true);
    const terms = [...this.weights.terms(vector, wanted)];
    this.lookAtHabits();
    for (const [key, weight] of this.habits.byKey(wanted))
      terms.push({ term: `seen before for ${MEMORY_KEYS[key]!}`, weight });
    return terms
      .filter((term) => term.weight > 0)
      .sort((a, b) => b.weight - a.weight)
      .slice(0, limit);
  }

  serialise(): EstimatorState {
    const memory = this.memory.serialise();
    const habits = this.habits.serialise();
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: {
        ...this.weights.serialise(),
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
}

register({
  name: NAME,
  defaults: DEFAULTS,
  create: (given) => {
    const parameters = { ...DEFAULTS, ...given };
    const weights = new SparseWeights(parameters);
    return new SparseLogistic(
      parameters,
      new CategoryIndex(),
      weights,
      new LabelMemory(),
      new HabitWeights(),
    );
  },
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const weights = yield* SparseWeights.restore(parameters as typeof DEFAULTS, arrays);
    const memory = yield* LabelMemory.restore(
      arrays["memoryKeys"] as Uint32Array,
      arrays["memorySlots"] as Uint16Array,
    );
    const habits = new HabitWeights(
      (arrays["habitWeights"] as Float32Array).slice(),
      (arrays["habitSquares"] as Float32Array).slice(),
    );
    return new SparseLogistic(parameters, new CategoryIndex(categories), weights, memory, habits);
  },
});
