import type { NodeAPI } from "node-red";
import { matchStep } from "../../lib/matching";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { windowDays }, { budget, budgetSettings }) {
    const { accounts, startDate } = budgetSettings();
    const { budgetId } = await budget();
    return matchStep(context, {
      budgetId,
      mapping: accounts,
      windowDays,
      ...(startDate ? { startDate } : {}),
    });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-match", step(RED));
};
