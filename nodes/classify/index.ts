import type { NodeAPI } from "node-red";
import { classifyStep, lookForPackagesIn } from "../../lib/learning";
import { takeUp } from "../../lib/review";
import { defineStep, userPath } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { again }, tools) {
    const { policy } = tools.budgetSettings();
    const { budgetId } = await tools.budget();
    // What people decided, and the rules that they made, come before what was learned.
    const { decided, completed } = await takeUp(context.store, budgetId, context.now);
    const { counts, ...summary } = await classifyStep(context, { budgetId, policy, again });
    return { ...summary, counts: { ...counts, decided: decided + completed } };
  },
});

export = (RED: NodeAPI): void => {
  lookForPackagesIn(userPath(RED, "."));
  RED.nodes.registerType("tally-classify", step(RED));
};
