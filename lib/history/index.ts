export {
  asOf,
  FOREVER,
  recordHistory,
  versionsOf,
  type HistoryCounts,
  type HistoryOptions,
  type Snapshot,
} from "./scd2";
export {
  HISTORY_ENTITIES,
  historyStep,
  recordedSince,
  type HistoryStepOptions,
  type HistoryStepResult,
} from "./step";
