import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Store } from "../../lib/store";
import { TallyError, toTallyError } from "../../lib/values";
import { SharedPool, type Lease } from "./pool";

/** A provider that a config node keeps open while steps use it. */
interface Closable {
  close(): Promise<void>;
}

/** The part that the config nodes of banks and budgets share: a provider opened once and leased to steps. */
export interface ProviderNode<T> extends Node {
  lease(store: Store): Promise<Lease<T>>;
}

/**
 * Make a config node own its provider: the first step that asks opens it, it stays open between runs (a session with
 * a bank, a local copy of a budget), and it is closed with the node once the steps at work have given it back. After
 * a deploy nobody is given the old one.
 * @param open opens the provider from the node's settings; asked again after a failure
 */
export function ownProvider<T extends Closable>(
  RED: NodeAPI,
  node: ProviderNode<T>,
  config: NodeDef,
  open: (store: Store) => Promise<T>,
): void {
  RED.nodes.createNode(node, config);
  const pool = new SharedPool<T>((provider) => provider.close());
  const own = new Map<Store, Promise<Lease<T>>>();
  let closed = false;

  const acquire = (store: Store) => pool.acquire(keyOf(store), () => open(store));
  const releaseOwn = async (except?: Store): Promise<void> => {
    for (const [store, lease] of own) {
      if (store === except) continue;
      own.delete(store);
      // One that could not be opened has told so to the step that asked for it.
      const held = await lease.catch(() => undefined);
      await held?.release();
    }
  };

  node.lease = async (store) => {
    if (closed)
      throw new TallyError("CANCELLED", "The connection was closed by a deploy. Send the message again.", {
        retryable: true,
      });
    // A store that was deployed anew is another store: what was opened on the one before is of no more use.
    await releaseOwn(store);
    const kept = own.get(store) ?? acquire(store);
    own.set(store, kept);
    try {
      await kept;
    } catch (error) {
      if (own.get(store) === kept) own.delete(store);
      throw error;
    }
    return acquire(store);
  };
  node.on("close", (_removed: boolean, done: () => void) => {
    closed = true;
    releaseOwn().then(done, (thrown: unknown) => {
      node.warn(toTallyError(thrown).message);
      done();
    });
  });
}

const keys = new WeakMap<Store, string>();
let nextKey = 0;

/** Names an open store for as long as it is open. */
function keyOf(store: Store): string {
  const key = keys.get(store) ?? String(nextKey++);
  keys.set(store, key);
  return key;
}
