import type { NodeAPI } from "node-red";
import { defineStep } from "../runtime";
import { act } from "./act";
import { schema } from "./schema";

const step = defineStep({
  schema,
  ledger: ({ action, dryRun }) => (action === "undo" && dryRun ? "read" : "step"),
  run: async ({ store, signal }, options, tools) => act(store, await tools.budget(), options, signal),
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-queue", step(RED));
};
