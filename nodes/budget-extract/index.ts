import type { NodeAPI } from "node-red";
import { budgetExtract } from "../../lib/budget";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { full, since }, tools) {
    return budgetExtract(context, await tools.budget(), { full, ...(since ? { since } : {}) });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-budget-extract", step(RED));
};
