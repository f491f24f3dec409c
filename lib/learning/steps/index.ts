export { suggestNow, type Suggestion } from "./cascadeNow";
export { classifyStep, type ClassifyStepOptions, type ClassifySummary } from "./classifyStep";
export { exampleOf, labelsOf, usableCategories } from "./labels";
export { labelsAsOf } from "./labelsAsOf";
export {
  budgetsWithModels,
  compareVersions,
  promoteByHand,
  rollBackByHand,
  shadowText,
  versionRows,
  versionScores,
  type Comparison,
  type VersionRow,
} from "./lifecycle";
export { liveModel, NO_MODEL, releaseModel, type LiveModel } from "./live";
export { retainShadows } from "./shadow";
export { promoteByShadow, shadowReports, type ShadowReport } from "./shadowReport";
export { trainStep, type TrainStepOptions, type TrainSummary } from "./trainStep";
export { trainWhen, type NotTrained } from "./trainWhen";
