import type { NodeAPI } from "node-red";
import { queueSync, requeue, requeueSelection } from "../../lib/queue";
import { defineStep, isDead, WORKER } from "../runtime";
import { registerQueueRoutes } from "./routes";
import { schema } from "./schema";

/** How many transactions of a dry run are listed. */
const SHOWN = 50;

const step = defineStep({
  schema,
  async run(context, { dryRun, fill, maxAttempts, explain, approveAbove, ...texts }, tools) {
    const { accounts: mapping, startDate } = tools.budgetSettings();
    // Selected by a message: what was deleted is imported again only when somebody says so.
    const { requeue: selection } = tools.msg as { requeue?: unknown };
    const again =
      selection === undefined || dryRun
        ? {}
        : { requeue: await requeue(context.store, requeueSelection(selection), { now: context.now }) };
    const result = await queueSync(context, await tools.budget(), {
      mapping,
      dryRun,
      fill,
      maxAttempts,
      explain,
      cleanPayees: texts.cleanPayees,
      payees: texts.payees,
      foreign: texts.foreign,
      worker: WORKER,
      isGone: isDead,
      ...(startDate ? { startDate } : {}),
      ...(approveAbove === undefined ? {} : { approveAbove }),
    });
    // A message is passed around and shown: a dry run of thousands is counted, and its beginning listed.
    return result.wouldWrite
      ? {
          ...result,
          wouldWriteTotal: result.wouldWrite.length,
          wouldWrite: result.wouldWrite.slice(0, SHOWN),
          ...(result.wouldChange ? { wouldChange: result.wouldChange.slice(0, SHOWN) } : {}),
        }
      : { ...result, ...again };
  },
});

export = (RED: NodeAPI): void => {
  registerQueueRoutes(RED);
  RED.nodes.registerType("tally-queue-sync", step(RED));
};
