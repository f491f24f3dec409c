export * from "./context";
export { workerName } from "./worker";
export {
  ORPHAN_AFTER_MS,
  RunLedger,
  TERMINAL_STATES,
  type LedgerOptions,
  type StepHooks,
  type StepResult,
} from "./ledger";
