import assert from "node:assert/strict";
import type { Node, NodeAPI } from "node-red";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { defineProvider, nodeSchema, type Lease, type StoreNode } from "../../nodes/runtime";
import storeType = require("../../nodes/store/index");
import { helper, load, node, runtime } from "./support";

type ProviderNode<T> = Node & { lease(store: Store): Promise<Lease<T>> };

class Provider {
  closed = 0;
  constructor(readonly store: Store) {}
  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

describe("config node with a connection", () => {
  runtime();
  let opened: Provider[];
  let refuse: boolean;
  beforeEach(() => {
    opened = [];
    refuse = false;
  });

  const connection = defineProvider({
    schema: nodeSchema("tally-budget", "config", {}),
    open: (_options, store) => {
      if (refuse) throw new TallyError("AUTH_FAILED", "No.");
      const provider = new Provider(store);
      opened.push(provider);
      return provider;
    },
    test: () => Promise.resolve("works"),
  });
  const type = (RED: NodeAPI) => RED.nodes.registerType("tally-budget", connection(RED));
  const flow = {
    types: [storeType, type],
    nodes: [
      { id: "store", type: "tally-store" },
      { id: "budget", type: "tally-budget" },
    ],
  };
  const lease = async () => {
    const store = await (node("store") as unknown as StoreNode).lease();
    const budget = node("budget") as unknown as ProviderNode<Provider>;
    return { store, connection: await budget.lease(store.value.store) };
  };

  it("opens once, stays open between runs, and is closed with the node", async () => {
    await load(flow);
    for (let run = 0; run < 3; run++) {
      const { store, connection } = await lease();
      await connection.release();
      await store.release();
    }
    assert.equal(opened.length, 1);
    assert.equal(opened[0]?.closed, 0);
    const budget = node("budget") as unknown as ProviderNode<Provider>;
    await helper.clearFlows();
    assert.equal(opened[0]?.closed, 1);
    await assert.rejects(budget.lease({} as Store), { code: "CANCELLED" });
  });

  it("is not closed under a step that is still at work", async () => {
    await load(flow);
    const { store, connection } = await lease();
    await helper.clearFlows();
    assert.equal(opened[0]?.closed, 0);
    await connection.release();
    await connection.release();
    assert.equal(opened[0]?.closed, 1);
    await store.release();
  });

  it("tries again after it could not be opened", async () => {
    await load(flow);
    const store = await (node("store") as unknown as StoreNode).lease();
    const budget = node("budget") as unknown as ProviderNode<Provider>;
    refuse = true;
    await assert.rejects(budget.lease(store.value.store), { code: "AUTH_FAILED" });
    refuse = false;
    const connection = await budget.lease(store.value.store);
    assert.equal(opened.length, 1);
    await connection.release();
    await store.release();
  });
});
