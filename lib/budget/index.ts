export * from "./port";
export {
  budgetCursorId,
  budgetExtract,
  type BudgetExtractOptions,
  type BudgetExtractResult,
} from "./extract";
export * from "./ynab";
