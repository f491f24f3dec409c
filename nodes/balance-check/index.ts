import type { NodeAPI } from "node-red";
import { balanceCheckStep } from "../../lib/balance";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, _options, tools) {
    const { budgetId } = await tools.budget();
    return balanceCheckStep(context, budgetId);
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-balance-check", step(RED));
};
