import { randomBytes } from "node:crypto";
import { events, runs, runSteps, type Run, type RunState, type RunStep, type Store } from "../store";
import { TallyError, toTallyError, type Instant } from "../values";
import type { Counts, StepContext } from "./context";

/** The run ledger: every flow execution is a run with steps, counts, durations and errors. */

/** States from which nothing follows by itself. */
export const TERMINAL_STATES: readonly RunState[] = ["Completed", "Failed", "Crashed", "Cancelled"];

/** A Running run without a sign of life for this long has crashed. */
export const ORPHAN_AFTER_MS = 120_000;

export interface LedgerOptions {
  /** Names this process: host, process id and a random part. */
  worker: string;
  now?: () => Instant;
}

export interface StepHooks {
  signal: AbortSignal;
  progress?: (done: number, total: number, what?: string) => void;
  log?: StepContext["log"];
  /** Told of each event after it is stored. */
  event?: (type: string, subject: string | undefined, data: Record<string, unknown>) => void;
}

export interface StepResult {
  counts: Counts;
}

export class RunLedger {
  private readonly now: () => Instant;
  private readonly sequence = new Map<string, number>();

  constructor(
    private readonly store: Store,
    private readonly options: LedgerOptions,
  ) {
    this.now = options.now ?? (() => new Date().toISOString());
  }

  /** Begin a run. */
  async start(request: { job: string; trigger: string; parentId?: string }): Promise<Run> {
    const at = this.now();
    const run: Run = {
      id: `run:${at.replace(/[^\d]/g, "")}${randomBytes(4).toString("hex")}`,
      job: request.job,
      trigger: request.trigger,
      ...(request.parentId ? { parentId: request.parentId } : {}),
      state: "Running",
      worker: this.options.worker,
      startedAt: at,
      heartbeatAt: at,
      counts: {},
      transitions: [{ state: "Running", at }],
    };
    await this.store.collection(runs).upsertMany([run]);
    return run;
  }

  /**
   * Do one step of a run: recorded as Running, then Completed with its counts or Failed with its error. A failed step
   * fails the run; a further step of the same run (a retry from a Catch node) sets it Retrying.
   * @throws whatever `work` throws, as a TallyError
   */
  async step<T extends StepResult>(
    runId: string,
    name: string,
    node: string | undefined,
    work: (context: StepContext) => Promise<T>,
    hooks: StepHooks,
  ): Promise<T> {
    const run = await this.store.collection(runs).get(runId);
    if (!run) throw new TallyError("NOT_FOUND", `Run ${runId} is not in the ledger. Start the flow again.`);
    if (run.state !== "Running") {
      const failed = ["Failed", "Crashed", "Cancelled"].includes(run.state);
      await this.transition(runId, failed ? "Retrying" : "Running", name);
    }
    const step: RunStep = {
      id: `${runId}|${await this.nextNumber(runId)}`,
      runId,
      step: name,
      ...(node ? { node } : {}),
      state: "Running",
      startedAt: this.now(),
      counts: {},
    };
    await this.store.collection(runSteps).upsertMany([step]);
    const heartbeat = setInterval(() => {
      this.beat(runId).catch((error: unknown) =>
        hooks.log?.("warn", `The run ledger could not be written: ${toTallyError(error).message}`),
      );
    }, ORPHAN_AFTER_MS / 4);
    heartbeat.unref();
    try {
      const result = await work(this.context(runId, hooks));
      await this.endStep(step, "Completed", result.counts);
      return result;
    } catch (thrown) {
      const error = toTallyError(thrown);
      const state = error.code === "CANCELLED" ? "Cancelled" : "Failed";
      await this.endStep(step, state, {}, error);
      await this.finish(runId, state, error);
      throw error;
    } finally {
      clearInterval(heartbeat);
    }
  }

  /** End a run; its counts are the sums over its steps, named `<step>.<count>`. */
  async finish(runId: string, state: RunState = "Completed", error?: TallyError): Promise<Run> {
    const { run, steps } = await this.get(runId);
    const counts: Counts = {};
    for (const step of steps) {
      for (const [key, value] of Object.entries(step.counts)) {
        counts[`${step.step}.${key}`] = (counts[`${step.step}.${key}`] ?? 0) + value;
      }
    }
    const at = this.now();
    const ended: Run = {
      ...run,
      state,
      heartbeatAt: at,
      endedAt: at,
      durationMs: Date.parse(at) - Date.parse(run.startedAt),
      counts,
      ...(error ? { error: error.toJSON() } : {}),
      transitions: [...run.transitions, { state, at, ...(error ? { message: error.message } : {}) }],
    };
    if (!error) delete ended.error;
    await this.store.collection(runs).upsertMany([ended]);
    this.sequence.delete(runId);
    return ended;
  }

  /**
   * Orphans of a process that died: a Running run of an earlier process under this worker's name, or of any worker
   * without a sign of life, becomes Crashed. Call at start.
   * @returns how many there were
   */
  async recover(isDead: (worker: string) => boolean = () => false): Promise<number> {
    const horizon = new Date(Date.parse(this.now()) - ORPHAN_AFTER_MS).toISOString();
    let found = 0;
    for (const state of ["Running", "Retrying"] as const) {
      for await (const run of this.store.collection(runs).scan({ index: "byState", equals: [state] })) {
        if (run.worker === this.options.worker || (run.heartbeatAt > horizon && !isDead(run.worker)))
          continue;
        const { steps } = await this.get(run.id);
        const message =
          "The process that ran this ended before it was done. What it had not finished is taken up by the next run.";
        const error = new TallyError("INTERNAL", message, { retryable: true });
        for (const step of steps)
          if (step.state === "Running") await this.endStep(step, "Crashed", {}, error);
        await this.finish(run.id, "Crashed", error);
        found++;
      }
    }
    return found;
  }

  /** Newest runs first. */
  async list(request: { limit?: number; after?: string; job?: string; state?: RunState } = {}) {
    const index = request.job ? "byJob" : request.state ? "byState" : "byStart";
    const equals = request.job ? [request.job] : request.state ? [request.state] : [];
    return this.store.collection(runs).find({
      index,
      equals,
      order: "desc",
      limit: request.limit ?? 50,
      ...(request.after ? { after: request.after } : {}),
    });
  }

  /**
   * A run and its steps in order.
   * @throws TallyError NOT_FOUND
   */
  async get(runId: string): Promise<{ run: Run; steps: RunStep[] }> {
    const run = await this.store.collection(runs).get(runId);
    if (!run) throw new TallyError("NOT_FOUND", `There is no run ${runId}.`);
    const { items } = await this.store.collection(runSteps).find({ index: "byRun", equals: [runId] });
    return { run, steps: items };
  }

  private context(runId: string, hooks: StepHooks): StepContext {
    return {
      store: this.store,
      runId,
      signal: hooks.signal,
      progress: (done, total, what) => hooks.progress?.(done, total, what),
      log: (level, message) => hooks.log?.(level, message),
      now: this.now,
      emit: async (type, subject, data) => {
        const at = this.now();
        const event = {
          id: `${at}|${randomBytes(4).toString("hex")}`,
          at,
          type,
          data: JSON.parse(JSON.stringify(data)),
        };
        await this.store
          .collection(events)
          .upsertMany([subject === undefined ? event : { ...event, subject }]);
        hooks.event?.(type, subject, data);
      },
    };
  }

  private async beat(runId: string): Promise<void> {
    await this.store
      .collection(runs)
      .updateMany([{ id: runId, expected: {}, set: { heartbeatAt: this.now() } }]);
  }

  private async transition(runId: string, state: RunState, message: string): Promise<void> {
    const { run } = await this.get(runId);
    const at = this.now();
    const next: Run = {
      ...run,
      state,
      heartbeatAt: at,
      transitions: [...run.transitions, { state, at, message }],
    };
    delete next.endedAt;
    delete next.durationMs;
    delete next.error;
    await this.store.collection(runs).upsertMany([next]);
  }

  private async endStep(step: RunStep, state: RunState, counts: Counts, error?: TallyError): Promise<void> {
    const endedAt = this.now();
    const durationMs = Date.parse(endedAt) - Date.parse(step.startedAt);
    await this.store
      .collection(runSteps)
      .upsertMany([
        { ...step, state, endedAt, durationMs, counts, ...(error ? { error: error.toJSON() } : {}) },
      ]);
  }

  private async nextNumber(runId: string): Promise<string> {
    const stored = this.sequence.has(runId)
      ? 0
      : await this.store.collection(runSteps).count({ index: "byRun", equals: [runId] });
    const next = (this.sequence.get(runId) ?? stored) + 1;
    this.sequence.set(runId, next);
    return String(next).padStart(4, "0");
  }
}
