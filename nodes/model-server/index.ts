import type { NodeAPI } from "node-red";
import { credentialsOf } from "../runtime";
import { modelServerNode } from "./node";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-model-server", modelServerNode(RED), { credentials: credentialsOf(schema) });
};
