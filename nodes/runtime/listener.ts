import type { Node, NodeAPI, NodeDef } from "node-red";
import { TallyError, toTallyError } from "../../lib/values";
import { resolveOptions } from "./options";
import type { NodeSchema, OptionsOf } from "./schema";

/** What a node does that answers calls from outside, from its deploy to the next. */
export interface Listener {
  start(): void;
  /** @param removed the node is gone for good, and not only deployed anew */
  close(removed: boolean): Promise<void>;
}

/** The constructor of a node that listens while it is deployed. */
export function defineListener(
  RED: NodeAPI,
  make: (node: Node, config: Record<string, unknown>) => Listener,
) {
  return function (this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    const listener = make(this, config as unknown as Record<string, unknown>);
    this.on("close", (removed: boolean, done: () => void) => {
      listener.close(removed).then(done, (thrown: unknown) => {
        this.warn(toTallyError(thrown).message);
        done();
      });
    });
    listener.start();
  };
}

/** The options of such a node, its secrets among them. @throws TallyError CONFIG_INVALID */
export function listenerOptions<N extends NodeSchema>(
  schema: N,
  node: Node,
  config: Record<string, unknown>,
): OptionsOf<N> {
  const credentials = node.credentials as Record<string, unknown> | undefined;
  return resolveOptions(schema, { config, credentials });
}

/**
 * Where Node-RED serves what nodes answer.
 * @param without what is not possible without it, to end the sentence with
 * @throws TallyError CONFIG_INVALID when it serves nothing
 */
export function httpApp(RED: NodeAPI, without: string): NodeAPI["httpNode"] {
  const app = RED.httpNode as NodeAPI["httpNode"] | null | undefined;
  if (app) return app;
  throw new TallyError(
    "CONFIG_INVALID",
    `Node-RED serves no HTTP nodes (httpNodeRoot is false in its settings), so that ${without}.`,
  );
}
