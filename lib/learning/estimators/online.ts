import type { Id } from "../../values";
import type { Example, LabelledExample, Scores } from "../types";
import type { CategoryIndex } from "./categoryIndex";
import {
  fitInOrder,
  type Estimator,
  type EstimatorState,
  type FitOptions,
  type Parameters,
  type Term,
} from "./port";

/** What estimators have alike that number their categories and learn label by label. */
export abstract class OnlineEstimator implements Estimator {
  abstract readonly name: string;
  abstract readonly parameters: Parameters;

  constructor(protected readonly index: CategoryIndex) {}

  get categories(): readonly Id[] {
    return this.index.ids;
  }

  fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    fitInOrder(this, examples, options);
  }

  /** One after the other; who saves something by doing both at once does so. */
  reveal(example: Example, label: Id): Scores {
    const scores = this.predict(example);
    this.update(example, label);
    return scores;
  }

  abstract predict(example: Example): Scores;
  abstract update(example: Example, label: Id): void;
  abstract explain(example: Example, category: Id, limit: number): Term[];
  abstract serialise(): EstimatorState;
}
