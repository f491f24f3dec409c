import assert from "node:assert/strict";
import {
  FEATURE_VERSION,
  liveModel,
  modelName,
  promote,
  releaseModel,
  retain,
  saveVersion,
  TrainedModel,
  trainModel,
} from "../../lib/learning";
import { payments, reviews, type Collection, type Review, type Store } from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { queueId, type Instant } from "../../lib/values";
import { household } from "./support";

const BUDGET = "ynab:b";
const NAME = modelName(BUDGET);
const TRAINED: Instant = "2024-06-01T00:00:00.000Z";

describe("learning: the live model", () => {
  let store: Store;
  let bytes: Uint8Array;
  const original = TrainedModel.prototype.learn;
  const learned: string[] = [];

  before(() => (bytes = trainModel(household(200)).model.encode()));
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    learned.length = 0;
    TrainedModel.prototype.learn = function (example, label) {
      learned.push(example.id);
      original.call(this, example, label);
    };
    await save("1");
    await promote(store, NAME, "1", TRAINED, "first");
  });
  afterEach(async () => {
    TrainedModel.prototype.learn = original;
    await store.close();
  });

  const save = (version: string) =>
    saveVersion(
      store,
      {
        model: NAME,
        version,
        createdAt: TRAINED,
        estimator: "any",
        parameters: {},
        featureVersion: FEATURE_VERSION,
        dataHash: "",
        codeVersion: "",
        trainedOn: { examples: 200, from: "2023-01-01", to: "2023-03-01", categories: [] },
        metrics: {},
        threshold: 1,
      },
      bytes,
    );
  /** A person decides about this payment, at this second after the training. */
  const review = async (i: number, second = i) => {
    const { label, ...row } = household(40)[i]!;
    const payment = {
      id: row.id,
      source: "test",
      accountId: row.account,
      status: "booked" as const,
      date: row.date,
      amount: row.amount,
      currency: row.currency,
      counterparty: { name: row.text },
      description: row.description,
      raw: {},
      fetchedAt: TRAINED,
    };
    await store.collection(payments).upsertMany([payment]);
    await store.collection(reviews).upsertMany([
      {
        id: queueId(row.id, BUDGET),
        paymentId: row.id,
        budgetId: BUDGET,
        at: `2024-06-02T00:00:${String(second).padStart(2, "0")}.000Z`,
        chosenCategoryId: label,
      },
    ]);
  };
  const ids = (...numbers: number[]) => numbers.map((i) => `test:${i}`);

  it("learns each review once, whoever asks at the same time", async () => {
    for (let i = 0; i < 30; i++) await review(i, Math.floor(i / 2));
    const asked = await Promise.all(Array.from({ length: 8 }, () => liveModel(store, BUDGET)));
    assert.equal(new Set(asked.map((live) => live?.model)).size, 1, "one model for all");
    assert.deepEqual(learned, ids(...Array.from({ length: 30 }, (_, i) => i)));
    await Promise.all([liveModel(store, BUDGET), liveModel(store, BUDGET)]);
    assert.equal(learned.length, 30);
  });

  it("shows to who asks after a review was stored that review, also while a scan is under way", async () => {
    await review(0);
    let stored: Promise<void> | undefined;
    let later: Promise<readonly string[]> | undefined;
    const watched: Store = scanning(store, async () => {
      // The first scan has read all there is; what comes now it does not see.
      stored ??= review(1);
      await stored;
      later ??= liveModel(watched, BUDGET).then(() => [...learned]);
    });
    await liveModel(watched, BUDGET);
    assert.deepEqual(await later, ids(0, 1));
    assert.deepEqual(learned, ids(0, 1));
  });

  it("goes on where it was when the store failed in between", async () => {
    for (const i of [0, 1, 2]) await review(i);
    let failing = true;
    const failed = getting(store, (id) => {
      if (failing && id === "test:1") throw new Error("away");
    });
    const outcomes = await Promise.allSettled([liveModel(failed, BUDGET), liveModel(failed, BUDGET)]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    failing = false;
    await liveModel(failed, BUDGET);
    assert.deepEqual(learned, ids(0, 1, 2));
  });

  it("serves what the alias points at from the next call on, and any version by its name", async () => {
    await review(0);
    assert.equal((await liveModel(store, BUDGET))?.version, "1");
    await save("2");
    await promote(store, NAME, "2", TRAINED, "better");
    assert.equal((await liveModel(store, BUDGET))?.version, "2");
    assert.equal((await liveModel(store, BUDGET, "previous"))?.version, "1");
    assert.equal((await liveModel(store, BUDGET, "1"))?.version, "1");
    for (const unknown of ["3", "candidate", "__proto__", "toString", ""])
      assert.equal(await liveModel(store, BUDGET, unknown), undefined, unknown);
    assert.equal(await liveModel(store, "ynab:other"), undefined);
  });

  it("serves no version that was removed meanwhile", async () => {
    await save("2");
    assert.equal((await liveModel(store, BUDGET, "2"))?.version, "2");
    await retain(store, NAME, 0);
    assert.equal(await liveModel(store, BUDGET, "2"), undefined);
  });

  it("loads again, reviews and all, what was let go of", async () => {
    await review(0);
    const first = await liveModel(store, BUDGET);
    assert.equal((await liveModel(store, BUDGET))?.model, first?.model);
    releaseModel(store, BUDGET);
    assert.notEqual((await liveModel(store, BUDGET))?.model, first?.model);
    assert.deepEqual(learned, ids(0, 0));
  });
});

/** The store, with something to do at the end of each scan of the reviews. */
function scanning(store: Store, atEnd: () => Promise<void>): Store {
  return wrapped(store, "reviews", (collection) => ({
    async *scan(query: Parameters<Collection<Review>["scan"]>[0]) {
      yield* collection.scan(query);
      await atEnd();
    },
  }));
}

/** The store, with a look at each payment that is asked for. */
function getting(store: Store, look: (id: string) => void): Store {
  return wrapped(store, "payments", (collection) => ({
    get: async (id: string) => {
      look(id);
      return collection.get(id);
    },
  }));
}

function wrapped(store: Store, name: string, change: (collection: Collection<never>) => object): Store {
  return {
    ...store,
    collection: ((def: { name: string }) => {
      const collection = store.collection(def as never) as Collection<never>;
      if (def.name !== name) return collection;
      const changed = change(collection) as Record<string, unknown>;
      return new Proxy(collection, {
        get(target, key: keyof typeof collection) {
          if (Object.hasOwn(changed, key)) return changed[key];
          const own = target[key] as unknown;
          return typeof own === "function" ? (own.bind(target) as unknown) : own;
        },
      });
    }) as unknown as Store["collection"],
  };
}
