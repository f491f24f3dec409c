// One line for each estimator: the file registers itself.
import "./logistic";
import "./bayes";
import "./counterparty";
import "./network";

export type {
  Estimator,
  EstimatorKind,
  EstimatorState,
  FitOptions,
  Parameters,
  Term,
  TypedArray,
} from "./port";
export {
  competingEstimators,
  createEstimator,
  estimatorKind,
  estimatorNames,
  register,
  restoreEstimator,
} from "./registry";
export { lookForPackagesIn, NETWORK, packageFolders, tensorFlow, type PackageFolders } from "./network";
