export { listYnabPlans, openYnab, type YnabOptions, type YnabPlan, type YnabProvider } from "./provider";
export { YNAB_URL, type YnabConnection } from "./api";
