import type { NodeAPI } from "node-red";
import { bankExtract } from "../../lib/bank";
import { defineStep } from "../runtime";
import { extractGiven, givenStatement, withFileErrors } from "./given";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, tools) {
    const budgetIds = options.budget ? [(await tools.budget()).budgetId] : [];
    const how = { budgetIds, ...(options.since ? { since: options.since } : {}) };
    const { statements } = tools.bankSettings();
    const file = statements && givenStatement(tools.msg);
    if (statements && file) return extractGiven(context, statements, file, how);
    const bank = await tools.bank();
    return withFileErrors(await bankExtract(context, bank, how), bank, statements?.account);
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank-extract", step(RED));
};
