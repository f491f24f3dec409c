import type { NodeAPI } from "node-red";
import { historyStep } from "../../lib/history";
import { defineStep } from "../runtime";
import { schema } from "./schema";

const step = defineStep({
  schema,
  run: (context, { entity, guardShare }) =>
    historyStep(context, { guardShare, ...(entity === "all" ? {} : { entities: [entity] }) }),
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-history", step(RED));
};
