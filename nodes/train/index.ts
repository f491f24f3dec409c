import type { NodeAPI } from "node-red";
import { trainWhen } from "../../lib/learning";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { when, promote, seed, asOf }, tools) {
    const { targetPrecision } = tools.budgetSettings();
    const { budgetId } = await tools.budget();
    return trainWhen(context, asOf === undefined ? when : "always", {
      budgetId,
      targetPrecision,
      seed,
      promote: promote === "gate",
      ...(asOf !== undefined && { asOf }),
    });
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-train", step(RED));
};
