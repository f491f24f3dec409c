import type { NodeAPI } from "node-red";
import { queueSync } from "../../lib/queue";
import { defineStep, isDead, WORKER } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, { budget, budgetSettings }) {
    const { accounts, startDate } = budgetSettings();
    return queueSync(context, await budget(), {
      worker: WORKER,
      isGone: isDead,
      mapping: accounts,
      maxAttempts: options.maxAttempts,
      explain: options.explain,
      dryRun: options.dryRun,
      ...(startDate ? { startDate } : {}),
      ...(options.approveAbove === undefined ? {} : { approveAbove: options.approveAbove }),
    });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-queue-sync", step(RED));
};
