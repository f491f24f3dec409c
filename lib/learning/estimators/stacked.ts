import type { Id, Json } from "../../values";
import { softmax, toProbabilities, type Example, type LabelledExample, type Scores } from "../types";
import {
  fitInOrder,
  strongest,
  type Estimator,
  type EstimatorState,
  type FitOptions,
  type Parameters,
  type Term,
} from "./port";
import { createEstimator, register, restoreEstimator } from "./registry";

/**
 * Several estimators as one: the log-probabilities of its members, each with a weight, as scores of the categories (a
 * logarithmic opinion pool; Genest, Zidek 1986, "Combining Probability Distributions"). The weights are the coefficients
 * of a conditional logit over the categories, trained by AdaGrad on what the members said of each payment before its
 * label was known (stacking, Wolpert 1992, on progressive validation): no member is asked about what it has learned.
 *
 * Parameters: `rate` and `floor` of the weights' steps; `least` added to a probability before its logarithm, so that a
 * member that rules a category out rules it out no further than that.
 */
export const STACKED = "stacked";
const DEFAULTS = { rate: 0.05, floor: 1, least: 1e-4 };
/** Names of the members and the weights they begin with, as a few hundred labels of a household give them. */
const MEMBERS: readonly [name: string, weight: number][] = [
  ["sparse-logistic", 0.8],
  ["complement-naive-bayes", 0.2],
  ["counterparty-memory", 0.2],
  ["word-logistic", 0.15],
];

class Stacked implements Estimator {
  readonly name = STACKED;

  constructor(
    readonly parameters: Parameters,
    private readonly members: readonly Estimator[],
    private readonly weights: Float64Array,
    private readonly squares: Float64Array,
  ) {}

  get categories(): readonly Id[] {
    return this.members[0]!.categories;
  }

  fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    fitInOrder(this, examples, options);
  }

  predict(example: Example): Scores {
    return this.pool(this.members.map((member) => member.predict(example)));
  }

  update(example: Example, label: Id): void {
    this.reveal(example, label);
  }

  reveal(example: Example, label: Id): Scores {
    const said = this.members.map((member) => member.reveal(example, label));
    const scores = this.pool(said);
    const target = scores.categories.indexOf(label);
    // A label that none of them knew says nothing about who was right.
    if (target >= 0) said.forEach((one, m) => this.descend(m, one, scores, target));
    return scores;
  }

  /** The terms of its members together, each as much as its member weighs. */
  explain(example: Example, category: Id, limit: number): Term[] {
    const terms = this.members.flatMap((member, m) =>
      member
        .explain(example, category, Infinity)
        .map(({ term, weight }) => ({ term, weight: this.weights[m]! * weight })),
    );
    return strongest(terms, limit);
  }

  serialise(): EstimatorState {
    const states = this.members.map((member) => member.serialise());
    const arrays: EstimatorState["arrays"] = { weights: this.weights.slice(), squares: this.squares.slice() };
    states.forEach((state, m) => {
      for (const [name, array] of Object.entries(state.arrays)) arrays[`${m}.${name}`] = array;
    });
    const members = this.members.map(({ name }, m) => ({ name, meta: states[m]!.meta }));
    return { meta: { parameters: { ...this.parameters }, members }, arrays };
  }

  /** Members know the same categories in the same order: each has learned the same labels. */
  private pool(said: readonly Scores[]): Scores {
    const { categories } = said[0]!;
    const least = this.parameters["least"]!;
    const pooled = new Float64Array(categories.length);
    for (let m = 0; m < said.length; m++) {
      const { probabilities } = said[m]!;
      const weight = this.weights[m]!;
      for (let c = 0; c < pooled.length; c++) pooled[c]! += weight * Math.log(probabilities[c]! + least);
    }
    softmax(pooled);
    return { categories, probabilities: toProbabilities(pooled) };
  }

  /** One step of a member's weight: down the gradient of the loss that the pooled probabilities had. */
  private descend(m: number, { probabilities }: Scores, pooled: Scores, target: number): void {
    const { rate, floor, least } = this.parameters as typeof DEFAULTS;
    let gradient = -Math.log(probabilities[target]! + least);
    for (let c = 0; c < probabilities.length; c++)
      gradient += pooled.probabilities[c]! * Math.log(probabilities[c]! + least);
    this.squares[m]! += gradient * gradient;
    this.weights[m]! -= (rate * gradient) / Math.sqrt(this.squares[m]! + floor);
  }
}

register({
  name: STACKED,
  defaults: DEFAULTS,
  create: (parameters) =>
    new Stacked(
      { ...DEFAULTS, ...parameters },
      MEMBERS.map(([name]) => createEstimator(name)),
      Float64Array.from(MEMBERS, ([, weight]) => weight),
      new Float64Array(MEMBERS.length),
    ),
  *restore({ meta, arrays }) {
    const { parameters, members } = meta as {
      parameters: Parameters;
      members: { name: string; meta: Json }[];
    };
    const restored: Estimator[] = [];
    for (const [m, { name, meta: own }] of members.entries()) {
      const prefix = `${m}.`;
      const mine = Object.entries(arrays).filter(([array]) => array.startsWith(prefix));
      const state = {
        meta: own,
        arrays: Object.fromEntries(mine.map(([array, of]) => [array.slice(prefix.length), of])),
      };
      restored.push(yield* restoreEstimator(name, state));
    }
    return new Stacked(
      parameters,
      restored,
      (arrays["weights"] as Float64Array).slice(),
      (arrays["squares"] as Float64Array).slice(),
    );
  },
});
