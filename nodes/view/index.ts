import type { NodeAPI } from "node-red";
import { readView } from "../../lib/views";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const view = defineStep({
  schema,
  ledger: "read",
  async run(context, options, { ledger }) {
    const table = await readView(context.store, ledger, {
      ...options,
      runId: options.runId ?? (context.runId || undefined),
    });
    return { ...table, counts: { rows: table.rows.length } };
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-view", view(RED));
};
