import type { Id } from "../../values";
import { FeatureExtractor, LabelMemory, MEMORY_KEYS, WordExtractor, type FeatureVector } from "../features";
import { softmax, toProbabilities, type Example, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import { HabitWeights } from "./habitWeights";
import { strongest, type EstimatorState, type Parameters, type Term } from "./port";
import { OnlineEstimator } from "./online";
import { register } from "./registry";
import { SparseWeights, type Steps } from "./sparseWeights";

/**
 * Multinomial logistic regression on hashed sparse features, trained online, one pass in the order of time. It has three
 * parts. What the payment itself says, in the features of the {@link FeatureExtractor}, is learned on its own loss, and so
 * are the words of its texts as they stand ({@link WordExtractor}), in larger steps; of the scores of both a mean is taken,
 * which is more often right than either, as their mistakes are not the same. What memory adds to it (the last labels of
 * account, name and counterparty: as sparse features and as {@link HabitWeights}) is learned on the loss of the sum. So
 * memory corrects the rest and never replaces it, and the rest stands where nobody labelled for a while.
 *
 * Parameters: those of {@link Steps}; `words` the share of the words in the mean, and `wordRate` their rate; `habitRate` and
 * `habitFloor` rate and floor of the habit weights.
 */
const NAME = "sparse-logistic";
const DEFAULTS = {
  rate: 0.1,
  floor: 0.3,
  cut: 0.01,
  open: 0.05,
  shrink: 0.001,
  words: 0.3,
  wordRate: 0.25,
  habitRate: 0.1,
  habitFloor: 1,
};
type All = typeof DEFAULTS;
/** Before the names of the arrays of the words' weights. */
const OF_WORDS = "words.";

function wordSteps(parameters: All): Steps {
  return { ...parameters, rate: parameters.wordRate };
}

/** What is learned. */
interface Learned {
  weights: SparseWeights;
  wordWeights: SparseWeights;
  memory: LabelMemory;
  habits: HabitWeights;
}

class SparseLogistic extends OnlineEstimator {
  readonly name = NAME;
  private readonly extractor = new FeatureExtractor();
  private readonly reader = new WordExtractor();
  private scores = new Float64Array(64);
  private own = new Float64Array(64);
  private said = new Float64Array(64);

  constructor(
    readonly parameters: Parameters,
    index: CategoryIndex,
    private readonly learned: Learned,
  ) {
    super(index);
  }

  predict(example: Example): Scores {
    const vector = this.extractor.extract(example, this.learned.memory);
    const { ownSize } = this.extractor;
    const { weights, wordWeights } = this.learned;
    const scores = this.cleared();
    weights.addTo(this.own, vector, 0, ownSize);
    wordWeights.addTo(this.said, this.reader.extract(example));
    this.mean();
    weights.addTo(scores, vector, ownSize);
    this.addHabits();
    softmax(scores);
    return { categories: this.index.snapshot(), probabilities: toProbabilities(scores) };
  }

  update(example: Example, label: Id): void {
    this.learn(example, label);
  }

  override reveal(example: Example, label: Id): Scores {
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
    const { extractor } = this;
    const { weights, wordWeights, memory, habits } = this.learned;
    const { habitRate, habitFloor } = this.parameters as All;
    const vector = extractor.extract(example, memory);
    const { keys, ownSize, day } = extractor;
    const words = this.reader.extract(example);
    const target = this.index.add(label);
    const scores = this.cleared();
    const { own, said } = this;
    weights.locate(vector);
    weights.score(own, vector, 0, ownSize);
    wordWeights.locate(words);
    wordWeights.score(said, words, 0, words.size);
    this.mean();
    weights.score(scores, vector, ownSize, vector.size);
    this.addHabits();
    softmax(own);
    softmax(said);
    softmax(scores);
    before?.set(scores.subarray(0, before.length));
    for (const gradients of [own, said, scores]) gradients[target]! -= 1;
    weights.descend(own, vector, 0, ownSize);
    wordWeights.descend(said, words, 0, words.size);
    weights.descend(scores, vector, ownSize, vector.size);
    habits.descend(scores, habitRate, habitFloor);
    for (let k = 0; k < keys.length; k++) if (keys[k] !== 0) memory.push(keys[k]!, target, day);
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    const vector = this.extractor.extract(example, this.learned.memory, true);
    return strongest(this.termsFor(example, vector, wanted), limit);
  }

  private *termsFor(example: Example, vector: FeatureVector, category: number): Iterable<Term> {
    const { weights, wordWeights, habits } = this.learned;
    const { words } = this.parameters as All;
    const { ownSize } = this.extractor;
    for (const { term, weight } of weights.terms(vector, category, 0, ownSize))
      yield { term, weight: (1 - words) * weight };
    for (const { term, weight } of wordWeights.terms(this.reader.extract(example, true), category))
      yield { term, weight: words * weight };
    yield* weights.terms(vector, category, ownSize);
    this.lookAtHabits();
    for (const [key, weight] of habits.byKey(category))
      yield { term: `seen before for ${MEMORY_KEYS[key]!}`, weight };
  }

  serialise(): EstimatorState {
    const { weights, wordWeights, memory, habits } = this.learned;
    const remembered = memory.serialise();
    const habitual = habits.serialise();
    const words = Object.entries(wordWeights.serialise());
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: {
        ...weights.serialise(),
        ...Object.fromEntries(words.map(([name, array]) => [`${OF_WORDS}${name}`, array])),
        memoryKeys: remembered.keys,
        memorySlots: remembered.slots,
        habitWeights: habitual.weights,
        habitSquares: habitual.squares,
      },
    };
  }

  /** A zero for every category; always 64-bit, so that the hot loops meet one kind of array. */
  private cleared(): Float64Array {
    const n = this.index.ids.length;
    if (this.scores.length !== n) {
      this.scores = new Float64Array(n);
      this.own = new Float64Array(n);
      this.said = new Float64Array(n);
    } else {
      this.scores.fill(0);
      this.own.fill(0);
      this.said.fill(0);
    }
    return this.scores;
  }

  /** Into the scores, the mean of what the payment's own features and its words say. */
  private mean(): void {
    const { scores, own, said } = this;
    const { words } = this.parameters as All;
    for (let c = 0; c < scores.length; c++) scores[c] = (1 - words) * own[c]! + words * said[c]!;
  }

  private addHabits(): void {
    this.lookAtHabits();
    this.learned.habits.addTo(this.scores);
  }

  /** What memory holds for the example extracted last. */
  private lookAtHabits(): void {
    const { memory, habits } = this.learned;
    habits.look(this.extractor.found, memory.slots, this.extractor.day);
  }
}

register({
  name: NAME,
  defaults: DEFAULTS,
  create: (given) => {
    const parameters = { ...DEFAULTS, ...given };
    return new SparseLogistic(parameters, new CategoryIndex(), {
      weights: new SparseWeights(parameters),
      wordWeights: new SparseWeights(wordSteps(parameters)),
      memory: new LabelMemory(),
      habits: new HabitWeights(),
    });
  },
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: All };
    const weights = yield* SparseWeights.restore(parameters, arrays);
    const ofWords: EstimatorState["arrays"] = {};
    for (const [name, array] of Object.entries(arrays))
      if (name.startsWith(OF_WORDS)) ofWords[name.slice(OF_WORDS.length)] = array;
    const wordWeights = yield* SparseWeights.restore(wordSteps(parameters), ofWords);
    const memory = yield* LabelMemory.restore(
      arrays["memoryKeys"] as Uint32Array,
      arrays["memorySlots"] as Uint16Array,
    );
    const habits = new HabitWeights(
      (arrays["habitWeights"] as Float32Array).slice(),
      (arrays["habitSquares"] as Float32Array).slice(),
    );
    const learned = { weights, wordWeights, memory, habits };
    return new SparseLogistic(parameters, new CategoryIndex(categories), learned);
  },
});
