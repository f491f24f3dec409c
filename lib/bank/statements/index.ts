export * from "./types";
export { parseStatement } from "./parse";
export { sameAccount } from "./accounts";
export {
  openStatementFiles,
  type StatementFile,
  type StatementFileOptions,
  type StatementFileProvider,
} from "./provider";
export { previewCsv, type CsvColumn, type CsvPreview } from "./csv";
export { keepStatement, safeFileName, type KeptStatement } from "./keep";
