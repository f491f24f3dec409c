import type { NodeAPI } from "node-red";
import { credentialsOf, registerRoutes } from "../runtime";
import { budgetNode } from "./node";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-budget", budgetNode(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
};
