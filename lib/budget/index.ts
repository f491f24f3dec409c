export * from "./port";
export * from "./ynab";
