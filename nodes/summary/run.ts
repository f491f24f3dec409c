import { TERMINAL_STATES, type RunLedger, type StepContext, type StepResult } from "../../lib/runs";
import type { Run, RunStep } from "../../lib/store";
import { TallyError } from "../../lib/values";

export interface Summary extends StepResult {
  run: Omit<Run, "worker" | "heartbeatAt" | "transitions">;
  steps: Pick<RunStep, "step" | "node" | "state" | "durationMs" | "counts" | "error">[];
}

/**
 * End the message's run and report it. A run that ended already, by a failure or by itself, stays as it is.
 * @throws TallyError CONFIG_INVALID when the message belongs to no run; NOT_FOUND when the ledger does not know it
 */
export async function endRun(
  context: Pick<StepContext, "runId">,
  _options: unknown,
  { ledger }: { ledger: RunLedger },
): Promise<Summary> {
  if (!context.runId) {
    throw new TallyError(
      "CONFIG_INVALID",
      "This message belongs to no run (msg.tally.runId is missing). Wire the summary behind the steps of a run.",
    );
  }
  const before = await ledger.get(context.runId);
  const ended = TERMINAL_STATES.includes(before.run.state) ? before.run : await ledger.finish(context.runId);
  const { worker: _worker, heartbeatAt: _heartbeatAt, transitions: _transitions, ...run } = ended;
  return {
    run,
    steps: before.steps.map(({ step, node, state, durationMs, counts, error }) => ({
      step,
      ...(node === undefined ? {} : { node }),
      state,
      ...(durationMs === undefined ? {} : { durationMs }),
      counts,
      ...(error === undefined ? {} : { error }),
    })),
    counts: ended.counts,
  };
}
