import type { Id } from "../../values";
import { WordExtractor } from "../features";
import { softmax, toProbabilities, type Example, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import { strongest, type EstimatorState, type Parameters, type Term } from "./port";
import { OnlineEstimator } from "./online";
import { register } from "./registry";
import { SparseWeights } from "./sparseWeights";

/**
 * Multinomial logistic regression on words alone, as they stand in the texts of a payment (see {@link WordExtractor}), in
 * large steps: quick to follow what changes, and by other features than the others, which is what makes it worth having
 * beside them. It does not compete by itself: alone, the other estimators are better wherever payments come again.
 *
 * Parameters: those of {@link Steps}.
 */
export const WORDS = "word-logistic";
const DEFAULTS = { rate: 0.25, floor: 0.3, cut: 0.01, open: 0.05, shrink: 0.001 };

class WordLogistic extends OnlineEstimator {
  readonly name = WORDS;
  private readonly extractor = new WordExtractor();

  constructor(
    readonly parameters: Parameters,
    index: CategoryIndex,
    private readonly weights: SparseWeights,
  ) {
    super(index);
  }

  predict(example: Example): Scores {
    const scores = new Float64Array(this.index.ids.length);
    this.weights.addTo(scores, this.extractor.extract(example));
    softmax(scores);
    return { categories: this.index.snapshot(), probabilities: toProbabilities(scores) };
  }

  update(example: Example, label: Id): void {
    this.reveal(example, label);
  }

  override reveal(example: Example, label: Id): Scores {
    const categories = this.index.snapshot();
    const scores = new Float64Array(categories.length);
    const vector = this.extractor.extract(example);
    this.weights.locate(vector);
    this.weights.score(scores, vector, 0, vector.size);
    const target = this.index.add(label);
    const gradients = new Float64Array(this.index.ids.length);
    gradients.set(scores);
    softmax(scores);
    softmax(gradients);
    gradients[target]! -= 1;
    this.weights.descend(gradients, vector, 0, vector.size);
    return { categories, probabilities: toProbabilities(scores) };
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const vector = this.extractor.extract(example, true);
    return strongest(this.weights.terms(vector, this.index.get(category)), limit);
  }

  serialise(): EstimatorState {
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: this.weights.serialise(),
    };
  }
}

register({
  name: WORDS,
  defaults: DEFAULTS,
  onRequest: true,
  create: (given) => {
    const parameters = { ...DEFAULTS, ...given };
    return new WordLogistic(parameters, new CategoryIndex(), new SparseWeights(parameters));
  },
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const weights = yield* SparseWeights.restore(parameters as typeof DEFAULTS, arrays);
    return new WordLogistic(parameters, new CategoryIndex(categories), weights);
  },
});
