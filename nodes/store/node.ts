import path from "node:path";
import type { NodeAPI, NodeDef } from "node-red";
import { openStore } from "../../lib/store";
import { TallyError } from "../../lib/values";
import {
  leaseStore,
  resolveOptions,
  userPath,
  type Lease,
  type OpenStore,
  type StoreNode,
  type StoreTarget,
  type TestableNode,
} from "../runtime";
import { schema } from "./schema";

/** Where the data is when nothing is said, below Node-RED's user directory. */
const DEFAULT_FILE = path.join("tallyflow", "tallyflow.db");

/**
 * The constructor of `tally-store`. It opens nothing by itself: the first who leases it does. From then on the node
 * holds a lease of its own until it closes, so that the store stays open between runs.
 */
export function storeNode(RED: NodeAPI) {
  return function (this: StoreNode & TestableNode, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    let own: Promise<Lease<OpenStore>> | undefined;
    let closed = false;
    const open = (): Promise<Lease<OpenStore>> => {
      if (closed) {
        const message =
          "The store was closed because the flow was stopped or deployed. Send the message again.";
        return Promise.reject(new TallyError("CANCELLED", message, { retryable: true }));
      }
      return leaseStore(targetOf(RED, config, this.credentials), openStore);
    };
    this.lease = async () => {
      if (!own) {
        const opening = open();
        own = opening;
        // A store that could not be opened is tried again by whoever asks next.
        opening.catch(() => {
          if (own === opening) own = undefined;
        });
      }
      await own;
      return open();
    };
    this.testConnection = async () => {
      const lease = await this.lease();
      try {
        await lease.value.store.ping();
        return `${lease.value.store.kind}, schema version ${await lease.value.store.schemaVersion()}`;
      } finally {
        await lease.release();
      }
    };
    this.on("close", (_removed: boolean, done: () => void) => {
      closed = true;
      const held = own;
      own = undefined;
      const release = async () => {
        if (held) await (await held).release();
      };
      release().then(done, (error: unknown) => {
        this.warn(error instanceof Error ? error.message : String(error));
        done();
      });
    });
  };
}

/**
 * Where the store is, from the node's fields and the environment.
 * @throws TallyError CONFIG_INVALID
 */
export function targetOf(RED: NodeAPI, config: object, credentials: object): StoreTarget {
  const options = resolveOptions(schema, {
    config: config as Record<string, unknown>,
    credentials: credentials as Record<string, unknown> | undefined,
  });
  if (options.kind === "sqlite") return { kind: "sqlite", path: userPath(RED, options.path ?? DEFAULT_FILE) };
  if (options.uri) return { kind: "mongodb", uri: options.uri };
  const message = "tally-store: Address is empty: set it in the editor, or set TALLYFLOW_STORE_URI.";
  throw new TallyError("CONFIG_INVALID", message, { details: { fields: ["uri"] } });
}
