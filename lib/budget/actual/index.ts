export { listActualBudgets, openActual, type ActualProvider } from "./provider";
export type { ActualOptions, RulesMode } from "./options";
export type { ActualBudgetInfo } from "./protocol";
