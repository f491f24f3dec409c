import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from "node-red";
import type { z } from "zod";
import type { BankProvider } from "../../lib/bank";
import type { BudgetProvider } from "../../lib/budget";
import type { RunLedger, StepContext, StepResult } from "../../lib/runs";
import { TallyError, toTallyError } from "../../lib/values";
import {
  configNode,
  type BankNode,
  type BankSettings,
  type BudgetNode,
  type BudgetSettings,
  type StoreNode,
} from "./config-nodes";
import { resolveOptions } from "./options";
import type { Lease } from "./pool";
import type { NodeSchema } from "./schema";
import { StatusLine } from "./status";

/** The one wrapper around every node that does a step: what a node promises to a flow is kept here. */

/** How many messages may wait while a step is at work; one more is refused with QUEUE_FULL. */
export const MAX_WAITING = 100;
/** Left of Node-RED's own close time-out for handing back. */
const CLOSE_MARGIN_MS = 1_000;

export interface TallyMessage extends NodeMessageInFlow {
  tally?: {
    runId?: string;
    job?: string;
    trigger?: string;
    options?: Record<string, unknown>;
    [key: string]: unknown;
  };
}

/** What a step may reach beside its context; connections are opened when first asked for. */
export interface StepTools {
  ledger: RunLedger;
  msg: Readonly<TallyMessage>;
  bank(): Promise<BankProvider>;
  budget(): Promise<BudgetProvider>;
  /** What the bank node says beside the connection. */
  bankSettings(): BankSettings;
  /** What was chosen in the budget node beside the connection. */
  budgetSettings(): BudgetSettings;
}

export type LedgerMode = "step" | "read" | "end";

export interface StepDefinition<S extends z.ZodRawShape, R extends StepResult> {
  schema: NodeSchema<S>;
  run(context: StepContext, options: z.output<z.ZodObject<S>>, tools: StepTools): Promise<R>;
  /** What comes of a result beside it: messages for the second output, one after another. */
  messages?(result: R): { topic: string; payload: unknown }[];
  /** What a person should see of a result beside its counts, as the node's status. */
  remarks?(result: R, text: (key: string, values?: Record<string, string>) => string): string[];
  /**
   * `step`: recorded as a step of the message's run, or of a run of its own when the message has none.
   * `read`: leaves no trace in the ledger, being no work of a job. `end`: ends the message's run. May follow from the options.
   */
  ledger?: LedgerMode | ((options: z.output<z.ZodObject<S>>) => LedgerMode);
}

interface Job {
  msg: TallyMessage;
  send: (msg: TallyMessage | [TallyMessage, TallyMessage[]]) => void;
  done: (error?: Error) => void;
}

/**
 * The constructor of a node that does a step.
 *
 * Messages are worked through one after another in the order they came. `msg` goes on with what others put on it;
 * `msg.payload` becomes the step's result and `msg.tally` tells of run, step, start, duration and counts. An error
 * goes to `done` once, with `code`, `message`, `retryable` and `details`, and is also on `msg.tally.error`, since
 * Node-RED hands a Catch node only message and code. On close the work is asked to stop and waited for.
 */
export function defineStep<S extends z.ZodRawShape, R extends StepResult>(definition: StepDefinition<S, R>) {
  return (RED: NodeAPI) =>
    function (this: Node, config: NodeDef): void {
      RED.nodes.createNode(this, config);
      const runner = new StepRunner(RED, this, config as unknown as Record<string, unknown>, definition);
      // Exactly three parameters: Node-RED tells by the count that the node calls `done` itself.
      this.on("input", (msg, send, done) => runner.accept(msg, send, done));
      this.on("close", (_removed: boolean, done: () => void) => {
        void runner.close().then(done);
      });
    };
}

class StepRunner<S extends z.ZodRawShape, R extends StepResult> {
  private readonly status: StatusLine;
  private readonly abort = new AbortController();
  private readonly waiting: Job[] = [];
  private working: Promise<void> | undefined;
  private progressAt = 0;
  /** The close time-out is over: what still ends must not reach nodes of the next deploy. */
  private closed = false;

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly config: Record<string, unknown>,
    private readonly definition: StepDefinition<S, R>,
  ) {
    this.status = new StatusLine(RED, node);
  }

  private get step(): string {
    return this.definition.schema.type.slice("tally-".length);
  }

  accept(msg: TallyMessage, send: Job["send"], done: Job["done"]): void {
    let called = false;
    const job: Job = {
      msg,
      send,
      done: (error) => {
        if (called) return;
        called = true;
        done(error);
      },
    };
    if (this.abort.signal.aborted) return this.refuse(job, stopped());
    if (this.waiting.length >= MAX_WAITING) {
      const message = `${MAX_WAITING} messages are waiting for this node already; this one was not taken. Send fewer, or wait for the work to finish.`;
      return this.refuse(job, new TallyError("QUEUE_FULL", message, { retryable: true }));
    }
    this.waiting.push(job);
    this.working ??= this.work().finally(() => (this.working = undefined));
  }

  /** Stop: what waits is handed back at once, what is at work is told and waited for within the time-out. */
  async close(): Promise<void> {
    this.abort.abort();
    for (const job of this.waiting.splice(0)) this.refuse(job, stopped());
    const settings = this.RED.settings as { nodeCloseTimeout?: number };
    const limit = Math.max((settings.nodeCloseTimeout ?? 15_000) - CLOSE_MARGIN_MS, 100);
    if (this.working) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), limit)));
      if ((await Promise.race([this.working, late])) === "late")
        this.node.warn(this.RED._("status.late", { seconds: String(Math.round(limit / 1000)) }));
      clearTimeout(timer);
    }
    this.closed = true;
    this.status.close();
  }

  private async work(): Promise<void> {
    for (let job = this.waiting.shift(); job; job = this.waiting.shift()) {
      try {
        const result = await this.perform(job);
        const more = this.definition.messages?.(result);
        if (!this.closed)
          job.send(more ? [job.msg, more.map((one) => this.messageOf(one, job.msg))] : job.msg);
        job.done();
      } catch (thrown) {
        this.refuse(job, toTallyError(thrown));
      }
    }
  }

  /** A message of its own: it knows the run that it comes of, and nothing else of the message that came in. */
  private messageOf(content: { topic: string; payload: unknown }, { tally }: TallyMessage): TallyMessage {
    const runId = tally?.runId;
    return {
      ...content,
      _msgid: this.RED.util.generateId(),
      tally: { step: this.step, ...(runId ? { runId } : {}) },
    };
  }

  private async perform(job: Job): Promise<R> {
    const { definition, node } = this;
    this.status.running(undefined, this.waiting.length);
    const startedAt = new Date();
    const leases: Lease<unknown>[] = [];
    try {
      const options = resolveOptions(definition.schema, { config: this.config, msg: job.msg });
      const store = await configNode<StoreNode>(this.RED, this.config, "store").lease();
      leases.push(store);
      const { ledger } = store.value;
      const connect = async <T>(field: "bank" | "budget"): Promise<T> => {
        const owner = configNode<BankNode & BudgetNode>(this.RED, this.config, field);
        const lease = (await owner.lease(store.value.store)) as Lease<T>;
        leases.push(lease);
        return lease.value;
      };
      const tools: StepTools = {
        ledger,
        msg: job.msg,
        bank: () => connect<BankProvider>("bank"),
        budget: () => connect<BudgetProvider>("budget"),
        bankSettings: () => configNode<BankNode>(this.RED, this.config, "bank").settings(),
        budgetSettings: () => configNode<BudgetNode>(this.RED, this.config, "budget").settings(),
      };
      const run = (context: StepContext) =>
        definition.run(context, options as z.output<z.ZodObject<S>>, tools);
      const mode =
        typeof definition.ledger === "function"
          ? definition.ledger(options as z.output<z.ZodObject<S>>)
          : definition.ledger;
      const { runId, result } = await this.inLedger(mode, job.msg, ledger, store.value.store, run);
      const { error: _stale, ...before } = job.msg.tally ?? {};
      job.msg.payload = result;
      job.msg.tally = {
        ...before,
        ...(runId ? { runId } : {}),
        step: this.step,
        startedAt: startedAt.toISOString(),
        durationMs: Date.now() - startedAt.getTime(),
        counts: result.counts,
      };
      if (this.abort.signal.aborted) this.status.close();
      else
        this.status.done(
          result.counts,
          definition.remarks?.(result, (key, values) => this.RED._(key, values)),
        );
      return result;
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "INTERNAL" && error.cause instanceof Error) node.debug(error.cause.stack);
      throw error;
    } finally {
      await this.giveBack(leases);
    }
  }

  private async inLedger(
    mode: LedgerMode | undefined,
    msg: TallyMessage,
    ledger: RunLedger,
    store: StepContext["store"],
    work: (context: StepContext) => Promise<R>,
  ): Promise<{ runId: string | undefined; result: R }> {
    const { node } = this;
    const hooks = {
      signal: this.abort.signal,
      progress: (done: number, total: number, what?: string) => this.progress(msg, done, total, what),
      log: (level: "info" | "warn" | "error", message: string) => this.log(level, message),
      event: (type: string, subject: string | undefined, data: Record<string, unknown>) => {
        this.RED.events.emit("tallyflow:event", {
          type,
          subject,
          data,
          runId: msg.tally?.runId,
          node: node.id,
        });
      },
    };
    if (mode === "read" || mode === "end") {
      const runId = msg.tally?.runId;
      const context: StepContext = {
        store,
        runId: runId ?? "",
        signal: hooks.signal,
        progress: hooks.progress,
        log: hooks.log,
        emit: (type, subject, data) => Promise.resolve(hooks.event(type, subject, data)),
        now: () => new Date().toISOString(),
      };
      return { runId, result: await work(context) };
    }
    let runId = msg.tally?.runId;
    if (!runId) {
      const job = msg.tally?.job ?? node.name ?? this.step;
      runId = (await ledger.start({ job, trigger: msg.tally?.trigger ?? "message" })).id;
      // Set at once, so that a Catch node knows the run even when this very step fails.
      msg.tally = { ...msg.tally, job, runId };
    }
    const result = await ledger.step(runId, this.step, node.name ?? node.id, work, hooks);
    // Nothing follows this node, so no summary node can end the run.
    if (!hasWires(node)) await ledger.finish(runId);
    return { runId, result };
  }

  private progress(msg: TallyMessage, done: number, total: number, what?: string): void {
    if (this.abort.signal.aborted) return;
    this.status.running({ done, total, what }, this.waiting.length);
    const now = Date.now();
    if (now - this.progressAt < 250 && done !== total) return;
    this.progressAt = now;
    const { id } = this.node;
    this.RED.events.emit("tallyflow:progress", {
      node: id,
      step: this.step,
      runId: msg.tally?.runId,
      done,
      total,
      what,
    });
  }

  private log(level: "info" | "warn" | "error", message: string): void {
    if (level === "info") this.node.log(message);
    else if (level === "warn") this.node.warn(message);
    // Without a message: a logged error is not a failure of the step, which reports itself through `done`.
    else this.node.error(message);
  }

  private refuse(job: Job, error: TallyError): void {
    job.msg.tally = { ...job.msg.tally, step: this.step, error: error.toJSON() };
    if (this.abort.signal.aborted) this.status.close();
    else if (error.code !== "QUEUE_FULL") this.status.failed(error);
    try {
      job.done(error);
    } catch (thrown) {
      this.node.error(toTallyError(thrown).message);
    }
  }

  private async giveBack(leases: readonly Lease<unknown>[]): Promise<void> {
    // The store comes first in the list and is given back last: providers write to it while they close.
    for (const lease of [...leases].reverse()) {
      try {
        await lease.release();
      } catch (thrown) {
        this.node.warn(toTallyError(thrown).message);
      }
    }
  }
}

/** Does anything follow the first output, which the result of the run goes on by? */
function hasWires(node: Node): boolean {
  const { wires } = node as unknown as { wires?: string[][] };
  return (wires?.[0] ?? []).length > 0;
}

function stopped(): TallyError {
  const message =
    "The flow was stopped or deployed before this work began. Nothing was lost: send the message again.";
  return new TallyError("CANCELLED", message, { retryable: true });
}
