import type { RunLedger } from "../runs";
import type { Store } from "../store";
import type { Instant } from "../values";

export const VIEWS = [
  "overview",
  "payments",
  "queue",
  "review",
  "states",
  "dead",
  "skipped",
  "removed",
  "batches",
  "batch",
  "previews",
  "preview",
  "balances",
  "differences",
  "spending",
  "months",
  "categories",
  "confidence",
  "runs",
  "run",
  "steps",
  "jobs",
  "classifications",
  "accounts",
  "models",
  "model-curve",
  "model-reliability",
  "model-categories",
  "drift",
] as const;
export type View = (typeof VIEWS)[number];

export interface ViewRequest {
  view: View;
  budgetId?: string | undefined;
  accountId?: string | undefined;
  /** State of queue items or of runs. */
  state?: string | undefined;
  /** Of queue items: a skip reason, or the code of an error. */
  reason?: string | undefined;
  batchId?: string | undefined;
  /** Of a model: a version, or what points at one, such as `production`. */
  version?: string | undefined;
  /** `latest` stands for the newest run. */
  runId?: string | undefined;
  /** Only payments of this many days up to the newest payment. */
  days?: number | undefined;
  limit: number;
  /** `next` of the page before. */
  after?: string | undefined;
}

export type Row = Record<string, string | number | boolean | null>;

export interface Table {
  view: View;
  rows: Row[];
  /** Where the next page begins; absent on the last page. */
  next?: string;
}

/** A job that something starts by the clock. */
export interface ScheduledJob {
  job: string;
  /** When it starts next; null when the clock will not start it again. */
  next: Instant | null;
}

/** What the views are made of. */
export interface Sources {
  store: Store;
  ledger: RunLedger;
  schedules: readonly ScheduledJob[];
}

export type PageOfRows = { rows: Row[]; next?: string | undefined };
export type Reader = (sources: Sources, request: ViewRequest) => Promise<PageOfRows>;
