export * from "./calibrator";
export * from "./metrics";
export * from "./threshold";
