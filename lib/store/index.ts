export * from "./port";
export * from "./collections";
export { budgetIds } from "./budget-ids";
export { openStore, storeFromUrl, storeOptions, type StoreOptions } from "./open";
export { acquireLease, renewLease, releaseLease, withLease, type Clock } from "./lease";
export { migrate, type Migration } from "./migrations";
export { allCollections, exportLines, importLines, type ImportResult } from "./transfer";
export { SqliteStore } from "./sqlite";
export { shardingCommands } from "./mongodb";
