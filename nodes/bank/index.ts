import type { NodeAPI } from "node-red";
import { credentialsOf, defineProvider, registerRoutes } from "../runtime";
import { openBank, testBank } from "./open";
import { schema } from "./schema";

const bank = defineProvider({ schema, open: openBank, test: testBank });

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank", bank(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
};
