import type { NodeAPI } from "node-red";
import { bankExtract } from "../../lib/bank";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, { bank, budget }) {
    const { budgetId } = await budget();
    const since = options.since ? { since: options.since } : {};
    return bankExtract(context, await bank(), { budgetIds: [budgetId], ...since });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank-extract", step(RED));
};
