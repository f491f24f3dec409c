import type { NodeAPI } from "node-red";
import { bankExtract } from "../../lib/bank";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, tools) {
    const bank = await tools.bank();
    const budgetIds = options.budget ? [(await tools.budget()).budgetId] : [];
    return bankExtract(context, bank, { budgetIds, ...(options.since ? { since: options.since } : {}) });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank-extract", step(RED));
};
