import assert from "node:assert/strict";
import { historyStep } from "../../lib/history";
import {
  listVersions,
  liveModel,
  loadArtifact,
  modelName,
  promote,
  promoteByHand,
  resolveAlias,
  retain,
  rollBackByHand,
  saveVersion,
  trainStep,
  trainWhen,
} from "../../lib/learning";
import {
  artifactChunks,
  categories,
  cursors,
  historyOf,
  matches,
  models,
  modelVersions,
  payments,
  queue,
  reviews,
  shadows,
  transactions,
  type Store,
} from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { AT, BUDGET, contextOf, fill, itemOf, paymentOf, untrained } from "./filled";
import { household } from "./support";

const NAME = modelName(BUDGET);
const LATER = "2024-07-01T00:00:00.000Z";
const BETWEEN = "2024-06-15T12:00:00+02:00";

describe("learning: training as of a past instant", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(store);
  });
  afterEach(() => store.close());

  /** Everything that a label is made of becomes another. */
  async function changeAll(): Promise<void> {
    const all = store.collection(transactions);
    const [one, two, three, four] = (await all.getMany(["ynab:t4", "ynab:t5", "ynab:t6", "ynab:t7"])) as [
      never,
      never,
      never,
      never,
    ];
    await all.upsertMany([
      { ...(one as object), categoryId: "things" } as never,
      { ...(two as object), deleted: true } as never,
      { ...(three as object), approved: false } as never,
      { ...(four as object), transferAccountId: "ynab:savings" } as never,
    ]);
    await store.collection(matches).deleteMany(["ynab:t8", "ynab:t9"]);
    const payment = (await store.collection(payments).get("test:10"))!;
    await store.collection(payments).upsertMany([{ ...payment, description: "BOOKED OTHERWISE" }]);
    await store
      .collection(queue)
      .upsertMany([itemOf(paymentOf(household(12)[11]!), { state: "synced", refundOf: "test:1" })]);
    const food = (await store.collection(categories).get("health"))!;
    await store.collection(categories).upsertMany([
      { ...food, deleted: true },
      { ...food, id: "late" },
    ]);
  }

  it("gives the version of then, byte for byte, whatever was changed since", async () => {
    await historyStep(contextOf(store));
    const then = await trainStep(contextOf(store), { budgetId: BUDGET });
    const bytes = await loadArtifact(store, NAME, then.version);
    await changeAll();
    await historyStep(contextOf(store, LATER));
    const now = await trainStep(contextOf(store, LATER), { budgetId: BUDGET });
    assert.notEqual(now.version, then.version);
    const production = await resolveAlias(store, NAME, "production");

    // In a store that knows no version, so that nothing can be taken from one that is there.
    const empty = await openStore({ kind: "sqlite", path: ":memory:" });
    for (const entity of ["transactions", "categories", "matches", "payments", "queue"])
      for await (const row of store.collection(historyOf(entity)).scan({ index: "id" }))
        await empty.collection(historyOf(entity)).upsertMany([row]);
    const alone = await trainStep(contextOf(empty, LATER), { budgetId: BUDGET, asOf: BETWEEN });
    assert.equal(alone.version, then.version);
    const again = await loadArtifact(empty, NAME, then.version);
    assert.deepEqual(again.bytes, bytes.bytes);
    assert.deepEqual(
      [again.version.dataHash, again.version.asOf],
      [bytes.version.dataHash, "2024-06-15T10:00:00.000Z"],
    );
    await empty.close();

    const beside = await trainStep(contextOf(store, LATER), { budgetId: BUDGET, asOf: BETWEEN });
    assert.deepEqual([beside.version, beside.known, beside.promoted], [then.version, true, false]);
    assert.match(beside.reason, /byte for byte/);
    assert.equal(await resolveAlias(store, NAME, "production"), production);
    assert.equal(
      (await trainStep(contextOf(store, LATER), { budgetId: BUDGET, asOf: LATER })).version,
      now.version,
    );
  });

  it("is neither candidate nor in production by itself, also where it would be the first", async () => {
    await historyStep(contextOf(store));
    const ctx = contextOf(store, LATER);
    const past = await trainWhen(ctx, "always", { budgetId: BUDGET, asOf: AT });
    assert.ok(past.trained && !past.promoted);
    assert.equal(past.gate?.verdict, "as-of");
    assert.deepEqual(ctx.events, ["model.trained"]);
    for (const alias of ["production", "candidate", "previous"] as const)
      assert.equal(await resolveAlias(store, NAME, alias), undefined);
    await promoteByHand(ctx, BUDGET, past.version, "it was good");
    assert.equal((await liveModel(store, BUDGET))?.version, past.version);
  });

  it("learns on the way what was reviewed since that instant, once it serves", async () => {
    await historyStep(contextOf(store));
    const past = await trainStep(contextOf(store, LATER), { budgetId: BUDGET, asOf: AT });
    const vet = paymentOf({ ...household(1)[0]!, id: "test:vet", text: "DIERENARTS", description: "" });
    await store.collection(payments).upsertMany([vet]);
    const pets = { id: "pets", budgetId: BUDGET, name: "Pets", hidden: false, deleted: false };
    await store.collection(categories).upsertMany([pets]);
    await store.collection(reviews).upsertMany([
      {
        id: `test:vet|${BUDGET}`,
        paymentId: "test:vet",
        budgetId: BUDGET,
        at: "2024-06-20T00:00:00.000Z",
        chosenCategoryId: "pets",
      },
    ]);
    const live = await liveModel(store, BUDGET, past.version);
    assert.ok(live!.model.estimator.categories.includes("pets"));
  });

  it("says what to do where history does not hold it", async () => {
    const train = (asOf: string, now = LATER) => trainStep(contextOf(store, now), { budgetId: BUDGET, asOf });
    await assert.rejects(train(AT), {
      code: "HISTORY_MISSING",
      message: /No history of transactions is kept.*Let a history node run for everything/,
    });
    await historyStep(contextOf(store), { entities: ["transactions", "categories", "payments"] });
    await assert.rejects(train(AT), { code: "HISTORY_MISSING", message: /No history of matches/ });
    await historyStep(contextOf(store));
    await assert.rejects(train("2024-05-31T23:59:59.999Z"), {
      code: "HISTORY_MISSING",
      message:
        /begins at 2024-06-01T00:00:00.000Z, after 2024-05-31T23:59:59.999Z. Choose an instant from then on/,
    });
    for (const wrong of ["yesterday", "2024-06-01", "2024-06-01T00:00:00", "2024-13-01T00:00:00Z"])
      await assert.rejects(train(wrong), { code: "CONFIG_INVALID" }, wrong);
    await assert.rejects(train(LATER, AT), { code: "CONFIG_INVALID", message: /has not come yet/ });
    assert.equal((await listVersions(store, NAME)).length, 0);
  });

  it("says that there was no label then, and not that more are to be approved now", async () => {
    const all = store.collection(transactions);
    const { items } = await all.find({ index: "id" });
    await all.deleteMany(items.map(({ id }) => id));
    await historyStep(contextOf(store));
    await all.upsertMany(items);
    const told = await trainWhen(contextOf(store, LATER), "always", { budgetId: BUDGET, asOf: AT });
    assert.equal(told.trained, false);
    assert.match(told.reason, /As of .* no payment had been given a category. Choose a later instant/);
  });

  it("counts a history of nothing as kept: a queue that was empty then", async () => {
    const { items } = await store.collection(queue).find({ index: "id" });
    await store.collection(queue).deleteMany(items.map(({ id }) => id));
    await historyStep(contextOf(store));
    assert.equal((await store.collection(cursors).get("history:queue"))?.at, AT);
    const past = await trainStep(contextOf(store, LATER), { budgetId: BUDGET, asOf: AT });
    assert.equal(past.version, (await trainStep(contextOf(store, LATER), { budgetId: BUDGET })).version);
  });
});

describe("learning: what is kept of versions", () => {
  let store: Store;
  let bytes: Uint8Array;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(store);
    const { version } = await trainStep(contextOf(store), { budgetId: BUDGET });
    bytes = (await loadArtifact(store, NAME, version)).bytes;
    await store.collection(modelVersions).deleteMany([`${NAME}@${version}`]);
    await store.collection(models).deleteMany([NAME]);
    await store.collection(artifactChunks).deleteMany([`${NAME}@${version}#000000`]);
    for (let i = 1; i <= 8; i++) await save(String(i));
  });
  afterEach(() => store.close());

  const save = (version: string) =>
    saveVersion(store, untrained(NAME, version, `2024-01-0${version}T00:00:00.000Z`), bytes);
  const kept = async () => (await listVersions(store, NAME)).map(({ version }) => version);

  it("removes none that a name, a payment in review, a review or a shadow still refers to", async () => {
    await promote(store, NAME, "1", AT, "");
    const [waits, row] = household(2);
    await store
      .collection(queue)
      .upsertMany([itemOf(paymentOf(waits!), { state: "review", modelVersion: "2" })]);
    await store
      .collection(reviews)
      .upsertMany([
        { id: "r", paymentId: row!.id, budgetId: BUDGET, at: AT, chosenCategoryId: "fun", modelVersion: "3" },
      ]);
    const guess = { categoryId: "fun", confidence: 1, answered: true };
    await store.collection(shadows).upsertMany([
      {
        id: "s",
        paymentId: row!.id,
        budgetId: BUDGET,
        date: "2024-05-01",
        version: "4",
        against: "5",
        at: AT,
        candidate: guess,
        production: guess,
      },
    ]);
    assert.deepEqual(await retain(store, NAME, 1, AT), ["6", "7"]);
    assert.deepEqual(await kept(), ["1", "2", "3", "4", "5", "8"]);
    for (const version of await kept())
      assert.ok((await loadArtifact(store, NAME, version)).bytes.length > 0);
    // Later nobody asks any more what was decided or compared; what waits still names its version.
    assert.deepEqual(await retain(store, NAME, 1, "2024-09-01T00:00:00.000Z"), ["3", "4", "5"]);
    assert.deepEqual(await kept(), ["1", "2", "8"]);
  });

  it("moves names by hand only to what can be read, and back", async () => {
    const ctx = contextOf(store);
    await promoteByHand(ctx, BUDGET, "1", "first");
    await store.collection(artifactChunks).deleteMany([`${NAME}@3#000000`]);
    await assert.rejects(promoteByHand(ctx, BUDGET, "3", "why not"), {
      code: "MODEL_MISSING",
      message: /damaged/,
    });
    await assert.rejects(promoteByHand(ctx, BUDGET, "9", "why not"), {
      code: "MODEL_MISSING",
      message: /no version 9/,
    });
    await assert.rejects(promoteByHand(ctx, BUDGET, "candidate", "x"), {
      code: "MODEL_MISSING",
      message: /alias candidate/,
    });
    await assert.rejects(rollBackByHand(ctx, BUDGET, "x"), { code: "MODEL_MISSING", message: /no previous/ });
    assert.equal((await liveModel(store, BUDGET))?.version, "1");
    await promoteByHand(ctx, BUDGET, "2", "better");
    assert.deepEqual(await promoteByHand(ctx, BUDGET, "2", "again"), { version: "2", changed: false });
    assert.equal((await liveModel(store, BUDGET))?.version, "2");
    assert.deepEqual(await rollBackByHand(ctx, BUDGET, "worse"), { version: "1", from: "2" });
    assert.equal((await liveModel(store, BUDGET))?.version, "1");
    assert.deepEqual(ctx.events, ["model.promoted", "model.promoted", "model.rolled-back"]);
    await store.collection(artifactChunks).deleteMany([`${NAME}@2#000000`]);
    await assert.rejects(rollBackByHand(ctx, BUDGET, "x"), { code: "MODEL_MISSING", message: /damaged/ });
    assert.equal(await resolveAlias(store, NAME, "production"), "1");
  });
});

describe("learning: a version that somebody went back from", () => {
  it("is not put into production again by a training, and is by hand", async () => {
    const store = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(store);
    const good = await trainStep(contextOf(store), { budgetId: BUDGET });
    // New labels of a new category: the gate lets the second version in.
    const all = store.collection(transactions);
    for (const id of ["ynab:t390", "ynab:t391", "ynab:t392"])
      await all.upsertMany([{ ...(await all.get(id))!, categoryId: "pets" }]);
    await store
      .collection(categories)
      .upsertMany([{ id: "pets", budgetId: BUDGET, name: "Pets", hidden: false, deleted: false }]);
    const bad = await trainStep(contextOf(store, LATER), { budgetId: BUDGET });
    assert.deepEqual([bad.promoted, bad.gate?.newCategories], [true, ["pets"]]);
    await rollBackByHand(contextOf(store, LATER), BUDGET, "it is wrong about pets");
    const again = await trainStep(contextOf(store, LATER), { budgetId: BUDGET });
    assert.deepEqual([again.version, again.promoted], [bad.version, false]);
    assert.match(again.reason, /somebody went back from this very version/);
    assert.equal(await resolveAlias(store, NAME, "production"), good.version);
    await promoteByHand(contextOf(store, LATER), BUDGET, "candidate", "after all");
    assert.equal(await resolveAlias(store, NAME, "production"), bad.version);
    await store.close();
  });
});
