import type { Node, NodeAPI, NodeDef } from "node-red";
import type { z } from "zod";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { storeOf, type ListingNode, type ListItem, type TestableNode } from "./config-nodes";
import { resolveOptions } from "./options";
import { userPath } from "./paths";
import { SharedPool, type Lease } from "./pool";
import type { NodeSchema } from "./schema";

/** The one wrapper around config nodes that own a connection to a bank or a budget. */

/** Where a connection may keep files. */
export interface Place {
  /** A relative path starts at Node-RED's user directory. */
  path(given: string): string;
  /** Names the config node: stable over deploys and restarts. */
  nodeId: string;
}

/** What a list of choices may use. */
export interface ListTools<O, P> {
  options: O;
  store: Store;
  /** The open connection. */
  provider(): Promise<P>;
}

export interface ProviderDefinition<S extends z.ZodRawShape, P extends { close(): Promise<void> }, T> {
  schema: NodeSchema<S>;
  open(options: z.output<z.ZodObject<S>>, store: Store, place: Place): P | Promise<P>;
  /** Ask something small and say in a few words what was found; throws when the connection does not work. */
  test(options: z.output<z.ZodObject<S>>, store: Store, place: Place): Promise<string>;
  /** What steps need of the node's fields beside the connection. */
  settings?(options: z.output<z.ZodObject<S>>, place: Place): T;
  /** What the form may choose from, by the name of the list. */
  lists?: Record<string, (tools: ListTools<z.output<z.ZodObject<S>>, P>) => Promise<ListItem[]>>;
}

type ProviderNode<P, T> = Node &
  TestableNode &
  ListingNode & { lease(store: Store): Promise<Lease<P>>; settings(): T | undefined };

/**
 * The constructor of a config node with a connection. The connection is opened when a step first asks for it, kept
 * between runs, and closed with the node once the steps at work have given it back.
 */
export function defineProvider<S extends z.ZodRawShape, P extends { close(): Promise<void> }, T = undefined>(
  definition: ProviderDefinition<S, P, T>,
) {
  return (RED: NodeAPI) =>
    function (this: ProviderNode<P, T>, config: NodeDef): void {
      RED.nodes.createNode(this, config);
      const pool = new SharedPool<P>((provider) => provider.close());
      const own = new Map<Store, Promise<Lease<P>>>();
      const place: Place = { path: (given) => userPath(RED, given), nodeId: this.id };
      let closed = false;
      const options = () =>
        resolveOptions(definition.schema, {
          config: config as unknown as Record<string, unknown>,
          credentials: this.credentials as Record<string, unknown> | undefined,
        }) as z.output<z.ZodObject<S>>;
      const acquire = (store: Store): Promise<Lease<P>> =>
        pool.acquire(keyOf(store), async () => definition.open(options(), store, place));
      const releaseOwn = async (keep?: Store): Promise<void> => {
        for (const [store, lease] of own) {
          if (store === keep) continue;
          own.delete(store);
          const held = await lease.catch(() => undefined);
          await held?.release();
        }
      };

      this.settings = () => definition.settings?.(options(), place);
      this.lease = async (store) => {
        if (closed) {
          const message =
            "The connection was closed because the flow was stopped or deployed. Send the message again.";
          throw new TallyError("CANCELLED", message, { retryable: true });
        }
        // A store that was deployed anew is another store; what was opened on the one before is of no use any more.
        await releaseOwn(store);
        let kept = own.get(store);
        if (!kept) {
          kept = acquire(store);
          own.set(store, kept);
        }
        try {
          await kept;
        } catch (error) {
          if (own.get(store) === kept) own.delete(store);
          throw error;
        }
        return acquire(store);
      };
      this.testConnection = async () => {
        const lease = await storeOf(RED).lease();
        try {
          return await definition.test(options(), lease.value.store, place);
        } finally {
          await lease.release();
        }
      };
      this.list = async (name) => {
        const lists = definition.lists ?? {};
        const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
        if (!list) throw new TallyError("NOT_FOUND", `${definition.schema.type} has no list "${name}".`);
        const held: Lease<unknown>[] = [];
        try {
          const lease = await storeOf(RED).lease();
          held.push(lease);
          const { store } = lease.value;
          const provider = async () => {
            const connection = await this.lease(store);
            held.push(connection);
            return connection.value;
          };
          return await list({ options: options(), store, provider });
        } finally {
          // The store came first and is given back last: the connection writes to it while it closes.
          for (const lease of held.reverse()) await lease.release();
        }
      };
      this.on("close", (_removed: boolean, done: () => void) => {
        closed = true;
        releaseOwn().then(done, (error: unknown) => {
          this.warn(error instanceof Error ? error.message : String(error));
          done();
        });
      });
    };
}

const keys = new WeakMap<Store, string>();
let nextKey = 0;

/** One connection for each open store: a store that was closed and opened again is another. */
function keyOf(store: Store): string {
  let key = keys.get(store);
  if (key === undefined) {
    key = String(nextKey++);
    keys.set(store, key);
  }
  return key;
}
