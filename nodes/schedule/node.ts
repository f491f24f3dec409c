import { randomInt } from "node:crypto";
import cron, { type ScheduledTask } from "node-cron";
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Run } from "../../lib/store";
import { toTallyError, TallyError } from "../../lib/values";
import {
  configNode,
  resolveOptions,
  StatusLine,
  type OptionsOf,
  type ScheduleNode,
  type StoreNode,
  type TallyMessage,
} from "../runtime";
import { schema } from "./schema";
import { startRun } from "./start";

type Options = OptionsOf<typeof schema>;
/** After the flow started: long enough for the nodes behind this one to be there. */
const START_DELAY_MS = 100;

/** The constructor of `tally-schedule`: fires by the clock, at start, and when its button is pressed. */
export function scheduleNode(RED: NodeAPI) {
  return function (this: ScheduleNode, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    const status = new StatusLine(RED, this);
    const own = config as unknown as Record<string, unknown>;
    let options: Options;
    try {
      options = resolveOptions(schema, { config: own });
    } catch (thrown) {
      const error = toTallyError(thrown);
      status.failed(error);
      this.error(error.message);
      this.on("input", (_msg, _send, done) => done(error));
      return;
    }
    const timers = new Set<NodeJS.Timeout>();
    const after = (ms: number, what: () => void) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        what();
      }, ms);
      timers.add(timer);
    };
    const task = clockTask(this, options, () => {
      after(randomInt(options.jitterSeconds * 1000 + 1), () =>
        this.receive({ tally: { trigger: "schedule" } }),
      );
    });
    this.scheduled = () => ({ job: options.job, next: task.getNextRun()?.toISOString() ?? null });
    const showNext = () => {
      const next = task.getNextRun();
      if (next)
        status.show({
          fill: "grey",
          shape: "dot",
          text: RED._("status.next", { at: clock(next, options.timeZone) }),
        });
    };
    let closed = false;
    let working: Promise<void> = Promise.resolve();

    this.on("input", (msg, send, done) => {
      working = working.then(async () => {
        try {
          if (closed)
            throw new TallyError("CANCELLED", "The flow was stopped before the run began.", {
              retryable: true,
            });
          const run = await begin(RED, own, options, msg as TallyMessage);
          if (run) {
            const given = (msg as TallyMessage).tally?.options;
            send(
              Object.assign(msg, {
                payload: run.startedAt,
                tally: {
                  runId: run.id,
                  job: run.job,
                  trigger: run.trigger,
                  // Options of the steps of this one run, say `dryRun`.
                  ...(given ? { options: given } : {}),
                },
              }),
            );
            showNext();
          } else {
            status.show({ fill: "yellow", shape: "ring", text: RED._("status.locked") });
          }
          done();
        } catch (thrown) {
          const error = toTallyError(thrown);
          if (!closed) status.failed(error);
          done(error);
        }
      });
    });
    this.on("close", (_removed: boolean, done: () => void) => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      void Promise.resolve(task.destroy())
        .then(() => working)
        .finally(() => {
          status.close();
          done();
        });
    });
    if (options.atStart) after(START_DELAY_MS, () => this.receive({ tally: { trigger: "start" } }));
    showNext();
  };
}

function clockTask(node: Node, options: Options, fire: () => void): ScheduledTask {
  const task = cron.createTask(options.cron, fire, {
    timezone: options.timeZone,
    name: node.id,
    // Its words belong in Node-RED's log, not on the console.
    logger: {
      info: (text) => node.debug(text),
      debug: (text) => node.debug(text),
      warn: (text) => node.warn(text),
      error: (text) => node.error(String(text)),
    },
  });
  Promise.resolve(task.start()).catch((error: unknown) => node.error(toTallyError(error).message));
  return task;
}

/** @returns the run, or undefined when the job's last run has not ended and runs must not overlap */
async function begin(
  RED: NodeAPI,
  config: Record<string, unknown>,
  options: Options,
  msg: TallyMessage,
): Promise<Run | undefined> {
  const lease = await configNode<StoreNode>(RED, config, "store").lease();
  try {
    const { store, ledger } = lease.value;
    return await startRun(store, ledger, {
      job: options.job,
      trigger: msg.tally?.trigger ?? "message",
      overlap: options.overlap,
    });
  } finally {
    await lease.release();
  }
}

function clock(date: Date, timeZone: string): string {
  const soon = date.getTime() - Date.now() < 24 * 3600_000;
  return new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    timeStyle: "short",
    ...(soon ? {} : { dateStyle: "short" }),
  }).format(date);
}
