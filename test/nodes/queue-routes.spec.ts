import assert from "node:assert/strict";
import type { BatchSummary, RequeueResult, UndoResult } from "../../lib/queue";
import { importId } from "../../lib/values";
import { type Lease, type OpenStore, type StoreNode } from "../../nodes/runtime";
import queueSyncType = require("../../nodes/queue-sync/index");
import storeType = require("../../nodes/store/index");
import { MAPPING, payment } from "../support/context";
import type { MemoryBudget } from "../support/memory-budget";
import { Bench } from "../queue/bench";
import { ask, load, memoryBudgetType, node, runtime, withAdmin } from "./support";

describe("routes of the queue", () => {
  runtime();
  let budget: MemoryBudget | undefined;
  let held: Lease<OpenStore> | undefined;
  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  const budgetType = memoryBudgetType(
    () => budget!,
    () => ({ accounts: [...MAPPING], targetPrecision: 0.95, policy: "review" as const }),
  );

  /** A deployed flow whose queue wrote two payments in one batch. */
  async function written(connected = true): Promise<Bench> {
    const nodes: Record<string, unknown>[] = [
      { id: "store", type: "tally-store" },
      { id: "sync", type: "tally-queue-sync", store: "store", budget: "budget", wires: [["out"]] },
      { id: "out", type: "helper" },
    ];
    if (connected) nodes.push({ id: "budget", type: "tally-budget" });
    await load({ types: [storeType, budgetType, queueSyncType], nodes });
    held = await (node("store") as unknown as StoreNode).lease();
    const bench = await Bench.open(held.value.store);
    budget = bench.budget;
    await bench.arrive(payment("1"), payment("2"));
    await bench.pass();
    return bench;
  }

  async function call<T>(
    url: string,
    method: "GET" | "POST",
    body?: unknown,
  ): Promise<{ status: number; body: T }> {
    const response = await fetch(url, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  it("list the batches, undo one, and import it again in one click each", async () => {
    const bench = await written();
    await withAdmin(async (url) => {
      const list = () => call<{ batches: BatchSummary[] }>(`${url}/tallyflow/queue/batches`, "GET");
      const [batch] = (await list()).body.batches;
      assert.deepEqual([batch?.items, batch?.states, batch?.budgetId], [2, { synced: 2 }, "memory:b"]);

      const undone = await call<UndoResult>(`${url}/tallyflow/queue/batches/${batch!.id}/undo`, "POST");
      assert.equal(undone.status, 200);
      assert.equal(undone.body.undone.length, 2);
      assert.ok(bench.budget.rows.every((row) => row.deleted));
      assert.deepEqual((await list()).body.batches[0]?.states, { skipped: 2 });

      const again = await call<RequeueResult>(`${url}/tallyflow/queue/requeue`, "POST", {
        batchId: batch!.id,
      });
      assert.deepEqual(again.body, { requeued: 2, refusedTotal: 0, refused: [] });
      await bench.match();
      assert.equal((await bench.item("1")).importId, importId("bank:1", "memory:b", 1));
      const none = await call<{ batches: BatchSummary[] }>(
        `${url}/tallyflow/queue/batches?budgetId=x`,
        "GET",
      );
      assert.deepEqual(none.body.batches, []);
    });
  });

  it("stand in a message too: what a person deleted is imported again, and written by the next pass", async () => {
    const bench = await written();
    const { id } = await bench.item("1");
    bench.budget.rows[0]!.deleted = true;
    bench.clock.advance(3_600_000);
    await bench.match();
    const selection = { ids: [id] };
    const { payload } = await ask("sync", "out", { requeue: selection });
    const { requeue } = payload as { requeue: RequeueResult };
    assert.deepEqual([requeue.requeued, requeue.refused], [1, []]);
    // The node keeps the time of the day: the budget is read after it.
    bench.clock.advance(Date.now() + 60_000 - Date.parse(bench.clock.now()));
    await bench.pass();
    assert.deepEqual(
      bench.budget.rows.filter((row) => !row.deleted).map((row) => row.amount),
      [-1000, -1000],
    );
  });

  it("say what is wrong with a request", async () => {
    await written();
    await withAdmin(async (url) => {
      const base = `${url}/tallyflow/queue`;
      const bad: [string, "GET" | "POST", unknown, number][] = [
        [`${base}/batches?limit=0`, "GET", undefined, 400],
        [`${base}/batches?store=none`, "GET", undefined, 404],
        [`${base}/batches/batch:none/undo`, "POST", undefined, 404],
        [`${base}/requeue`, "POST", {}, 400],
        [`${base}/requeue`, "POST", { state: "synced" }, 400],
        [`${base}/requeue`, "POST", { ids: [{ $ne: "" }] }, 400],
      ];
      for (const [path, method, body, status] of bad) {
        const answer = await call<{ code: string; message: string }>(path, method, body);
        assert.equal(answer.status, status, path);
        assert.ok(answer.body.message.length > 10);
      }
    });
  });

  it("undo nothing without a connection to the budget of the batch", async () => {
    const bench = await written(false);
    await withAdmin(async (url) => {
      const { batchId } = await bench.item("1");
      const { status } = await call(`${url}/tallyflow/queue/batches/${batchId}/undo`, "POST");
      assert.equal(status, 404);
      assert.ok(bench.budget.rows.every((row) => !row.deleted));
    });
  });
});
