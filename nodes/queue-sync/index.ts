import type { NodeAPI } from "node-red";
import { queueSync } from "../../lib/queue";
import { defineStep, isDead, WORKER } from "../runtime";
import { registerQueueRoutes } from "./routes";
import { schema } from "./schema";

/** How many transactions of a dry run are listed. */
const SHOWN = 50;

const step = defineStep({
  schema,
  async run(context, { dryRun, fill, maxAttempts, explain, approveAbove }, tools) {
    const { accounts: mapping, startDate } = tools.budgetSettings();
    const result = await queueSync(context, await tools.budget(), {
      mapping,
      dryRun,
      fill,
      maxAttempts,
      explain,
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
      : result;
  },
});

export = (RED: NodeAPI): void => {
  registerQueueRoutes(RED);
  RED.nodes.registerType("tally-queue-sync", step(RED));
};
