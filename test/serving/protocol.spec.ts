import assert from "node:assert/strict";
import path from "node:path";
import { promote, setCandidate } from "../../lib/learning";
import { categories, modelVersions, models, type Store } from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { household } from "../learning/support";
import { loadOpenApi, type OpenApi } from "../support/openapi";
import { sharedPath, skipWithout } from "../support/shared";
import { ask, AT, columnsOf, NAME, saveModel, servedStore, serverOf } from "./support";

const SPECS = path.join("api_specs", "open_inference_protocol");
const infer = `/models/${NAME}/infer`;
const body = { id: "42", inputs: columnsOf(household(5)), parameters: { any: true } };

describe("serving: the Open Inference Protocol", () => {
  let store: Store;
  beforeEach(async () => (store = await servedStore()));
  afterEach(() => store.close());

  it("answers as its official description says", async function () {
    const file = sharedPath("data", SPECS, "open_inference_rest.yaml");
    if (!file) skipWithout(this, "the description of the Open Inference Protocol is not there");
    const official: OpenApi = loadOpenApi(file, { closed: true });
    const server = serverOf(store);
    assert.deepEqual(official.checkSchema("inference_request", body, "request"), []);
    for (const [method, at, official_at, asked] of [
      ["get", "", "/v2/", {}],
      ["get", "/", "/v2/", {}],
      ["get", `/models/${NAME}/versions/1`, `/v2/models/$${NAME}/versions/$1`, {}],
      ["post", `/models/${NAME}/versions/1/infer`, `/v2/models/$${NAME}/versions/$1/infer`, { body }],
      ["post", `/models/${NAME}/versions/1/infer`, `/v2/models/$${NAME}/versions/$1/infer`, { body: "{}" }],
      ["get", `/models/${NAME}/versions/1/ready`, `/v2/models/$${NAME}/versions/$1/ready`, {}],
      ["get", "/health/ready", "/v2/health/ready", {}],
      ["get", "/health/live", "/v2/health/live", {}],
    ] as const) {
      const answer = await ask(server, at, asked);
      const judged = { method, path: official_at, status: answer.status, body: answer.body };
      assert.deepEqual(official.checkResponse(judged), [], at);
    }
    for (const [schema, at, asked] of [
      ["metadata_model_response", `/models/${NAME}`, {}],
      ["inference_response", infer, { body }],
      ["inference_error_response", "/models/other/infer", { body }],
      ["inference_error_response", infer, { body: "{" }],
      ["metadata_model_error_response", "/models/other", {}],
      ["metadata_server_error_response", "", { token: "wrong" }],
    ] as const) {
      const answer = await ask(server, at, asked);
      assert.deepEqual(official.checkSchema(schema, answer.body), [], at);
    }
  });

  it("answers the model repository as MLServer's description says", async function () {
    const file = sharedPath("data", SPECS, "mlserver_model_repository.json");
    if (!file) skipWithout(this, "MLServer's description of the model repository is not there");
    const official = loadOpenApi(file, { closed: true });
    const server = serverOf(store);
    for (const [at, asked] of [
      ["/repository/index", {}],
      ["/repository/index", { body: { ready: true } }],
      [`/repository/models/${NAME}/unload`, {}],
      ["/repository/index", {}],
      [`/repository/models/${NAME}/load`, {}],
    ] as const) {
      const answer = await ask(server, at, { method: "POST", ...asked });
      const judged = { method: "post", path: `/v2${at}`, status: answer.status, body: answer.body };
      assert.deepEqual(official.checkResponse(judged), [], at);
    }
  });

  it("tells of itself, of the model and of each version", async () => {
    await saveModel(store, "2");
    await setCandidate(store, NAME, "2", AT, "trained");
    const server = serverOf(store);
    const about = (await ask(server, "")).body as { name: string; version: string; extensions: string[] };
    assert.match(`${about.name} ${about.version}`, /^tallyflow \d+\.\d+\.\d+/);
    assert.deepEqual(about.extensions, ["model_repository"]);
    const model = (await ask(server, `/models/${encodeURIComponent(NAME)}`)).body as {
      versions: string[];
      inputs: { name: string; datatype: string; shape: number[] }[];
      outputs: { name: string }[];
      properties: Record<string, string>;
    };
    assert.deepEqual(model.versions, ["1", "2"]);
    assert.deepEqual(model.inputs[2], { name: "amount", datatype: "INT64", shape: [-1] });
    assert.deepEqual(
      model.outputs.map(({ name }) => name),
      ["category", "category_name", "confidence", "abstained", "path", "reason", "top", "top_confidence"],
    );
    assert.deepEqual(
      [model.properties["production"], model.properties["candidate"], model.properties["version"]],
      ["1", "2", "1"],
    );
    const one = (await ask(server, `/models/${NAME}/versions/candidate`)).body as typeof model;
    assert.deepEqual([one.versions, one.properties["version"]], [["2"], "2"]);
  });

  it("unloads and loads the model, and is ready only when it can answer", async () => {
    const server = serverOf(store);
    const states = async (asked = {}) =>
      (
        (await ask(server, "/repository/index", { body: asked })).body as { version: string; state: string }[]
      ).map(({ version, state }) => `${version} ${state}`);
    const statuses = () =>
      Promise.all(
        ["/health/live", "/health/ready", `/models/${NAME}/ready`, `/models/${NAME}/versions/1/ready`].map(
          async (at) => (await ask(server, at)).status,
        ),
      );
    await saveModel(store, "2");
    const stored = (await store.collection(modelVersions).get(`${NAME}@2`))!;
    await store.collection(modelVersions).upsertMany([{ ...stored, featureVersion: 0 }]);
    assert.deepEqual(await states(), ["1 READY", "2 UNAVAILABLE"]);
    assert.deepEqual(await states({ ready: true }), ["1 READY"]);
    assert.deepEqual(await statuses(), [200, 200, 200, 200]);
    await ask(server, `/repository/models/${NAME}/unload`, { method: "POST" });
    assert.deepEqual(await states(), ["1 UNAVAILABLE", "2 UNAVAILABLE"]);
    assert.deepEqual(await statuses(), [200, 503, 503, 503]);
    const { status, body: refused } = await ask(server, infer, { body });
    assert.equal(status, 503);
    assert.match((refused as { error: string }).error, /unloaded/);
    assert.equal((await ask(server, `/repository/models/${NAME}/load`, { method: "POST" })).status, 200);
    assert.deepEqual(await statuses(), [200, 200, 200, 200]);
    assert.equal((await ask(server, infer, { body })).status, 200);
    for (const act of ["load", "unload"])
      assert.equal((await ask(server, `/repository/models/other/${act}`, { method: "POST" })).status, 404);
  });

  it("says so while nothing is in production, and serves what is promoted then", async () => {
    const empty = await openStore({ kind: "sqlite", path: ":memory:" });
    try {
      const server = serverOf(empty);
      assert.deepEqual((await ask(server, "/repository/index", { body: {} })).body, []);
      assert.equal((await ask(server, `/models/${NAME}`)).status, 200);
      for (const [at, asked] of [
        ["/health/ready", {}],
        [infer, { body }],
        [`/repository/models/${NAME}/load`, { method: "POST" }],
      ] as const) {
        const answer = await ask(server, at, asked);
        assert.equal(answer.status, 503);
        assert.match((answer.body as { error: string }).error, /no version in production yet/);
      }
      await empty
        .collection(categories)
        .upsertMany([{ id: "groceries", budgetId: "ynab:b", name: "Food", hidden: false, deleted: false }]);
      await saveModel(empty, "1");
      await promote(empty, NAME, "1", AT, "first");
      assert.equal((await ask(server, infer, { body })).status, 200);
    } finally {
      await empty.close();
    }
  });

  it("is alive and not ready without a store, with one that is away, and with a damaged model", async () => {
    const failures: Error[] = [];
    const opening = serverOf(undefined);
    assert.equal((await ask(opening, "/health/live")).status, 200);
    for (const at of ["/health/ready", `/models/${NAME}`, infer])
      assert.equal((await ask(opening, at, at === infer ? { body } : {})).status, 503, at);

    const model = (await store.collection(models).get(NAME))!;
    await store.collection(models).upsertMany([{ ...model, aliases: { production: "gone" } }]);
    const damaged = serverOf(store, { failed: (error) => failures.push(error) });
    const { status, body: told } = await ask(damaged, infer, { body });
    assert.equal(status, 503);
    assert.match((told as { error: string }).error, /gone/);
    assert.equal(failures.length, 0);

    const broken: Store = {
      ...store,
      collection: () => {
        throw new TypeError("secret detail of the machine");
      },
    };
    const faulty = serverOf(broken, { failed: (error) => failures.push(error) });
    const answer = await ask(faulty, infer, { body });
    assert.equal(answer.status, 500);
    assert.doesNotMatch(JSON.stringify(answer.body), /secret/);
    assert.match(failures[0]!.message, /secret detail/);
  });
});
