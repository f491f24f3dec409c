import type { Run, RunState, RunStep } from "../store";
import { TallyError } from "../values";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** The runs, newest first. */
export async function readRuns({ ledger }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await listRuns(ledger, request);
  return { rows: page.items.map(runRow), next: page.next };
}

/** The steps of one run, in order; `latest` is the newest run, and no rows when there is none yet. */
export async function readRun({ ledger }: Sources, request: ViewRequest): Promise<PageOfRows> {
  let { runId } = request;
  if (runId === "latest") {
    runId = (await ledger.list({ limit: 1 })).items[0]?.id;
    if (!runId) return { rows: [] };
  }
  if (!runId)
    throw new TallyError(
      "CONFIG_INVALID",
      "No run is named. Give its id as the option runId, or a message that belongs to a run.",
    );
  const { steps } = await ledger.get(runId);
  return { rows: steps.map(stepRow) };
}

/**
 * Runs with their steps, newest run first: one row for each step, which repeats the columns of its run with `run` in
 * front; a run that has no step yet is one row whose `step` is null. `limit` counts runs.
 */
export async function readSteps({ ledger }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await listRuns(ledger, request);
  const rows: Row[] = [];
  for (const run of page.items) {
    const { id, ...columns } = runRow(run);
    const prefixed = Object.fromEntries(
      Object.entries(columns).map(([name, value]) => [
        `run${name.charAt(0).toUpperCase()}${name.slice(1)}`,
        value,
      ]),
    );
    const { steps } = await ledger.get(run.id);
    const parts = steps.length > 0 ? steps.map(stepRow) : [{ id: run.id, step: null }];
    for (const part of parts) rows.push({ ...part, runId: id ?? null, ...prefixed });
  }
  return { rows, next: page.next };
}

/** The jobs that the clock starts: when next, and what became of the last run of each. */
export async function readJobs({ ledger, schedules }: Sources): Promise<PageOfRows> {
  const rows: Row[] = [];
  for (const { job, next } of schedules) {
    const { items } = await ledger.list({ job, limit: 1 });
    const last = items[0] ? runRow(items[0]) : {};
    rows.push({
      job,
      next,
      lastState: last["state"] ?? null,
      lastStartedAt: last["startedAt"] ?? null,
      lastDurationMs: last["durationMs"] ?? null,
      lastError: last["error"] ?? null,
    });
  }
  return { rows };
}

function listRuns(ledger: Sources["ledger"], request: ViewRequest) {
  return ledger.list({
    limit: request.limit,
    ...(request.after ? { after: request.after } : {}),
    ...(request.state ? { state: request.state as RunState } : {}),
  });
}

/** A run as flat columns. */
export function runRow(run: Run): Row {
  return {
    id: run.id,
    job: run.job,
    state: run.state,
    trigger: run.trigger,
    startedAt: run.startedAt,
    endedAt: run.endedAt ?? null,
    durationMs: run.durationMs ?? null,
    written: run.counts["queue-sync.synced"] ?? null,
    error: run.error?.message ?? null,
  };
}

function stepRow(step: RunStep): Row {
  return {
    id: step.id,
    step: step.step,
    node: step.node ?? null,
    state: step.state,
    startedAt: step.startedAt,
    durationMs: step.durationMs ?? null,
    counts: Object.entries(step.counts)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
    error: step.error?.message ?? null,
  };
}
