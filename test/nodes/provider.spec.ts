import assert from "node:assert/strict";
import type { NodeAPI, NodeDef } from "node-red";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { ownProvider, type ProviderNode, type StoreNode } from "../../nodes/runtime";
import storeType = require("../../nodes/store/index");
import { helper, load, node, runtime } from "./support";

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

  const type = (RED: NodeAPI) =>
    RED.nodes.registerType("tally-budget", function (this: ProviderNode<Provider>, config: NodeDef) {
      ownProvider<Provider>(RED, this, config, (store) => {
        if (refuse) return Promise.reject(new TallyError("AUTH_FAILED", "No."));
        const provider = new Provider(store);
        opened.push(provider);
        return Promise.resolve(provider);
      });
    });
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
