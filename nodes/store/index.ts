import type { NodeAPI } from "node-red";
import { credentialsOf, registerRoutes } from "../runtime";
import { storeNode } from "./node";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-store", storeNode(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
};
