import assert from "node:assert/strict";
import { queue } from "../../lib/store";
import { importId } from "../../lib/values";
import type { QueueActionResult } from "../../nodes/queue/act";
import { type Lease, type OpenStore, type StoreNode } from "../../nodes/runtime";
import queueType = require("../../nodes/queue/index");
import scheduleType = require("../../nodes/schedule/index");
import storeType = require("../../nodes/store/index");
import { payment } from "../support/context";
import type { MemoryBudget } from "../support/memory-budget";
import { Bench } from "../queue/bench";
import { arrival, ask, load, memoryBudgetType, node, runtime } from "./support";

const HOSTILE = "<img src=x onerror=alert(1)>";

describe("tally-queue", () => {
  runtime();
  let budget: MemoryBudget | undefined;
  let held: Lease<OpenStore> | undefined;
  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  const budgetType = memoryBudgetType(() => budget!);

  /** A deployed queue node, and three payments that were written in one batch. */
  async function written(options: object = {}): Promise<Bench> {
    await load({
      types: [storeType, budgetType, queueType, scheduleType],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "budget", type: "tally-budget" },
        { id: "act", type: "tally-queue", store: "store", budget: "budget", ...options, wires: [["out"]] },
        { id: "job", type: "tally-schedule", store: "store", job: "j", cron: "0 0 1 1 *", wires: [["out"]] },
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: ["act"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
    });
    held = await (node("store") as unknown as StoreNode).lease();
    const bench = await Bench.open(held.value.store);
    budget = bench.budget;
    await bench.arrive(...["1", "2", "3"].map((id) => payment(id, { counterparty: { name: HOSTILE } })));
    await bench.pass();
    return bench;
  }

  const act = async (options: object) => {
    const { payload, tally } = await ask("act", "out", { tally: { options } });
    return { ...(payload as QueueActionResult), tally: tally! };
  };
  const runs = async () => (await held!.value.ledger.list({ limit: 10 })).items;

  it("says what undo would do without a trace, then does it, and tells of each payment", async () => {
    const bench = await written({ action: "undo" });
    const { batchId } = await bench.item("1");
    const reconciled = bench.budget.rows.find((row) => row.importId === importId("bank:2", "memory:b"))!;
    reconciled.cleared = "reconciled";

    const planned = await act({ batchId, dryRun: true });
    const { undone, removed, restored, refused, reconciled: locked } = planned.counts;
    assert.deepEqual([undone, removed, restored, refused, locked], [2, 2, 0, 1, 1]);
    assert.equal(planned.tally["runId"], undefined);
    assert.deepEqual(await runs(), [], "a dry run leaves no trace in the ledger");
    assert.ok(bench.budget.rows.every((row) => !row.deleted));

    const done = await act({ batchId });
    assert.deepEqual(done.counts, planned.counts);
    assert.deepEqual(done.rows, planned.rows);
    assert.deepEqual(
      done.rows.map(({ outcome, counterparty, amountText }) => [outcome, counterparty, amountText]),
      [
        ["reconciled", HOSTILE, "-10.00"],
        ["removed", HOSTILE, "-10.00"],
        ["removed", HOSTILE, "-10.00"],
      ],
    );
    assert.match(done.rows[0]!.message!, /Unlock it in the budget/);
    assert.deepEqual(
      bench.budget.rows.filter((row) => !row.deleted).map((row) => row.id),
      [reconciled.id],
    );
    assert.equal((await runs()).length, 1);
  });

  it("tries again by error, by id and by batch, and says which it refused", async () => {
    const bench = await written();
    const failed = async (id: string, code: string) => {
      const item = await bench.item(id);
      const error = { code: code as "INTERNAL", message: "No.", retryable: false };
      await bench.store.collection(queue).upsertMany([{ ...item, state: "dead", error }]);
    };
    await failed("1", "PROVIDER_REFUSED");
    await failed("2", "INTERNAL");
    assert.equal((await act({ state: "dead", code: "PROVIDER_REFUSED" })).counts["requeued"], 1);
    assert.deepEqual([(await bench.item("1")).state, (await bench.item("2")).state], ["classified", "dead"]);

    const [two, three] = [await bench.item("2"), await bench.item("3")];
    const mixed = await act({ ids: [two.id, three.id, "none"] });
    assert.deepEqual(mixed.counts, { requeued: 1, refused: 2 });
    const refused = mixed.rows.map(({ id, counterparty, message }) => [
      id,
      counterparty,
      message!.slice(0, 19),
    ]);
    assert.deepEqual(refused.sort(), [
      [three.id, HOSTILE, "It stands in the bu"],
      ["none", null, "The queue has no su"],
    ]);
  });

  it("imports again what was undone, under another import id", async () => {
    const bench = await written();
    const { batchId } = await bench.item("1");
    await act({ action: "undo", batchId });
    assert.equal((await act({ reason: "undone" })).counts["requeued"], 3);
    // The node goes by the real clock, and the bench by its own: the budget is read after what the node did.
    bench.clock.advance(Date.now() - Date.parse(bench.clock.now()));
    await bench.pass();
    const standing = bench.budget.rows.filter((row) => !row.deleted);
    assert.deepEqual(
      standing.map((row) => row.importId).sort(),
      ["1", "2", "3"].map((id) => importId(`bank:${id}`, "memory:b", 1)).sort(),
    );
  });

  it("says what is missing", async () => {
    await written();
    for (const [options, code] of [
      [{}, "CONFIG_INVALID"],
      [{ state: "dead", reason: "undone" }, "CONFIG_INVALID"],
      [{ state: "dead", code: "toString" }, "CONFIG_INVALID"],
      [{ action: "undo" }, "CONFIG_INVALID"],
      [{ action: "undo", batchId: "batch:none" }, "NOT_FOUND"],
      [{ action: "delete" }, "CONFIG_INVALID"],
    ] as const) {
      const caught = arrival("caught");
      node("act").receive({ tally: { options } } as never);
      assert.equal((await caught).error?.code, code, JSON.stringify(options));
    }
  });

  it("a schedule hands on options for the steps of one run", async () => {
    await written();
    const { tally } = await ask("job", "out", { tally: { trigger: "dry run", options: { dryRun: true } } });
    assert.deepEqual([tally!["trigger"], tally!["options"]], ["dry run", { dryRun: true }]);
    await held!.value.ledger.finish(String(tally!["runId"]));
    const plain = await ask("job", "out", {});
    assert.ok(!("options" in plain.tally!));
  });
});
