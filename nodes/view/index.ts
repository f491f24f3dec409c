import type { NodeAPI } from "node-red";
import { readView } from "../../lib/views";
import { defineStep, scheduledJobs } from "../runtime";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  const view = defineStep({
    schema,
    ledger: "read",
    async run(context, options, { ledger }) {
      const request = { ...options, runId: options.runId ?? (context.runId || undefined) };
      const table = await readView(context.store, ledger, request, scheduledJobs(RED));
      return { ...table, counts: { rows: table.rows.length } };
    },
  });
  RED.nodes.registerType("tally-view", view(RED));
};
