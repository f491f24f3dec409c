import type { NodeAPI } from "node-red";
import { classifyStep } from "../../lib/learning";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { again }, tools) {
    const { policy } = tools.budgetSettings();
    const { budgetId } = await tools.budget();
    return classifyStep(context, { budgetId, policy, again });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-classify", step(RED));
};
