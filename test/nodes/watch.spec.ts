import assert from "node:assert/strict";
import type { DriftSummary } from "../../lib/drift";
import type { Lease, OpenStore, StoreNode } from "../../nodes/runtime";
import storeType = require("../../nodes/store/index");
import watchType = require("../../nodes/watch/index");
import { driftLooks, events } from "../../lib/store";
import { DriftBench, DRIFTED } from "../drift/bench";
import { MemoryBudget } from "../support/memory-budget";
import { arrival, ask, helper, load, memoryBudgetType, node, runtime, statuses } from "./support";

describe("tally-watch", () => {
  runtime();
  let held: Lease<OpenStore> | undefined;
  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  async function deployed(): Promise<DriftBench> {
    await load({
      types: [storeType, watchType, memoryBudgetType(() => new MemoryBudget())],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "budget", type: "tally-budget" },
        { id: "watch", type: "tally-watch", store: "store", budget: "budget", wires: [["out"], ["train"]] },
        { id: "out", type: "helper" },
        { id: "train", type: "helper" },
        { id: "catcher", type: "catch", scope: ["watch"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
    });
    held = await (node("store") as unknown as StoreNode).lease();
    return DriftBench.open(held.value.store);
  }

  const look = async (options: object = {}) => {
    const answer = await ask("watch", "out", { kept: 1, tally: { options } });
    assert.equal(answer["kept"], 1);
    return answer.payload as DriftSummary;
  };

  it("says what is missing before there is enough, without an error", async () => {
    const bench = await deployed();
    const shown = statuses("watch");
    assert.match((await look()).text, /no model in production yet/);
    assert.equal(shown.at(-1)!.fill, "green");
    await bench.promote("v1");
    await bench.answer(12);
    assert.match((await look()).text, /^Not enough yet: 12 of 30 recent payments/);
  });

  it("asks for one retraining on its second output, tells by events, and is a step of a run", async () => {
    const bench = await deployed();
    await bench.promote("v0");
    await bench.answer(200);
    await bench.promote("v1");
    await bench.answer(60, DRIFTED);
    const told: string[] = [];
    const hear = (event: { type: string }) => void told.push(event.type);
    helper._events.on("tallyflow:event", hear);
    const onTrain = arrival("train");
    const found = await look();
    assert.deepEqual([found.looked, found.retrain], [true, true]);
    const message = await onTrain;
    assert.equal(message["topic"], "retrain");
    assert.equal((message.payload as DriftSummary).text, found.text);
    assert.equal(message["kept"], undefined);
    helper._events.off("tallyflow:event", hear);
    assert.deepEqual(told, ["drift.alert", "drift.retrain"]);
    const stored = await held!.value.store
      .collection(events)
      .find({ index: "byType", equals: ["drift.retrain"] });
    assert.equal(stored.items.length, 1);

    let more = 0;
    node("train").on("input" as never, (() => more++) as never);
    assert.equal((await look()).retrain, false);
    assert.equal(more, 0);
    const [run] = (await held!.value.ledger.list({ limit: 1 })).items;
    assert.equal((await held!.value.ledger.get(run!.id)).steps[0]!.step, "watch");
  });

  it("takes its options from the message, and refuses what makes no sense", async () => {
    const bench = await deployed();
    await bench.promote("v1");
    await bench.answer(30);
    const found = await look({ minimum: 10, recent: 15, keep: 1 });
    assert.deepEqual(
      [found.looked, found.readings[1]!.recent, found.readings[1]!.compared, found.readings[1]!.needed],
      [true, 15, 15, 10],
    );
    assert.equal((await held!.value.store.collection(driftLooks).find({ index: "id" })).items.length, 1);
    const caught = await ask("watch", "caught", { tally: { options: { falseAlarms: 2 } } });
    assert.equal(caught.error?.code ?? caught.tally?.error?.["code"], "CONFIG_INVALID");
  });
});
