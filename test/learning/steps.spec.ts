import assert from "node:assert/strict";
import {
  classifyStep,
  listVersions,
  loadArtifact,
  modelName,
  NETWORK,
  promote,
  resolveAlias,
  retain,
  rollback,
  saveVersion,
  setCandidate,
  trainStep,
  type ModelMetrics,
} from "../../lib/learning";
import {
  artifactChunks,
  categories,
  classifications,
  models,
  modelVersions,
  payments,
  queue,
  reviews,
  type Store,
} from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { queueId } from "../../lib/values";
import { AT, BUDGET, contextOf, fill, itemOf, paymentOf, untrained } from "./filled";
import { household } from "./support";

describe("learning: steps", () => {
  let store: Store;
  beforeEach(async () => (store = await openStore({ kind: "sqlite", path: ":memory:" })));
  afterEach(() => store.close());

  it("lets a neural network compete when asked to", async () => {
    await fill(store);
    const estimators = async (network: boolean) => {
      const { version, notes } = await trainStep(contextOf(store), { budgetId: BUDGET, network });
      assert.deepEqual(notes, []);
      const stored = await store.collection(modelVersions).get(`${modelName(BUDGET)}@${version}`);
      return (stored!.metrics as unknown as ModelMetrics).competition.map(({ estimator }) => estimator);
    };
    assert.ok(!(await estimators(false)).includes(NETWORK));
    assert.ok((await estimators(true)).includes(NETWORK));
  });

  it("trains on what people approved, promotes, classifies and moves the queue", async () => {
    const waiting = await fill(store);
    const ctx = contextOf(store);
    const trained = await trainStep(ctx, { budgetId: BUDGET });
    assert.equal(trained.examples, 400 - 4 * 8);
    assert.equal(trained.promoted, true);
    assert.deepEqual(ctx.events, ["model.promoted"]);
    assert.equal(await resolveAlias(store, modelName(BUDGET), "production"), trained.version);

    const { counts, modelVersion } = await classifyStep(ctx, {
      budgetId: BUDGET,
      policy: "review",
    });
    assert.equal(modelVersion, trained.version);
    assert.equal(counts["seen"], 60);
    assert.equal(counts["transfers"], 1);
    assert.equal(counts["classified"]! + counts["review"]! + counts["transfers"]!, 60);
    assert.ok(counts["classified"]! > 30, JSON.stringify(counts));
    assert.equal(await store.collection(queue).count({ index: "byState", equals: [BUDGET, "new"] }), 0);
    for (const row of waiting.slice(1)) {
      const item = (await store.collection(queue).get(queueId(row.id, BUDGET)))!;
      const written = (await store
        .collection(classifications)
        .get(`${row.id}|${BUDGET}|${trained.version}`))!;
      assert.equal(item.reason, written.reason);
      assert.equal(written.path === "abstain", item.state === "review");
      if (item.categoryId) assert.equal(item.categoryId, row.label);
    }
    const again = await classifyStep(ctx, { budgetId: BUDGET, policy: "review" });
    assert.equal(again.counts["seen"], 0);
  });

  it("changes nothing when trained again on the same labels", async () => {
    await fill(store);
    const first = await trainStep(contextOf(store), { budgetId: BUDGET });
    const second = await trainStep(contextOf(store), { budgetId: BUDGET });
    assert.equal(second.version, first.version);
    assert.equal(second.promoted, false);
    assert.equal((await listVersions(store, modelName(BUDGET))).length, 1);
  });

  it("leaves an item alone that moved meanwhile", async () => {
    await fill(store);
    const moved = { state: "skipped" as const, skipReason: "pending" as const };
    const items = store.collection(queue);
    // Another worker moves the first item between the reading and the writing of the page.
    const racing = new Proxy(items, {
      get(target, name: keyof typeof items) {
        if (name !== "updateMany") return (target[name] as () => unknown).bind?.(target) ?? target[name];
        return async (updates: Parameters<typeof items.updateMany>[0]) => {
          await target.updateMany([{ id: updates[0]!.id, expected: {}, set: moved }]);
          return target.updateMany(updates);
        };
      },
    });
    const raced = { ...contextOf(store) };
    raced.store = {
      ...store,
      collection: ((def) => (def.name === "queue" ? racing : store.collection(def))) as Store["collection"],
    };
    const { counts } = await classifyStep(raced, { budgetId: BUDGET, policy: "review" });
    assert.equal(counts["conflicts"], 1);
  });

  it("without a model sends everything to review, or in uncategorised, as the user chose", async () => {
    await fill(store);
    const first = await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    assert.deepEqual([first.counts["review"], first.modelVersion], [59, undefined]);
    const open = await openStore({ kind: "sqlite", path: ":memory:" });
    await fill(open);
    const second = await classifyStep(contextOf(open), {
      budgetId: BUDGET,
      policy: "uncategorised",
    });
    assert.equal(second.counts["uncategorised"], 59);
    const page = await open.collection(queue).find({ index: "byState", equals: [BUDGET, "classified"] });
    assert.ok(page.items.length === 60 && page.items.every((item) => item.categoryId === null));
    await open.close();
  });

  it("writes the most likely category where the user chose that, with its own confidence", async () => {
    await fill(store);
    await trainStep(contextOf(store), { budgetId: BUDGET });
    const { counts } = await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "suggest" });
    assert.equal(counts["classified"]! + counts["transfers"]!, 60);
    for await (const found of store.collection(classifications).scan({ index: "id" })) {
      if (found.path !== "abstain") continue;
      const item = await store.collection(queue).get(queueId(found.paymentId, BUDGET));
      assert.deepEqual(
        [item?.categoryId, item?.confidence],
        [found.top[0]!.categoryId, found.top[0]!.confidence],
      );
    }
  });

  it("looks again at what waits in review once there is another model, and not before", async () => {
    await fill(store);
    const first = await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    assert.equal(first.counts["review"], 59);
    assert.equal(
      (await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" })).counts["seen"],
      0,
    );
    await trainStep(contextOf(store), { budgetId: BUDGET });
    const later = await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    assert.equal(later.counts["seen"], 59);
    assert.ok(later.counts["classified"]! > 30);
  });

  it("never suggests a category that was deleted after training", async () => {
    await fill(store);
    await trainStep(contextOf(store), { budgetId: BUDGET });
    const groceries = (await store.collection(categories).get("groceries"))!;
    await store.collection(categories).upsertMany([{ ...groceries, deleted: true }]);
    await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    for await (const found of store.collection(classifications).scan({ index: "id" })) {
      assert.notEqual(found.categoryId, "groceries");
      assert.ok(found.top.every(({ categoryId }) => categoryId !== "groceries"));
    }
  });

  it("learns from reviews at once", async () => {
    await fill(store);
    await trainStep(contextOf(store), { budgetId: BUDGET });
    const row = (i: number) => ({
      ...household(1)[0]!,
      id: `test:vet${i}`,
      text: "DIERENARTS",
      description: "",
      date: "2024-05-01",
    });
    const vets = Array.from({ length: 13 }, (_, i) => paymentOf(row(i)));
    await store.collection(payments).upsertMany(vets);
    await store
      .collection(categories)
      .upsertMany([{ id: "pets", budgetId: BUDGET, name: "Pets", hidden: false, deleted: false }]);
    await store.collection(reviews).upsertMany(
      vets.slice(0, 12).map((payment, i) => ({
        id: queueId(payment.id, BUDGET),
        paymentId: payment.id,
        budgetId: BUDGET,
        at: `2024-06-02T00:00:${String(i).padStart(2, "0")}.000Z`,
        chosenCategoryId: "pets",
      })),
    );
    await store.collection(queue).upsertMany([itemOf(vets[12]!)]);
    await classifyStep(contextOf(store), { budgetId: BUDGET, policy: "review" });
    const page = await store.collection(classifications).find({ index: "byPayment", equals: ["test:vet12"] });
    assert.equal(page.items[0]!.top[0]!.categoryId, "pets");
  });

  it("stops when asked", async () => {
    await fill(store);
    const ctx = contextOf(store);
    ctx.stop.abort();
    await assert.rejects(trainStep(ctx, { budgetId: BUDGET }), { code: "CANCELLED" });
    await assert.rejects(classifyStep(ctx, { budgetId: BUDGET, policy: "review" }), {
      code: "CANCELLED",
    });
  });
});

describe("learning: model registry", () => {
  let store: Store;
  beforeEach(async () => (store = await openStore({ kind: "sqlite", path: ":memory:" })));
  afterEach(() => store.close());

  const save = (version: string, bytes: Uint8Array, createdAt = `2024-01-0${version}T00:00:00.000Z`) =>
    saveVersion(store, untrained("m", version, createdAt), bytes);

  it("gives back a large artifact byte for byte, in chunks below 1 MB", async () => {
    const bytes = Uint8Array.from({ length: 2_000_003 }, (_, i) => (i * 31) % 251);
    const saved = await save("1", bytes);
    assert.equal(saved.artifact.chunks, 3);
    assert.deepEqual((await loadArtifact(store, "m", "1")).bytes, bytes);
    for await (const chunk of store.collection(artifactChunks).scan({ index: "id" }))
      assert.ok(chunk.data.length <= 1e6);
  });

  it("notices a damaged or missing chunk and an unknown version", async () => {
    await save("1", new Uint8Array(900_000));
    const chunks = store.collection(artifactChunks);
    const first = (await chunks.get("m@1#000000"))!;
    await chunks.upsertMany([{ ...first, data: `B${first.data.slice(1)}` }]);
    await assert.rejects(loadArtifact(store, "m", "1"), { code: "MODEL_MISSING" });
    await chunks.deleteMany(["m@1#000001"]);
    await assert.rejects(loadArtifact(store, "m", "1"), { code: "MODEL_MISSING" });
    await assert.rejects(loadArtifact(store, "m", "9"), { code: "MODEL_MISSING" });
    await assert.rejects(promote(store, "m", "9", AT, ""), { code: "MODEL_MISSING" });
  });

  it("promotes, rolls back and back again, and writes every move down", async () => {
    for (const version of ["1", "2"]) await save(version, new Uint8Array(3));
    await assert.rejects(rollback(store, "m", AT, "too early"), { code: "MODEL_MISSING" });
    await setCandidate(store, "m", "1", AT, "trained");
    await promote(store, "m", "1", AT, "first");
    await promote(store, "m", "2", AT, "better");
    await promote(store, "m", "2", AT, "again");
    assert.deepEqual((await store.collection(models).get("m"))!.aliases, { production: "2", previous: "1" });
    await rollback(store, "m", AT, "worse");
    const model = (await store.collection(models).get("m"))!;
    assert.deepEqual(model.aliases, { production: "1", previous: "2" });
    assert.deepEqual(
      model.moves.map(({ alias, version, reason }) => `${alias} ${version} ${reason}`),
      [
        "candidate 1 trained",
        "production 1 first",
        "production 2 better",
        "previous 1 better",
        "production 1 worse",
        "previous 2 worse",
      ],
    );
  });

  it("removes old versions with their chunks, never one that an alias points at", async () => {
    for (const version of ["1", "2", "3", "4", "5"]) await save(version, new Uint8Array(3));
    await promote(store, "m", "1", AT, "");
    await promote(store, "m", "2", AT, "");
    assert.deepEqual(await retain(store, "m", 1), ["3", "4"]);
    assert.deepEqual(
      (await listVersions(store, "m")).map(({ version }) => version),
      ["1", "2", "5"],
    );
    assert.equal(await store.collection(artifactChunks).count({ index: "byModel", equals: ["m"] }), 3);
    assert.equal((await loadArtifact(store, "m", "1")).bytes.length, 3);
  });
});
