export * from "./context";
export {
  ORPHAN_AFTER_MS,
  RunLedger,
  TERMINAL_STATES,
  type LedgerOptions,
  type StepHooks,
  type StepResult,
} from "./ledger";
