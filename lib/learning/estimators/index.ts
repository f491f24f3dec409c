// One line for each estimator: the file registers itself.
import "./logistic";
import "./bayes";
import "./counterparty";
import "./firstLabels";
import "./stacked";

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
export { STACKED } from "./stacked";
export { createEstimator, estimatorKind, estimatorNames, register, restoreEstimator } from "./registry";
