import assert from "node:assert/strict";
import {
  classifyStep,
  exampleOf,
  FEATURE_VERSION,
  modelName,
  promote,
  saveVersion,
  TrainedModel,
  trainModel,
} from "../../lib/learning";
import { announce, decide, listGroups, listPayments, press, undo } from "../../lib/review";
import { artifactChunks, classifications, queue, type Store } from "../../lib/store";
import type { Id } from "../../lib/values";
import type { Bench } from "../queue/bench";
import { at, BUDGET, classify, FOOD, FUN, itemId, openBench, RENT, reviewOf, waiting } from "./bench";

const AH = "ALBERT HEIJN";
const GO = "ALBERT CUYP MARKT";
const SHELL = "SHELL STATION";
const NAME = modelName(BUDGET);
const percent = ({ confidence }: { confidence: number }) => Math.round(confidence * 100);

describe("review: what is suggested follows what was decided", () => {
  let bench: Bench;
  beforeEach(async () => void (bench = await openBench()));
  afterEach(() => bench.store.close());

  const choose = (id: string, categoryId: Id | null) =>
    decide(bench.store, { ids: [itemId(id)], categoryId }, bench.clock.now);
  const shown = async (store: Store = bench.store) => {
    const { rows } = await listGroups(store, { limit: 20 });
    return new Map(
      rows.map(({ name, newest: { top, reason, modelVersion } }) => [
        name,
        { best: top[0]?.categoryId, sure: top[0] && percent(top[0]), reason, modelVersion },
      ]),
    );
  };
  const ah = async (store?: Store) => (await shown(store)).get("Albert Heijn")!;
  const said = async () => {
    const found = [];
    for await (const one of bench.store.collection(classifications).scan({ index: "id" })) found.push(one);
    return found;
  };
  /** A version that learned these shops, each named with its category, put into production. */
  const produce = async (version: string, ...visits: [shop: string, category: Id][]) => {
    const labels = visits.map(([shop, label], n) => ({ ...exampleOf(at(shop, `9${n}`)), label }));
    const { model } = trainModel(labels);
    await saveVersion(
      bench.store,
      {
        model: NAME,
        version,
        createdAt: bench.clock.now(),
        estimator: model.info.estimator,
        parameters: {},
        featureVersion: FEATURE_VERSION,
        dataHash: "",
        codeVersion: "",
        trainedOn: model.info.trainedOn,
        metrics: {},
        threshold: model.threshold,
      },
      model.encode(),
    );
    await promote(bench.store, NAME, version, bench.clock.now(), "test");
  };
  const run = () => classifyStep(bench.context(), { budgetId: BUDGET, policy: "review" });

  it("from the first decision on, before there is a model: same name, same first word, and nothing else", async () => {
    const rows = [...["1", "2", "3"].map((id) => at(AH, id)), at(GO, "4"), at(SHELL, "5")];
    await waiting(bench, rows, false);
    assert.deepEqual(await ah(), {
      best: undefined,
      sure: undefined,
      reason: "Nothing has been learned yet: no model is trained.",
      modelVersion: "none",
    });
    await choose("1", FOOD);
    const now = await shown();
    assert.deepEqual(now.get("Albert Heijn"), {
      best: FOOD,
      sure: 87,
      reason: `Perhaps food, like "${AH} 1001" before, but only 87 % sure: please decide.`,
      modelVersion: "none",
    });
    assert.deepEqual([now.get("Albert Cuyp Markt")?.best, now.get("Shell Station")?.best], [FOOD, undefined]);
    assert.equal(
      now.get("Shell Station")?.reason,
      "No payment like this one has a category yet: please decide.",
    );
    await choose("2", FOOD);
    assert.equal((await ah()).sure, 92);
    const [, second] = [await reviewOf(bench, "1"), await reviewOf(bench, "2")];
    assert.deepEqual(
      [second!.suggestedCategoryId, second!.modelVersion],
      [FOOD, "none"],
      "what was suggested when it was decided is kept with the decision",
    );
  });

  it("with the version in production, whose name and reason it carries, and the past that it rests on", async () => {
    await produce("v1", [AH, FOOD], [SHELL, RENT]);
    await waiting(bench, [at(AH, "1"), at(AH, "2"), at(AH, "3"), at(SHELL, "4")], false);
    await run();
    const before = await ah();
    assert.deepEqual([before.best, before.modelVersion], [FOOD, "v1"]);
    await choose("1", FUN);
    const after = await ah();
    assert.deepEqual([after.best, after.modelVersion], [FUN, "v1"]);
    assert.match(after.reason!, /^Perhaps fun, like "ALBERT HEIJN 1001" before, but only \d+ % sure/);
    const { key } = (await listGroups(bench.store, { limit: 1 })).rows[0]!;
    const members = await listPayments(bench.store, { key, limit: 10 });
    assert.deepEqual(
      members.rows.map(({ top, nearest }) => [top[0]?.category, nearest[0]?.category]),
      [
        ["fun", "fun"],
        ["fun", "fun"],
      ],
    );
    assert.equal((await shown()).get("Shell Station")?.best, RENT, "others stay as they were");
  });

  it("stores nothing and moves nothing: what waits goes on by a person or a new version", async () => {
    await produce("v1", [AH, FOOD], [AH, FOOD], [SHELL, RENT]);
    await waiting(bench, [at(AH, "1"), at(AH, "2")], false);
    await run();
    const [items, words] = [await bench.items(), await said()];
    await choose("1", FOOD);
    assert.match((await ah()).reason!, /^Most likely food \(95 % sure\)/);
    await run();
    const rest = items.filter(({ paymentId }) => paymentId !== "bank:1");
    assert.deepEqual(
      (await bench.items()).filter(({ paymentId }) => paymentId !== "bank:1"),
      rest,
    );
    assert.deepEqual(await said(), words);
    // Of the same name, but it comes now: that it is answered was so before.
    await bench.arrive(at(AH, "7"));
    await run();
    assert.deepEqual(
      [(await bench.item("7")).state, (await bench.item("2")).state],
      ["classified", "review"],
    );
    await produce("v2", [AH, FOOD], [AH, FOOD], [AH, FOOD], [SHELL, RENT]);
    await run();
    assert.equal((await bench.item("2")).state, "classified");
  });

  it("forgets what is taken back", async () => {
    await waiting(bench, [at(AH, "1"), at(AH, "2")], false);
    const { act } = await choose("1", FOOD);
    assert.equal((await ah()).best, FOOD);
    await undo(bench.store, act, bench.clock.now);
    assert.equal((await ah()).best, undefined);

    await produce("v1", [AH, FOOD], [SHELL, RENT]);
    await choose("1", FUN);
    const { act: other } = await choose("2", FUN);
    await undo(bench.store, other, bench.clock.now);
    const { best, sure } = await ah();
    assert.deepEqual([best, sure], [FUN, 55], "one of the two decisions still stands");
  });

  it("accepts what was seen, whatever is suggested by then", async () => {
    await produce("v1", [AH, FOOD], [SHELL, RENT]);
    await waiting(bench, [at(AH, "1"), at(AH, "2")], false);
    await run();
    const { best: seen } = await ah();
    // Another person, or another tab, is quicker.
    await choose("2", RENT);
    assert.deepEqual([seen, (await ah()).best], [FOOD, RENT]);
    const { category } = await choose("1", seen!);
    assert.deepEqual([category, (await bench.item("1")).categoryId], ["food", FOOD]);
    const review = (await reviewOf(bench, "1"))!;
    assert.deepEqual([review.chosenCategoryId, review.suggestedCategoryId], [FOOD, RENT]);
  });

  it("a message asks by what is known when it is sent, and its buttons go on meaning that", async () => {
    await waiting(bench, [at(AH, "1"), at(AH, "2"), at(AH, "3")], false);
    await choose("1", FOOD);
    const [message] = await announce(bench.store, { budgetId: BUDGET }, bench.clock.now);
    assert.match(message!.text, /Perhaps food \(87 %\)\.$/);
    await choose("2", RENT);
    assert.equal((await ah()).best, RENT);
    assert.deepEqual(await announce(bench.store, { budgetId: BUDGET }, bench.clock.now), [], "told once");
    const pressed = await press(bench.store, message!.actions[0]!.id, bench.clock.now);
    assert.equal(pressed.category, "food");
    assert.equal((await bench.item("3")).categoryId, FOOD);
  });

  it("is the same in another process, whichever of the two decided", async () => {
    await produce("v1", [AH, FOOD], [SHELL, RENT]);
    await waiting(bench, [at(AH, "1"), at(AH, "2"), at(AH, "3")], false);
    await run();
    // Models are kept for each store object: this one learns by itself, as another process does.
    const other = { collection: bench.store.collection.bind(bench.store) } as Store;
    assert.deepEqual(await ah(other), await ah());
    await choose("1", FUN);
    assert.deepEqual(await ah(other), await ah());
    await decide(other, { ids: [itemId("2")], categoryId: FUN }, bench.clock.now);
    const here = await ah();
    assert.deepEqual(await ah(other), here);
    assert.deepEqual([here.best, here.sure], [FUN, 69]);
  });

  it("asks the model only about what is shown, however many wait", async () => {
    await produce("v1", [AH, FOOD], [SHELL, RENT]);
    const shops = Array.from({ length: 30 }, (_, n) => `SHOP ${String.fromCharCode(97 + n)}${n}${AH}`);
    await waiting(
      bench,
      shops.flatMap((shop, n) => [1, 2, 3].map((i) => at(shop, String(n * 3 + i)))),
      false,
    );
    await run();
    const { score } = TrainedModel.prototype;
    let asked = 0;
    TrainedModel.prototype.score = function (...of) {
      asked++;
      return score.apply(this, of);
    };
    try {
      await choose("1", FUN);
      asked = 0;
      await listGroups(bench.store, { limit: 5 });
    } finally {
      TrainedModel.prototype.score = score;
    }
    // The label is asked about once, before it is learned.
    assert.ok(asked >= 5 && asked <= 6, `${asked}`);
  });

  it("shows what was stored where the model cannot be read, and people decide all the same", async () => {
    await waiting(bench, [at(AH, "1"), at(AH, "2")]);
    await produce("v1", [AH, FUN], [SHELL, RENT]);
    const chunks = [];
    for await (const { id } of bench.store.collection(artifactChunks).scan({ index: "id" })) chunks.push(id);
    await bench.store.collection(artifactChunks).deleteMany(chunks);
    assert.deepEqual(await ah(), {
      best: FOOD,
      sure: 60,
      reason: "Perhaps food, but only 60 % sure: please decide.",
      modelVersion: "m1",
    });
    assert.equal((await choose("1", RENT)).decided, 1);
    await assert.rejects(classify(bench), { code: "MODEL_MISSING" });
  });

  it("keeps saying why a payment came back from the budget, beside what is suggested by now", async () => {
    await waiting(bench, [at(AH, "1"), at(AH, "2")], false);
    const error = { code: "CATEGORY_GONE", message: "Its category was deleted.", retryable: false } as const;
    await bench.store.collection(queue).updateMany([{ id: itemId("2"), expected: {}, set: { error } }]);
    await choose("1", FOOD);
    const { best, reason } = await ah();
    assert.deepEqual([best, reason], [FOOD, "Its category was deleted."]);
  });
});
