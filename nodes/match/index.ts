import type { NodeAPI } from "node-red";
import { matchStep } from "../../lib/matching";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { windowDays }, tools) {
    const { accounts: mapping, startDate } = tools.budgetSettings();
    const { budgetId } = await tools.budget();
    return matchStep(context, { budgetId, mapping, windowDays, ...(startDate ? { startDate } : {}) });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-match", step(RED));
};
