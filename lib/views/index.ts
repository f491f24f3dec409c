import type { RunLedger } from "../runs";
import type { Store } from "../store";
import { readBalances, readDifferences } from "./balances";
import { readBatch, readBatches } from "./batches";
import { readConfidence } from "./confidence";
import { readDrift } from "./drift";
import { readAccounts, readCategories, readClassifications } from "./lists";
import { readModelCategories, readModelCurve, readModelReliability, readModels } from "./models";
import { readOverview } from "./overview";
import { readPayments } from "./payments";
import { readPreview, readPreviews } from "./previews";
import { readQueue, readStates } from "./queue";
import { readDead, readSkipped } from "./reasons";
import { readRemoved } from "./removed";
import { readJobs, readRun, readRuns, readSteps } from "./runs";
import { readMonths, readSpending } from "./spending";
import type { Reader, ScheduledJob, Table, View, ViewRequest } from "./types";

/** Small tables over the store, for dashboards, the CLI and other flows. They only read. */

export { VIEWS, type Row, type ScheduledJob, type Table, type View, type ViewRequest } from "./types";

/**
 * Read a view: flat rows, newest first where there is a time.
 * @param schedules what the clock starts, for the views that say when a job runs next
 * @throws TallyError CONFIG_INVALID for a state or reason that does not exist, or a view without what it needs; NOT_FOUND
 *   for an unknown run or batch; STORE_UNAVAILABLE
 */
export async function readView(
  store: Store,
  ledger: RunLedger,
  request: ViewRequest,
  schedules: readonly ScheduledJob[] = [],
): Promise<Table> {
  const page = await readers[request.view]({ store, ledger, schedules }, request);
  return { view: request.view, rows: page.rows, ...(page.next ? { next: page.next } : {}) };
}

const readers: Readonly<Record<View, Reader>> = {
  overview: readOverview,
  payments: readPayments,
  queue: readQueue,
  review: (sources, request) => readQueue(sources, { ...request, state: "review" }),
  states: readStates,
  dead: readDead,
  skipped: readSkipped,
  removed: readRemoved,
  batches: readBatches,
  batch: readBatch,
  previews: readPreviews,
  preview: readPreview,
  balances: readBalances,
  differences: readDifferences,
  spending: readSpending,
  months: readMonths,
  categories: readCategories,
  confidence: readConfidence,
  runs: readRuns,
  run: readRun,
  steps: readSteps,
  jobs: readJobs,
  classifications: readClassifications,
  accounts: readAccounts,
  models: readModels,
  "model-curve": readModelCurve,
  "model-reliability": readModelReliability,
  "model-categories": readModelCategories,
  drift: readDrift,
};
