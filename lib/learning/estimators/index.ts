// One line for each estimator: the file registers itself.
import "./logistic";
import "./bayes";
import "./counterparty";
import "./firstLabels";

export type {
  Estimator,
  EstimatorKind,
  EstimatorState,
  FitOptions,
  Parameters,
  Term,
  TypedArray,
} from "./port";
export { FIRST_LABELS } from "./firstLabels";
export { createEstimator, estimatorKind, estimatorNames, register, restoreEstimator } from "./registry";
