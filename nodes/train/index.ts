import type { NodeAPI } from "node-red";
import { lookForPackagesIn, trainWhen } from "../../lib/learning";
import { defineStep, userPath } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  async run(context, { when, promote, network, seed, asOf }, tools) {
    const { targetPrecision } = tools.budgetSettings();
    const { budgetId } = await tools.budget();
    return trainWhen(context, asOf === undefined ? when : "always", {
      budgetId,
      targetPrecision,
      seed,
      network,
      promote: promote === "gate",
      ...(asOf !== undefined && { asOf }),
    });
  },
});

export = (RED: NodeAPI): void => {
  lookForPackagesIn(userPath(RED, "."));
  RED.nodes.registerType("tally-train", step(RED));
};
