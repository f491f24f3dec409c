import type { Id, Json } from "../../values";
import type { Example, LabelledExample, Scores } from "../types";

/** A number of parameters by name; each estimator documents its own. */
export type Parameters = Readonly<Record<string, number>>;

/** An estimator's state: small things as JSON, large ones as typed arrays (see training/artifact). */
export interface EstimatorState {
  meta: Json;
  arrays: Record<string, TypedArray>;
}

export type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** What a term of the example says for one category: its weight in the estimator's own unit. */
export interface Term {
  term: string;
  weight: number;
}

export interface FitOptions {
  /** Looked at now and then; throws what the signal throws. */
  signal?: AbortSignal;
  progress?(done: number, total: number): void;
}

/**
 * Something that learns categories from labelled examples, in the order of time. All are online: `fit` is `update`
 * over and over, so a model that learned up to a moment can be scored and then go on. A new estimator is one file
 * that ends in a call of `register`.
 */
export interface Estimator {
  readonly name: string;
  /** Ids of the categories seen so far, in the order in which they came. */
  readonly categories: readonly Id[];
  readonly parameters: Parameters;
  /** Learn from examples in the order of time; may be called again with later ones. */
  fit(examples: readonly LabelledExample[], options?: FitOptions): void;
  /** Probabilities of every category seen so far, from what was learned so far. */
  predict(example: Example): Scores;
  /** Learn one label at once. */
  update(example: Example, label: Id): void;
  /** What it would have predicted, and learn the label: {@link predict} and {@link update} in one. */
  reveal(example: Example, label: Id): Scores;
  /** The terms that speak most for a category, strongest first; empty where the estimator has none. */
  explain(example: Example, category: Id, limit: number): Term[];
  serialise(): EstimatorState;
}

export interface EstimatorKind {
  readonly name: string;
  readonly defaults: Parameters;
  /** Competes only when it is named: it needs an optional package and far more time than the others, or is for a case of its own. */
  readonly onRequest?: boolean;
  /** For people: what is worth knowing of how it runs here. */
  note?(): string | undefined;
  /** @throws TallyError DEPENDENCY_MISSING when it needs a package that is not installed */
  create(parameters?: Parameters): Estimator;
  /** Pauses between parts of some milliseconds. */
  restore(state: EstimatorState): Generator<void, Estimator>;
}

/** The terms that speak for something, the strongest first; those of one name are one, with the sum of their weights. */
export function strongest(terms: Iterable<Term>, limit: number): Term[] {
  const sums = new Map<string, number>();
  for (const { term, weight } of terms) sums.set(term, (sums.get(term) ?? 0) + weight);
  return [...sums]
    .map(([term, weight]) => ({ term, weight }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, limit);
}

/** Every now and then during a fit: report, and stop when asked. */
function checkpoint(done: number, total: number, options: FitOptions | undefined): void {
  if ((done & 1023) !== 0) return;
  options?.signal?.throwIfAborted();
  options?.progress?.(done, total);
}

/**
 * Fit an online estimator: an update for each example in its order.
 * @throws the signal's reason when the work is stopped
 */
export function fitInOrder(
  estimator: Pick<Estimator, "update">,
  examples: readonly LabelledExample[],
  options: FitOptions | undefined,
): void {
  for (let i = 0; i < examples.length; i++) {
    checkpoint(i, examples.length, options);
    estimator.update(examples[i]!, examples[i]!.label);
  }
}
