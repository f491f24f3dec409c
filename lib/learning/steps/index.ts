export { classifyStep, type ClassifyStepOptions, type ClassifySummary } from "./classifyStep";
export { exampleOf, labelsOf, usableCategories } from "./labels";
export { liveModel, releaseModel, type LiveModel } from "./live";
export { trainStep, type TrainStepOptions, type TrainSummary } from "./trainStep";
export { trainWhen, type NotTrained } from "./trainWhen";
