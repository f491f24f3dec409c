export { classifyStep, type ClassifyStepOptions, type ClassifySummary, type MoveItems } from "./classifyStep";
export { exampleOf, labelsOf, usableCategories } from "./labels";
export { liveModel, type LiveModel } from "./live";
export { trainStep, type TrainStepOptions, type TrainSummary } from "./trainStep";
