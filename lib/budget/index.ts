export * from "./port";
export { doubledByMatch } from "./matched";
export {
  budgetCursorId,
  budgetExtract,
  type BudgetExtractOptions,
  type BudgetExtractResult,
} from "./extract";
export * from "./ynab";
