export * from "./errors";
export * from "./money";
export * from "./dates";
export * from "./json";
export * from "./ids";
export * from "./payee";
export { inChunks } from "./chunks";
export * from "./turns";
export { parseInTurns, parsingJson } from "./json-in-turns";
