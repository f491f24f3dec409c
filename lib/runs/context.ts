import type { Store } from "../store";
import type { Instant } from "../values";

/** What a step is given: the store, the means to report, and the means to be stopped. */
export interface StepContext {
  store: Store;
  runId: string;
  /** Aborted on close or redeploy: stop at the next safe point and throw CANCELLED. */
  signal: AbortSignal;
  /** Report `done` of `total` (0 when unknown), with a word on what. */
  progress(done: number, total: number, what?: string): void;
  /** A message for people in the log. */
  log(level: "info" | "warn" | "error", message: string): void;
  /** A thing that happened, kept in `events` and shown to whoever listens. */
  emit(type: string, subject: string | undefined, data: Record<string, unknown>): Promise<void>;
  now(): Instant;
}

/** Numbers a step reports to the run ledger. */
export type Counts = Record<string, number>;
