import type { NodeAPI } from "node-red";
import { defineStep } from "../runtime";
import { endRun } from "./run";
import { schema } from "./schema";

const summary = defineStep({ schema, ledger: "end", run: endRun });

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-summary", summary(RED));
};
