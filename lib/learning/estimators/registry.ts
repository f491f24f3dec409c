import { TallyError } from "../../values";
import type { Estimator, EstimatorKind, EstimatorState, Parameters } from "./port";

const kinds = new Map<string, EstimatorKind>();

/** Make a kind of estimator known under its name. */
export function register(kind: EstimatorKind): void {
  kinds.set(kind.name, kind);
}

/** Names of the estimators that compete when none is named, in the order in which they were registered. */
export function competingEstimators(): string[] {
  return [...kinds.values()].filter((kind) => !kind.onRequest).map(({ name }) => name);
}

/** @throws TallyError CONFIG_INVALID when there is no estimator of this name */
export function estimatorKind(name: string): EstimatorKind {
  const kind = kinds.get(name);
  if (!kind) {
    throw new TallyError(
      "CONFIG_INVALID",
      `There is no estimator "${name}". Use one of: ${[...kinds.keys()].join(", ")}.`,
    );
  }
  return kind;
}

/** An estimator that has learned nothing yet. @throws TallyError CONFIG_INVALID for an unknown name */
export function createEstimator(name: string, parameters?: Parameters): Estimator {
  return estimatorKind(name).create(parameters);
}

/** An estimator as it was serialised; pauses between parts of some milliseconds. @throws TallyError CONFIG_INVALID for an unknown name */
export function restoreEstimator(name: string, state: EstimatorState): Generator<void, Estimator> {
  return estimatorKind(name).restore(state);
}
