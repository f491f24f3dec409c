import type { NodeAPI } from "node-red";
import { lookForPackagesIn } from "../../lib/learning";
import { credentialsOf, userPath } from "../runtime";
import { modelServerNode } from "./node";
import { schema } from "./schema";

export = (RED: NodeAPI): void => {
  lookForPackagesIn(userPath(RED, "."));
  RED.nodes.registerType("tally-model-server", modelServerNode(RED), { credentials: credentialsOf(schema) });
};
