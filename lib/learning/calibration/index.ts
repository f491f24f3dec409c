export * from "./calibrator";
export * from "./judgement";
export * from "./metrics";
export * from "./threshold";
