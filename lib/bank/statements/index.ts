export * from "./types";
export { parseStatement } from "./parse";
export { sameAccount } from "./accounts";
export { openStatementFiles, type StatementFile, type StatementFileOptions } from "./provider";
export { type CsvColumn, type CsvPreview } from "./csv";
export { csvPreview, ReadingThread, type ReadingThreadOptions } from "./reading";
export { keepStatement, safeFileName, type KeptStatement } from "./keep";
