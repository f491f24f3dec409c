import assert from "node:assert/strict";
import { classifyStep, labelsOf, trainStep } from "../../lib/learning";
import { categories, classifications, queue, rules, transactions, type Store } from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { AT, BUDGET, contextOf, fill } from "./filled";
import { household } from "./support";

const LATER = "2024-07-01T00:00:00.000Z";

describe("learning: categories that change between training and classifying", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(store);
    await trainStep(contextOf(store), { budgetId: BUDGET });
  });
  afterEach(() => store.close());

  const category = async (id: string) => (await store.collection(categories).get(id))!;
  const classify = (policy: "review" | "suggest" = "review") =>
    classifyStep(contextOf(store), { budgetId: BUDGET, policy });

  /** Nothing that was decided or is suggested names this category. */
  async function nowhere(id: string): Promise<void> {
    let seen = 0;
    for await (const found of store.collection(classifications).scan({ index: "id" })) {
      seen++;
      assert.notEqual(found.categoryId, id);
      assert.ok(found.top.every(({ categoryId }) => categoryId !== id));
      assert.ok(found.explanation.nearest.every(({ categoryId }) => categoryId !== id));
    }
    for await (const item of store.collection(queue).scan({ index: "id" }))
      assert.notEqual(item.categoryId, id);
    assert.equal(seen, 60);
  }

  /** How often a payment of this label was given some other category for good. */
  async function givenOtherwise(label: string): Promise<number> {
    const own = new Set(
      household(460)
        .slice(400)
        .filter((row) => row.label === label)
        .map(({ id }) => id),
    );
    assert.ok(own.size > 5);
    let count = 0;
    for await (const item of store.collection(queue).scan({ index: "id" }))
      if (own.has(item.paymentId) && item.state === "classified" && item.categoryId !== label) count++;
    return count;
  }

  it("a rename: the same category by its new name", async () => {
    await store
      .collection(categories)
      .upsertMany([{ ...(await category("groceries")), name: "Food & home" }]);
    await classify();
    const named: string[] = [];
    for await (const found of store.collection(classifications).scan({ index: "id" }))
      if (found.categoryId === "groceries") named.push(found.reason);
    assert.ok(named.length > 5);
    assert.ok(named.every((reason) => reason.includes("Food & home") && !reason.includes("GROCERIES")));
  });

  for (const [how, change] of [
    ["hidden", { hidden: true }],
    ["deleted", { deleted: true }],
    ["the budget's own", { internal: true }],
  ] as const) {
    it(`${how}: never given or suggested, and its payments are not given to the next best instead`, async () => {
      await store.collection(categories).upsertMany([{ ...(await category("groceries")), ...change }]);
      await store
        .collection(rules)
        .upsertMany([
          { id: "rule:1", budgetId: BUDGET, order: 1, at: AT, categoryId: "groceries", contains: "JUMBO" },
        ]);
      await classify();
      await nowhere("groceries");
      assert.equal(await givenOtherwise("groceries"), 0);
    });
  }

  it("gone from the budget while the user wants the most likely: still none that cannot be used", async () => {
    await store.collection(categories).deleteMany(["groceries"]);
    await classify("suggest");
    await nowhere("groceries");
  });

  it("a merge: waits, then is learned under the new id at the next training", async () => {
    await store.collection(categories).upsertMany([
      { ...(await category("groceries")), deleted: true },
      { ...(await category("groceries")), id: "household", name: "Household" },
    ]);
    const all = store.collection(transactions);
    const moved: string[] = [];
    for await (const row of all.scan({ index: "byBudget", equals: [BUDGET] }))
      if (row.categoryId === "groceries") moved.push(row.id);
    for (const id of moved) await all.upsertMany([{ ...(await all.get(id))!, categoryId: "household" }]);
    await classify();
    await nowhere("groceries");
    assert.equal(await givenOtherwise("groceries"), 0);

    const labels: string[] = [];
    for await (const { label } of labelsOf(store, BUDGET)) labels.push(label);
    assert.ok(labels.includes("household") && !labels.includes("groceries"));
    const merged = await trainStep(contextOf(store, LATER), { budgetId: BUDGET });
    assert.equal(merged.promoted, true, merged.reason);
    assert.deepEqual(merged.gate?.newCategories, ["household"]);
    await classify();
    let given = 0;
    for await (const item of store.collection(queue).scan({ index: "id" })) {
      assert.notEqual(item.categoryId, "groceries");
      if (item.categoryId === "household") given++;
    }
    assert.ok(given > 5);
  });

  it("all but one hidden: that one is given to its own payments only", async () => {
    for (const id of new Set(household(460).map(({ label }) => label)))
      if (id !== "fun")
        await store.collection(categories).upsertMany([{ ...(await category(id)), hidden: true }]);
    await classify();
    const labelOf = new Map(household(460).map((row) => [row.id, row.label]));
    let given = 0;
    for await (const item of store.collection(queue).scan({ index: "id" })) {
      if (item.state !== "classified" || item.transferAccountId) continue;
      given++;
      assert.deepEqual([item.categoryId, labelOf.get(item.paymentId)], ["fun", "fun"]);
    }
    assert.ok(given > 5);
  });

  it("all of them gone: everything waits", async () => {
    for (const id of new Set(household(460).map(({ label }) => label)))
      await store.collection(categories).upsertMany([{ ...(await category(id)), deleted: true }]);
    const { counts } = await classify();
    assert.deepEqual([counts["review"], counts["classified"], counts["transfers"]], [59, 0, 1]);
  });
});
