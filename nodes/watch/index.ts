import type { NodeAPI } from "node-red";
import { driftStep } from "../../lib/drift";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, options, tools) {
    const { budgetId } = await tools.budget();
    return driftStep(context, { ...options, budgetId });
  },
  messages: ({ retrain, ...payload }) => (retrain ? [{ topic: "retrain", payload }] : []),
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-watch", step(RED));
};
