import assert from "node:assert/strict";
import {
  FEATURE_VERSION,
  liveModel,
  modelName,
  promote,
  releaseModel,
  retain,
  saveVersion,
  trainModel,
} from "../../lib/learning";
import {
  categories,
  matches,
  payments,
  reviews,
  type Collection,
  type Review,
  type Store,
} from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { queueId, type Instant } from "../../lib/values";
import { listenIn } from "./listen";
import { household } from "./support";

const BUDGET = "ynab:b";
const NAME = modelName(BUDGET);
const TRAINED: Instant = "2024-06-01T00:00:00.000Z";

describe("learning: the live model", () => {
  let store: Store;
  let bytes: Uint8Array;
  const { learned } = listenIn();

  before(() => (bytes = trainModel(household(200)).model.encode()));
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    const labels = [...new Set(household(240).map(({ label }) => label))];
    await store.collection(categories).upsertMany(
      [...labels, "hidden"].map((id) => ({
        id,
        budgetId: BUDGET,
        name: id,
        hidden: id === "hidden",
        deleted: false,
      })),
    );
    await save("1");
    await promote(store, NAME, "1", TRAINED, "first");
  });
  afterEach(() => store.close());

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
  /** A person decides about this payment, which was not among those trained on, at this second after the training. */
  const review = async (i: number, second = i, more: Partial<Review> = {}) => {
    const { label, ...row } = household(240)[200 + i]!;
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
        ...more,
      },
    ]);
  };
  const ids = (...numbers: number[]) => numbers.map((i) => `test:${200 + i}`);

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
      if (failing && id === "test:201") throw new Error("away");
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

  it("learns a category once, another one as a correction, and nothing of one that is hidden", async () => {
    for (const [second, chosenCategoryId] of ["things", "things", "hidden", "energy"].entries()) {
      await review(0, second, { chosenCategoryId });
      await liveModel(store, BUDGET);
    }
    assert.deepEqual(learned, ids(0, 0));
  });

  it("learns a payment that was pending and is booked under another id once", async () => {
    await review(0, 1, { chosenCategoryId: "things" });
    await liveModel(store, BUDGET);
    await review(1, 2, { chosenCategoryId: "things" });
    await store
      .collection(payments)
      .updateMany([{ id: "test:201", expected: {}, set: { settles: "test:200" } }]);
    await liveModel(store, BUDGET);
    assert.deepEqual(learned, ids(0));
  });

  it("learns what was decided right before the training and had not reached the budget", async () => {
    await review(0, 0, { at: "2024-05-31T23:00:00.000Z" });
    await review(1, 0, { at: "2024-03-01T00:00:00.000Z" });
    // Of a payment that it was trained on, what the training found in the budget stands.
    await review(-1, 0, { at: "2024-05-31T23:00:00.000Z", chosenCategoryId: "energy" });
    // Of one that stands in the budget, the budget tells.
    await review(2, 0, { at: "2024-05-31T23:00:00.000Z" });
    const match = {
      id: "ynab:t",
      paymentId: "test:202",
      rule: "reference" as const,
      confidence: 1,
      reason: "",
    };
    await store.collection(matches).upsertMany([{ ...match, budgetId: BUDGET }]);
    const { model } = (await liveModel(store, BUDGET))!;
    assert.deepEqual(learned, ids(0));
    assert.equal(model.labelOf("test:199"), household(200)[199]!.label);
  });
});

/** The store, with something to do once the reviews are read. */
function scanning(store: Store, atEnd: () => Promise<void>): Store {
  return wrapped(store, "reviews", (collection) => ({
    async find(query: Parameters<Collection<Review>["find"]>[0]) {
      const page = await collection.find(query);
      await atEnd();
      return page;
    },
  }));
}

/** The store, with a look at each payment that is asked for. */
function getting(store: Store, look: (id: string) => void): Store {
  return wrapped(store, "payments", (collection) => ({
    getMany: async (ids: readonly string[], without: readonly never[]) => {
      ids.forEach(look);
      return collection.getMany(ids, without);
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
