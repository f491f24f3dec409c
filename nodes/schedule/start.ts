import type { RunLedger } from "../../lib/runs";
import { withLease, type Run, type RunStep, type Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { WORKER } from "../runtime";

/** A run in which no step has been at work for this long, and that nothing ended, no longer holds up its job. */
export const ABANDONED_AFTER_MS = 10 * 60_000;
const LEASE_MS = 30_000;

/**
 * Begin a run of a job, unless one is going on and runs may not overlap. Of several workers on one store that begin
 * the same job at the same moment one gets through. A run that a flow left without an end is ended here.
 * @returns the run, or undefined when it was left out
 */
export async function startRun(
  store: Store,
  ledger: RunLedger,
  request: { job: string; trigger: string; overlap: "skip" | "allow" },
  now: () => number = Date.now,
): Promise<Run | undefined> {
  const { job, trigger } = request;
  if (request.overlap === "allow") return ledger.start({ job, trigger });
  const beginAlone = async (): Promise<Run | undefined> => {
    for (const state of ["Running", "Retrying"] as const) {
      for await (const run of scanRuns(ledger, job, state)) {
        const { steps } = await ledger.get(run.id);
        if (isAtWork(run, steps, now())) return undefined;
        const message =
          "Nothing ended this run: no step of it was at work for ten minutes. Put a summary node at the end of the flow.";
        await ledger.finish(run.id, "Cancelled", new TallyError("CANCELLED", message));
      }
    }
    return ledger.start({ job, trigger });
  };
  try {
    return await withLease(store, `schedule:${job}`, WORKER, LEASE_MS, beginAlone);
  } catch (error) {
    // Another worker is beginning this very job.
    if (error instanceof TallyError && error.code === "STORE_CONFLICT") return undefined;
    throw error;
  }
}

async function* scanRuns(ledger: RunLedger, job: string, state: "Running" | "Retrying"): AsyncIterable<Run> {
  let after: string | undefined;
  do {
    const page = await ledger.list({ state, limit: 100, ...(after ? { after } : {}) });
    for (const run of page.items) if (run.job === job) yield run;
    after = page.next;
  } while (after);
}

function isAtWork(run: Run, steps: readonly RunStep[], now: number): boolean {
  if (steps.some((step) => step.state === "Running")) return true;
  const last = Math.max(
    Date.parse(run.heartbeatAt),
    ...steps.map((step) => Date.parse(step.endedAt ?? step.startedAt)),
  );
  return now - last < ABANDONED_AFTER_MS;
}
