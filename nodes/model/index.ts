import type { NodeAPI } from "node-red";
import { defineStep } from "../runtime";
import { act } from "./act";
import { schema } from "./schema";

const step = defineStep({
  schema,
  // Looking is no work of a job and leaves no trace.
  ledger: ({ action }) => (action === "list" || action === "compare" ? "read" : "step"),
  run: act,
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-model", step(RED));
};
