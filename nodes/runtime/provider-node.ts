import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { SharedPool, type Lease } from "./pool";

/** A provider that a config node keeps open while steps use it. */
interface Closable {
  close(): Promise<void>;
}

const pool = new SharedPool<Closable>((provider) => provider.close());

/** The part that the config nodes of banks and budgets share: a provider opened once and leased to steps. */
export interface ProviderNode<T> extends Node {
  lease(store: Store): Promise<Lease<T>>;
}

/**
 * Make a config node own its provider: the first step that asks opens it, the last that gives it back closes it, and
 * after a deploy nobody is given the old one.
 * @param open opens the provider from the node's settings; asked again after a failure
 */
export function ownProvider<T extends Closable>(
  RED: NodeAPI,
  node: ProviderNode<T>,
  config: NodeDef,
  open: (store: Store) => Promise<T>,
): void {
  RED.nodes.createNode(node, config);
  // A new deploy of the same node is another connection, even while the old one is still in use.
  const key = `${node.id}|${Date.now()}|${Math.random()}`;
  let closed = false;
  node.lease = async (store) => {
    if (closed)
      throw new TallyError("CANCELLED", "The connection was closed by a deploy. Send the message again.", {
        retryable: true,
      });
    return (await pool.acquire(key, () => open(store))) as Lease<T>;
  };
  node.on("close", () => {
    closed = true;
  });
}
