export { csvPreview, Desk, summaryOf, type OpenedFile } from "./desk";
export { type StatementSummary } from "./summary";
export {
  mergeAccounts,
  TOLD,
  type FileFacts,
  type ReadingSettings,
  type Rows,
  type RowsRequest,
} from "./reading";
export { ReadingThread, type Given, type ReadingThreadOptions } from "./thread";
