import assert from "node:assert/strict";
import { classifyStep, trainStep } from "../../lib/learning";
import { RunLedger } from "../../lib/runs";
import { reviews } from "../../lib/store";
import { queueId } from "../../lib/values";
import { readView } from "../../lib/views";
import { AT, BUDGET, contextOf, fill } from "../learning/filled";
import { memoryStore, TestClock } from "../support/context";

describe("views: the versions of models", () => {
  it("tell the names, the scores, the gate's words and the shadow of each, in flat rows", async () => {
    const store = await memoryStore();
    const ledger = new RunLedger(store, { worker: "w", now: new TestClock().now });
    const read = async (more: object = {}) =>
      (await readView(store, ledger, { view: "models", limit: 100, ...more })).rows;
    assert.deepEqual(await read(), []);

    const waiting = await fill(store);
    const first = await trainStep(contextOf(store), { budgetId: BUDGET });
    const second = await trainStep(contextOf(store), { budgetId: BUDGET, seed: 2 });
    await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    const row = waiting[7]!;
    await store.collection(reviews).upsertMany([
      {
        id: queueId(row.id, BUDGET),
        paymentId: row.id,
        budgetId: BUDGET,
        at: AT,
        chosenCategoryId: "not what either said",
      },
    ]);

    const rows = await read();
    assert.ok(
      rows.every((one) => Object.values(one).every((value) => typeof value !== "object" || value === null)),
    );
    const of = (version: string) => rows.find((one) => one["version"] === version)!;
    const [production, candidate] = [of(first.version), of(second.version)];
    assert.deepEqual([production["alias"], candidate["alias"]], ["production", "candidate"]);
    assert.deepEqual(
      [production["accuracy"], production["reason"], production["verdict"], production["shadowPayments"]],
      [first.accuracy, first.reason, "first", 0],
    );
    assert.deepEqual(
      ["shadowAgainst", "shadowPayments", "shadowLabelled", "shadowRight", "shadowAgainstRight"].map(
        (key) => candidate[key],
      ),
      [first.version, 59, 1, 0, 0],
    );
    assert.equal((await read({ limit: 1 })).length, 1);
    assert.deepEqual(await read({ budgetId: "ynab:other" }), []);
    await store.close();
  });
});
