import type { Id } from "../../values";
import { WordExtractor } from "../features";
import { softmax, toProbabilities, type Example, type LabelledExample, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import {
  fitInOrder,
  predictThenUpdate,
  strongest,
  type Estimator,
  type EstimatorState,
  type FitOptions,
  type Parameters,
  type Term,
} from "./port";
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

class WordLogistic implements Estimator {
  readonly name = WORDS;
  private readonly extractor = new WordExtractor();

  constructor(
    readonly parameters: Parameters,
    private readonly index: CategoryIndex,
    private readonly weights: SparseWeights,
  ) {}

  get categories(): readonly Id[] {
    return this.index.ids;
  }

  fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    fitInOrder(this, examples, options);
  }

  predict(example: Example): Scores {
    const scores = new Float64Array(this.index.ids.length);
    this.weights.addTo(scores, this.extractor.extract(example));
    softmax(scores);
    return { categories: this.index.snapshot(), probabilities: toProbabilities(scores) };
  }

  update(example: Example, label: Id): void {
    const vector = this.extractor.extract(example);
    const target = this.index.add(label);
    const gradients = new Float64Array(this.index.ids.length);
    this.weights.locate(vector);
    this.weights.score(gradients, vector, 0, vector.size);
    softmax(gradients);
    gradients[target]! -= 1;
    this.weights.descend(gradients, vector, 0, vector.size);
  }

  reveal(example: Example, label: Id): Scores {
    return predictThenUpdate(this, example, label);
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
