import type { NodeAPI } from "node-red";
import { budgetExtract } from "../../lib/budget";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, { budget }) {
    const since = options.since ? { since: options.since } : {};
    return budgetExtract(context, await budget(), { full: options.full, ...since });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-budget-extract", step(RED));
};
