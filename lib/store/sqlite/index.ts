export { SqliteStore } from "./store";
export { SqliteEngine } from "./engine";
