import assert from "node:assert/strict";
import { classifyStep, trainStep, type ModelMetrics } from "../../lib/learning";
import { RunLedger } from "../../lib/runs";
import { categories, modelVersions, reviews } from "../../lib/store";
import { queueId, type Json } from "../../lib/values";
import { readView } from "../../lib/views";
import { AT, BUDGET, contextOf, fill } from "../learning/filled";
import { memoryStore, TestClock } from "../support/context";

describe("views: the versions of models", () => {
  it("tell the names, the scores, the gate's words and the shadow of each, in flat rows", async () => {
    const { store, read, waiting } = await opened();
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

  it("tell in a sentence how good each is, and what it was made from", async () => {
    const { store, read } = await opened();
    const { version } = await trainStep(contextOf(store), { budgetId: BUDGET });
    const [row] = await read();
    assert.match(
      String(row!["said"]),
      /^Answers \d+ of 100 payments by itself, \d+ of 100 of these right\. Its best guess is right for \d+ of 100\.$/,
    );
    const stored = (await store.collection(modelVersions).get(`categories:${BUDGET}@${version}`))!;
    const { examples, from, to } = stored.trainedOn;
    assert.deepEqual(
      ["examples", "from", "to", "dataHash", "promotedAt", "rolledBack"].map((key) => row![key]),
      [examples, from, to, stored.dataHash, AT, false],
    );
    assert.match(String(row!["parameters"]), /seed 1, targetPrecision 0\.95$/);

    const said = async (metrics: object) => {
      await store
        .collection(modelVersions)
        .upsertMany([{ ...stored, metrics: { ...(stored.metrics as object), ...metrics } }]);
      return (await read())[0]!["said"];
    };
    assert.match(
      String(await said({ coverage: 0, precisionAtThreshold: 0 })),
      /^Leaves every payment to you/,
    );
    assert.match(
      String(await said({ coverage: 0.999, precisionAtThreshold: 0.998 })),
      /^Answers more than 99 of 100 payments by itself, more than 99 of 100 of these right/,
    );
    await store.collection(modelVersions).upsertMany([{ ...stored, metrics: {} }]);
    const [early] = await read();
    assert.match(String(early!["said"]), /^Not measured yet/);
    assert.deepEqual([early!["accuracy"], early!["scoredOn"]], [null, null]);
    await store.close();
  });

  it("have the curve, the reliability and the categories of one version", async () => {
    const { store, read } = await opened();
    const { version } = await trainStep(contextOf(store), { budgetId: BUDGET });
    const id = `categories:${BUDGET}@${version}`;
    const stored = (await store.collection(modelVersions).get(id))!;
    const measured = stored.metrics as unknown as ModelMetrics;
    const curve = await read({ view: "model-curve" });
    assert.deepEqual(
      curve.map(({ threshold, coverage, precision }) => ({ threshold, coverage, precision })),
      measured.curve,
    );
    assert.ok(curve.every((row) => row["version"] === version && row["budgetId"] === BUDGET));
    assert.deepEqual(await read({ view: "model-curve", version: "candidate" }), []);
    assert.deepEqual(await read({ view: "model-curve", version }), curve);

    // 100 payments: 40 said at .9 or more, 30 of them right; 20 at .6 or more, 10 right; 40 below, 10 right.
    const points = [
      { threshold: 0.95, coverage: 0.04, precision: 1 },
      { threshold: 0.9, coverage: 0.4, precision: 0.75 },
      { threshold: 0.6, coverage: 0.6, precision: 40 / 60 },
      { threshold: 0.2, coverage: 0.95, precision: 45 / 95 },
      { threshold: 0.1, coverage: 1, precision: 0.5 },
    ];
    await store
      .collection(modelVersions)
      .upsertMany([{ ...stored, metrics: { ...measured, rows: 200, curve: points } as unknown as Json }]);
    const bands = (await read({ view: "model-reliability" })).map(({ low, high, payments, right }) => [
      low,
      high,
      payments,
      Math.round(Number(right) * Number(payments)),
    ]);
    assert.deepEqual(bands, [
      [0.9, 1, 40, 30],
      [0.6, 0.9, 20, 10],
      [0.1, 0.6, 40, 10],
    ]);

    const rows = await read({ view: "model-categories" });
    assert.equal(
      rows.reduce((sum, row) => sum + Number(row["payments"]), 0),
      measured.rows,
    );
    const right = rows.reduce((sum, row) => sum + Number(row["recognised"]), 0);
    assert.ok(Math.abs(right / measured.rows - measured.accuracy) < 1e-9);
    const missed = rows.map((row) => Number(row["missed"]));
    assert.deepEqual(
      missed,
      [...missed].sort((a, b) => b - a),
    );
    assert.ok(rows.every(({ category, categoryId }) => category === String(categoryId).toUpperCase()));
    await store.collection(categories).deleteMany([String(rows[0]!["categoryId"])]);
    const [gone] = await read({ view: "model-categories", limit: 1 });
    assert.deepEqual([gone!["category"], gone!["gone"]], [null, true]);
    await store.close();
  });

  async function opened() {
    const store = await memoryStore();
    const ledger = new RunLedger(store, { worker: "w", now: new TestClock().now });
    const read = async (more: object = {}) =>
      (await readView(store, ledger, { view: "models", limit: 100, ...more })).rows;
    assert.deepEqual(await read(), []);
    const waiting = await fill(store);
    return { store, read, waiting };
  }
});
