import type { NodeAPI } from "node-red";
import { bankExtract, bankExtractHinted } from "../../lib/bank";
import { defineStep } from "../runtime";
import { extractGiven, givenStatement } from "./given";
import { givenHints } from "./hints";
import { remarksOf } from "./remarks";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, tools) {
    const budgetIds = options.budget ? [(await tools.budget()).budgetId] : [];
    const how = { budgetIds, ...(options.since ? { since: options.since } : {}) };
    const { statements } = tools.bankSettings();
    const file = statements && givenStatement(tools.msg);
    if (statements && file) return extractGiven(context, statements, file, how);
    const hints = givenHints(tools.msg);
    if (hints) return bankExtractHinted(context, await tools.bank(), hints, how);
    return bankExtract(context, await tools.bank(), how);
  },
  remarks: (result, text) => remarksOf(result, text),
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank-extract", step(RED));
};
