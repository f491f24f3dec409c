export * from "./port";
export { bankCursorId, bankExtract, type BankExtractOptions, type BankExtractResult } from "./extract";
