import type { NodeAPI } from "node-red";
import { credentialsOf } from "../runtime";
import { webhookNode } from "./node";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank-webhook", webhookNode(RED), { credentials: credentialsOf(schema) });
};
