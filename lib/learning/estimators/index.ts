// One line for each estimator: the file registers itself.
import "./logistic";
import "./bayes";
import "./counterparty";
import "./words";
import "./firstLabels";
import "./network";
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
export { WORDS } from "./words";
export { lookForPackagesIn, NETWORK, packageFolders, tensorFlow, type PackageFolders } from "./network";
export { competingEstimators, createEstimator, estimatorKind, register, restoreEstimator } from "./registry";
