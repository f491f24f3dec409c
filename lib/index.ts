/** The library behind the nodes, for programs: no Node-RED is needed for any of it. */
export * from "./values";
export * as balance from "./balance";
export * as bank from "./bank";
export * as statements from "./bank/statements";
export * as budget from "./budget";
export * as actual from "./budget/actual";
export * as drift from "./drift";
export * as history from "./history";
export * as learning from "./learning";
export * as matching from "./matching";
export * as queue from "./queue";
export * as review from "./review";
export * as runs from "./runs";
export * as serving from "./serving";
export * as store from "./store";
