import type { NodeAPI } from "node-red";
import { lookForPackagesIn } from "../../lib/learning";
import { defineStep, userPath } from "../runtime";
import { review } from "./act";
import { schema } from "./schema";

const step = defineStep({
  schema,
  // Decisions are kept with their time in the store; a click is no run. Telling of what waits is part of a job.
  ledger: ({ action }) => (action === "announce" ? "step" : "read"),
  run: ({ store, now }, options, { msg }) => review(store, options, msg.payload, now),
  messages: ({ messages = [] }) => messages.map((payload) => ({ topic: "review", payload })),
});

export = (RED: NodeAPI): void => {
  lookForPackagesIn(userPath(RED, "."));
  RED.nodes.registerType("tally-review", step(RED));
};
