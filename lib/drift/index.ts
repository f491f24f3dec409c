export { driftStep, type DriftStepOptions, type DriftSummary } from "./step";
export { readingsOf, SIGNALS, type ReadingOptions, type Seen } from "./readings";
export { mixDistance } from "./nulls";
export { meaningOf, readingText, SIGNAL_NAMES, valueText } from "./words";
