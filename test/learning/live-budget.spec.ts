import assert from "node:assert/strict";
import { classifyStep, decide, liveModel, releaseModel, trainStep } from "../../lib/learning";
import { reviews, transactions, type Collection, type Store } from "../../lib/store";
import { isOwnImportId, queueId } from "../../lib/values";
import { Bench } from "../queue/bench";
import { payment } from "../support/context";
import { listenIn } from "./listen";

describe("learning: the live model and the budget", () => {
  let bench: Bench;
  const { labels } = listenIn();
  const budgetId = "memory:b";
  const live = async (store = bench.store) => (await liveModel(store, budgetId))!;

  beforeEach(async () => {
    bench = await Bench.open();
    await spend(1, "SHELL", "memory:rent");
    const { promoted } = await trainStep(bench.context(), { budgetId });
    assert.ok(promoted);
  });
  afterEach(() => bench.store.close());

  /** A payment of so many cents; with a category, a person entered and approved it in the budget. */
  async function spend(cents: number, shop: string, categoryId?: string): Promise<void> {
    if (categoryId) bench.byHand({ id: `memory:${cents}`, amount: -cents, categoryId });
    await bench.arrive(
      payment(`${cents}`, { amount: -cents, counterparty: { name: shop }, description: "" }),
    );
  }
  const rowOf = (cents: number) => bench.budget.rows.find(({ amount }) => amount === -cents)!;
  const answer = async (shop: string) => {
    const { model } = await live();
    const text = { text: shop, description: "", account: "bank:1", currency: "EUR", date: "2026-02-20" };
    return decide(model, { id: "asked", amount: -999, ...text }).top[0]?.categoryId;
  };
  async function pass(): Promise<void> {
    bench.clock.advance(3_600_000);
    await bench.match();
    await classifyStep(bench.context(), { budgetId, policy: "suggest" });
    await bench.sync();
  }

  it("answers by what was approved there since the training", async () => {
    assert.equal(await answer("JUMBO"), undefined);
    for (const cents of [11, 12, 13]) await spend(cents, "JUMBO", "memory:food");
    await spend(14, "JUMBO");
    await pass();
    assert.equal(rowOf(14).categoryId, "memory:food");
    const item = await bench.item("14");
    assert.match(item.reason ?? "", /JUMBO/);
    assert.deepEqual(
      labels,
      ["bank:11", "bank:12", "bank:13"].map((id) => `${id}=memory:food`),
    );
  });

  it("answers by what was corrected there of what we wrote, and by no category of our own", async () => {
    await spend(11, "JUMBO", "memory:food");
    await spend(12, "JUMBO");
    for (let hours = 0; hours < 3; hours++) await pass();
    assert.ok(isOwnImportId(rowOf(12).importId));
    assert.deepEqual(labels, ["bank:11=memory:food"], "a suggestion of ours is no label");
    rowOf(12).categoryId = "memory:fun";
    await pass();
    assert.equal(await answer("JUMBO"), "memory:fun");
    rowOf(11).categoryId = "memory:rent";
    await pass();
    assert.deepEqual(labels.slice(1), ["bank:12=memory:fun", "bank:11=memory:rent"]);
    assert.equal(await answer("JUMBO"), "memory:rent");
  });

  it("learns each once: whoever asks, when it is trained anew, with what was decided in review", async () => {
    await spend(11, "JUMBO");
    await bench.store.collection(reviews).upsertMany([
      {
        id: queueId("bank:11", budgetId),
        paymentId: "bank:11",
        budgetId,
        at: bench.clock.now(),
        chosenCategoryId: "memory:food",
      },
    ]);
    await live();
    bench.byHand({ id: "memory:11", amount: -11, categoryId: "memory:food" });
    await pass();
    // What changes and is no other category teaches nothing.
    rowOf(11).cleared = "cleared";
    await pass();
    await Promise.all([live(), live(), live()]);
    assert.deepEqual(labels, ["bank:11=memory:food"]);
    rowOf(11).categoryId = "memory:fun";
    await pass();
    assert.deepEqual(labels, ["bank:11=memory:food", "bank:11=memory:fun"]);
    releaseModel(bench.store, budgetId);
    await live();
    assert.deepEqual(
      labels.slice(2),
      ["bank:11=memory:food", "bank:11=memory:fun"],
      "a restart says it again",
    );
    await trainStep(bench.context(), { budgetId });
    const { model } = await live();
    assert.deepEqual([labels.length, model.labelOf("bank:11")], [4, "memory:fun"]);
  });

  it("learns what was approved long ago once its payment comes", async () => {
    bench.byHand({ id: "memory:old", amount: -11, categoryId: "memory:food" });
    await pass();
    await live();
    await spend(11, "JUMBO");
    assert.equal(await answer("JUMBO"), "memory:food");
  });

  it("learns nothing of what is gone: a category, a transaction", async () => {
    for (const cents of [11, 12, 13]) await spend(cents, "JUMBO", "memory:food");
    await spend(14, "JUMBO", "memory:fun");
    bench.budget.categoryList.find(({ id }) => id === "memory:food")!.hidden = true;
    rowOf(14).deleted = true;
    await pass();
    await live();
    assert.deepEqual(labels, []);
  });

  it("costs what is new, however much there is", async () => {
    for (let cents = 100; cents < 1_300; cents++) bench.byHand({ id: `memory:${cents}`, amount: -cents });
    await pass();
    const rows = { all: 0 };
    const counted = counting(bench.store, rows);
    await live(counted);
    rows.all = 0;
    await live(counted);
    assert.ok(rows.all <= 52, `${rows.all} documents for nothing new`);
    await spend(11, "JUMBO", "memory:food");
    await live(counted);
    rows.all = 0;
    await spend(12, "JUMBO", "memory:food");
    await live(counted);
    assert.equal(labels.at(-1), "bank:12=memory:food");
    // Model, the one before again, the new transaction and its match by either way, categories, payment, queue item.
    assert.ok(rows.all <= 16, `${rows.all} documents for one label`);
    const stamps: (string | undefined)[] = [];
    for await (const row of bench.store.collection(transactions).scan({ index: "id" }))
      stamps.push(row.changedAt);
    assert.ok(stamps.length > 1_200 && new Set(stamps).size >= stamps.length / 50);
  });
});

/** The store, with a count of all documents that are read. */
function counting(store: Store, rows: { all: number }): Store {
  const count = <R>(found: R): R => {
    const items = (found as { items?: unknown[] } | undefined)?.items ?? found;
    rows.all += Array.isArray(items) ? items.length : Number(items !== undefined);
    return found;
  };
  const counted = ["get", "getMany", "find", "findAny"];
  return {
    ...store,
    collection: ((def: { name: string }) =>
      new Proxy(store.collection(def as never) as Collection<never>, {
        get(target, key: keyof Collection<never>) {
          if (key === "scan")
            return async function* (query: never) {
              for await (const row of target.scan(query)) yield count(row);
            };
          const own = (target[key] as (...given: unknown[]) => Promise<unknown>).bind?.(target);
          return counted.includes(key) ? async (...given: unknown[]) => count(await own(...given)) : own;
        },
      })) as unknown as Store["collection"],
  };
}
