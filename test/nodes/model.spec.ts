import assert from "node:assert/strict";
import { classifyStep, liveModel, trainStep } from "../../lib/learning";
import { models, type Store } from "../../lib/store";
import type { ModelResult } from "../../nodes/model/act";
import { type Lease, type OpenStore, type StoreNode } from "../../nodes/runtime";
import modelType = require("../../nodes/model/index");
import storeType = require("../../nodes/store/index");
import { AT, BUDGET, contextOf, fill } from "../learning/filled";
import { arrival, ask, load, node, runtime } from "./support";

describe("tally-model", () => {
  runtime();
  let held: Lease<OpenStore> | undefined;
  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  async function deployed(): Promise<Store> {
    await load({
      types: [storeType, modelType],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "act", type: "tally-model", store: "store", wires: [["out"]] },
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: ["act"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
    });
    held = await (node("store") as unknown as StoreNode).lease();
    return held.value.store;
  }

  const act = async (options: object) => {
    const { payload, tally } = await ask("act", "out", { tally: { options } });
    return { ...(payload as ModelResult), tally: tally! };
  };
  const refused = async (options: object) => {
    const caught = arrival("caught");
    node("act").receive({ tally: { options } } as never);
    return (await caught).error!;
  };
  const runs = async () => (await held!.value.ledger.list({ limit: 10 })).items.length;

  it("lists, compares, promotes hot, goes back and clears up, each with a reason that is kept", async () => {
    const store = await deployed();
    await fill(store);
    const first = await trainStep(contextOf(store), { budgetId: BUDGET });
    const second = await trainStep(contextOf(store), { budgetId: BUDGET, seed: 2 });
    await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });

    const { rows, counts, tally } = await act({});
    assert.deepEqual(counts, { versions: 2 });
    assert.equal(tally["runId"], undefined);
    const candidate = rows!.find(({ version }) => version === second.version)!;
    const production = rows!.find(({ version }) => version === first.version)!;
    assert.deepEqual([candidate.aliases, production.aliases], [["candidate"], ["production"]]);
    assert.deepEqual(
      [candidate.accuracy, candidate.verdict, candidate.budgetId, candidate.createdAt],
      [second.accuracy, "nothing-to-compare", BUDGET, AT],
    );
    assert.match(candidate.reason!, /stays until there is more/);
    assert.equal(candidate.dataHash, production.dataHash);
    assert.deepEqual(
      candidate.shadow.map(({ against, payments }) => [against, payments]),
      [[first.version, 59]],
    );

    const compared = await act({ action: "compare" });
    assert.deepEqual(compared.counts, { shadowed: 59, labelled: 0 });
    assert.deepEqual(
      [compared.comparison!.version.version, compared.comparison!.other.version],
      [second.version, first.version],
    );
    assert.equal(await runs(), 0, "looking leaves no trace in the ledger");

    const promoted = await act({ action: "promote", reason: " it knows  more " });
    assert.deepEqual([promoted.version, promoted.changed], [second.version, true]);
    assert.equal((await liveModel(store, BUDGET))?.version, second.version);
    assert.equal((await act({ action: "promote", version: second.version, reason: "x" })).changed, false);
    const back = await act({ action: "rollback", reason: "worse" });
    assert.deepEqual([back.version, back.from], [first.version, second.version]);
    assert.equal((await liveModel(store, BUDGET))?.version, first.version);
    const { moves } = (await store.collection(models).find({ index: "id" })).items[0]!;
    assert.deepEqual(
      moves.filter(({ alias }) => alias === "production").map(({ version, reason }) => [version, reason]),
      [
        [first.version, first.reason],
        [second.version, "it knows  more"],
        [first.version, "worse"],
      ],
    );
    assert.deepEqual((await act({ action: "retain", keep: 1 })).removed, []);
    assert.equal(await runs(), 4);
  });

  it("says what is missing, and moves nothing", async () => {
    const store = await deployed();
    for (const action of ["promote", "rollback", "compare"])
      assert.equal((await refused({ action, reason: "x" })).code, "MODEL_MISSING", action);
    assert.deepEqual((await act({})).rows, []);
    await fill(store);
    await trainStep(contextOf(store), { budgetId: BUDGET });
    for (const [options, code, words] of [
      [{ action: "promote" }, "CONFIG_INVALID", /Say why/],
      [{ action: "promote", reason: "  " }, "CONFIG_INVALID", /Reason/i],
      [{ action: "promote", reason: "x" }, "MODEL_MISSING", /alias candidate/],
      [{ action: "promote", reason: "x", version: "__proto__" }, "MODEL_MISSING", /no version __proto__/],
      [{ action: "rollback" }, "CONFIG_INVALID", /Say why/],
      [{ action: "rollback", reason: "x" }, "MODEL_MISSING", /no previous version/],
      [{ action: "rollback", reason: "x", budgetId: "none" }, "MODEL_MISSING", /No model of this name/],
      [{ action: "retain", keep: 0 }, "CONFIG_INVALID", /Keep/i],
      [{ action: "delete" }, "CONFIG_INVALID", /Action/i],
    ] as const) {
      const error = await refused(options);
      assert.equal(error.code, code, JSON.stringify(options));
      assert.match(error.message, words);
    }
    await store.collection(models).upsertMany([{ id: "categories:ynab:c", aliases: {}, moves: [] }]);
    const several = await refused({ action: "rollback", reason: "x" });
    assert.match(several.message, /Several budgets have a model.*ynab:b, ynab:c/);
    assert.equal((await liveModel(store, BUDGET))?.version !== undefined, true);
  });
});
