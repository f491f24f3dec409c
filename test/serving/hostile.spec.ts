import assert from "node:assert/strict";
import type { Store } from "../../lib/store";
import type { ModelServer } from "../../lib/serving";
import { ask, NAME, servedStore, serverOf, TOKEN, type Asked } from "./support";

const infer = `/models/${NAME}/infer`;
const HOSTILE = '<img src=x onerror="alert(1)">';
const text = (data: unknown[] = ["JUMBO"], more: object = {}) => ({
  name: "text",
  datatype: "BYTES",
  shape: [data.length],
  data,
  ...more,
});
const amount = (data: unknown[], more: object = {}) => ({
  name: "amount",
  datatype: "INT64",
  shape: [data.length],
  data,
  ...more,
});

describe("serving: what strangers send", () => {
  let store: Store;
  let server: ModelServer;
  const failures: Error[] = [];
  before(async () => {
    store = await servedStore();
    server = serverOf(store, {
      maxRows: 100,
      maxBodyBytes: 300_000,
      failed: (error) => failures.push(error),
    });
  });
  after(async () => {
    await store?.close();
    assert.deepEqual(failures, [], "nothing of this is a fault of ours");
  });

  const refused = async (status: number, path: string, asked: Asked, pattern: RegExp) => {
    const answer = await ask(server, path, asked);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    const { error } = answer.body as { error: string };
    assert.match(error, pattern);
    assert.doesNotMatch(JSON.stringify(answer.body), /\bat .*\.(js|ts)|node:|\/dist\//, "no stack trace");
    assert.equal(answer.headers["Content-Type"], "application/json");
  };

  it("needs the token, whatever else is asked", async () => {
    for (const asked of [
      { token: undefined },
      { token: "" },
      { token: `${TOKEN}x` },
      { token: TOKEN.slice(1) },
      { token: TOKEN.toUpperCase() },
      { authorization: `Basic ${TOKEN}` },
      { authorization: TOKEN },
      { authorization: `Bearer ${TOKEN} ${TOKEN}` },
    ]) {
      for (const path of [
        "",
        "/health/ready",
        "/repository/index",
        infer,
        `/models/${NAME}`,
        "/nothing",
        "/%",
      ]) {
        const answer = await ask(server, path, { ...asked, body: { inputs: [text()] } });
        assert.equal(answer.status, 401, `${path} ${JSON.stringify(asked)}`);
        assert.equal(answer.headers["WWW-Authenticate"], "Bearer");
      }
      assert.equal((await ask(server, "/health/live", asked)).status, 200);
    }
    assert.equal(
      (await ask(server, infer, { authorization: `bearer ${TOKEN}`, body: { inputs: [text()] } })).status,
      200,
    );
  });

  it("refuses everybody without a token of its own, probes too", async () => {
    const off = serverOf(store, { token: undefined });
    for (const token of [undefined, "", "undefined", TOKEN])
      for (const path of ["", "/health/live", "/health/ready", infer, "/%"])
        assert.equal((await ask(off, path, { token })).status, 401, path);
  });

  it("refuses bodies that are no inference request", async () => {
    for (const [body, pattern] of [
      ["", /inputs/],
      ["{", /not JSON/],
      ["null", /JSON object/],
      ["[]", /JSON object/],
      ["7", /JSON object/],
      ['{"inputs":[{"name":"amount","datatype":"INT64","shape":[1],"data":[NaN]}]}', /not JSON/],
      [Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /UTF-8/],
      [{}, /inputs/],
      [{ inputs: [] }, /inputs/],
      [{ inputs: {} }, /inputs/],
      [{ inputs: [null] }, /object/],
      [{ inputs: [[]] }, /object/],
      [{ id: 42, inputs: [text()] }, /id/],
      [{ id: "x".repeat(201), inputs: [text()] }, /id/],
      [{ parameters: [], inputs: [text()] }, /parameters/],
    ] as const)
      await refused(400, infer, { method: "POST", body }, pattern);
  });

  it("refuses tensors that do not fit", async () => {
    for (const [inputs, pattern] of [
      [[amount([1])], /text and description/],
      [[text(["a"], { name: HOSTILE })], /no input/],
      [[text(["a"], { name: "__proto__" })], /no input/],
      [[text(["a"], { name: "constructor" })], /no input/],
      [[text(["a"], { name: ["text"] })], /no input/],
      [[text(), text()], /twice/],
      [[text(["a"], { datatype: "FP32" })], /datatype BYTES/],
      [[text(["a"], { datatype: undefined })], /datatype BYTES/],
      [[text(), amount([1], { datatype: "FP64" })], /datatype INT64/],
      [[text(["a"], { shape: [-1], data: [] })], /shape/],
      [[text(["a"], { shape: [1.5] })], /shape/],
      [[text(["a"], { shape: ["1"] })], /shape/],
      [[text(["a"], { shape: [] })], /shape/],
      [[text(["a"], { shape: [1, 1, 1] })], /shape/],
      [[text(["a", "b"], { shape: [1, 2] })], /shape/],
      [[text(["a"], { shape: { length: 1, 0: 1 } })], /shape/],
      [[text(["a"], { shape: [1e300] })], /shape/],
      [[text(["a"], { shape: [2] })], /1 elements, its shape says 2/],
      [[text([["a"]])], /must be a text, not a list/],
      [[text([["a", "b"]], { shape: [1, 1] })], /must be a text/],
      [[text([7])], /must be a text/],
      [[text([null])], /must be a text, not nothing/],
      [[text([{ toString: "x" }])], /must be a text/],
      [[text(["x".repeat(2_001)])], /longer/],
      [[text(["a"], { data: "a" })], /no data/],
      [[text(["a"], { data: { 0: "a", length: 1 } })], /no data/],
      [[text(["a"], { parameters: { binary_data_size: 5 } })], /binary/],
      [[text(["a"], { parameters: { content_type: "base64" } })], /base64/],
      [[text(["a"], { parameters: "x" })], /parameters/],
      [[text(), amount(["1"])], /whole number, not "1"/],
      [[text(), amount([1.5])], /whole number/],
      [[text(), amount([1e300])], /whole number/],
      [[text(), amount([2 ** 53])], /whole number/],
      [[text(), amount([true])], /whole number/],
      [[text(), amount([1, 2])], /2 rows where others have 1/],
      [[text(), text(["01-02-2024"], { name: "date" })], /YYYY-MM-DD/],
      [[text(), text(["2024-02-30"], { name: "date" })], /YYYY-MM-DD/],
    ] as const)
      await refused(400, infer, { body: { inputs } }, pattern);
  });

  it("refuses outputs that are not there", async () => {
    for (const [outputs, pattern] of [
      [{}, /outputs/],
      [[{ name: "__proto__" }], /no output/],
      [[{ name: HOSTILE }], /no output/],
      [[null], /no output/],
      [[{ name: "top" }, { name: "top" }], /once/],
      [Array.from({ length: 50 }, () => ({ name: "top" })), /once/],
      [[{ name: "top", parameters: { k: 4 } }], /parameter k/],
      [[{ name: "top", parameters: { k: "2" } }], /parameter k/],
      [[{ name: "category", parameters: { binary_data: true } }], /binary/],
    ] as const)
      await refused(400, infer, { body: { inputs: [text()], outputs } }, pattern);
  });

  it("takes names of prototypes for data like any other", async () => {
    const words = [
      "__proto__",
      "constructor",
      "toString",
      HOSTILE,
      "\u0000",
      "\ud800",
      "'; DROP TABLE payments; --",
    ];
    const body = `{"__proto__":{"inputs":[]},"inputs":[${JSON.stringify(text(words))}],"parameters":{"__proto__":1}}`;
    const answer = await ask(server, infer, { method: "POST", body });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(({} as Record<string, unknown>)["inputs"], undefined);
  });

  it("refuses too many rows, too large bodies, and shapes that claim more than there is", async () => {
    const many = Array.from({ length: 101 }, () => "a");
    await refused(413, infer, { body: { inputs: [text(many)] } }, /101 rows; at most 100/);
    await refused(413, infer, { body: { inputs: [text(["a"], { shape: [4_294_967_296] })] } }, /at most 100/);
    const large = { inputs: [text()], parameters: { padding: "x".repeat(300_000) } };
    await refused(413, infer, { body: large }, /larger than 300000 bytes/);
    await refused(413, infer, { body: large, contentLength: undefined }, /larger than 300000 bytes/);
    await refused(413, infer, { body: "{}", contentLength: 1e12 }, /larger/);
    await refused(415, infer, { body: "{}", contentEncoding: "gzip" }, /compressed/);
  });

  it("refuses what takes long to read: deep nesting, and much beside the tensors", async () => {
    const deep = "[".repeat(140_000) + "]".repeat(140_000);
    await refused(400, infer, { method: "POST", body: deep }, /within each other/);
    await refused(400, infer, { method: "POST", body: `{"inputs":${deep}}` }, /within each other/);
    const keys = Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`key ${i}`, i]));
    await refused(400, infer, { body: { inputs: [text()], parameters: keys } }, /outside of lists/);
  });

  it("holds no more bodies than it has room for", async () => {
    let goOn = () => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const body = JSON.stringify({ inputs: [text()] });
    const slow = Array.from({ length: 8 }, () =>
      server.answer({
        method: "POST",
        path: infer,
        authorization: `Bearer ${TOKEN}`,
        contentLength: undefined,
        contentEncoding: undefined,
        body: (async function* () {
          await held;
          yield Buffer.from(body);
        })(),
        isGone: () => false,
      }),
    );
    const answer = await ask(server, infer, { body: { inputs: [text()] } });
    assert.deepEqual([answer.status, answer.headers["Retry-After"]], [503, "5"]);
    goOn();
    assert.deepEqual([...new Set((await Promise.all(slow)).map(({ status }) => status))], [200]);
    assert.equal((await ask(server, infer, { body: { inputs: [text()] } })).status, 200);
  });

  it("gives up on a body that is cut off, and on one that is under way when it is stopped", async () => {
    const asked = (stream: AsyncIterable<Uint8Array>, to: ModelServer) =>
      to.answer({
        method: "POST",
        path: infer,
        authorization: `Bearer ${TOKEN}`,
        contentLength: 1000,
        contentEncoding: undefined,
        body: stream,
        isGone: () => false,
      });
    const cut = (async function* () {
      yield await Promise.resolve(Buffer.from("{"));
      throw new Error("ECONNRESET");
    })();
    assert.equal((await asked(cut, server)).status, 400);
    const own = serverOf(store);
    const never = (async function* (): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
    })();
    const answer = asked(never, own);
    await own.stop();
    assert.equal((await answer).status, 503);
  });

  it("knows its addresses and methods, and no others", async () => {
    for (const path of [
      "/nothing",
      "/models",
      "/models/",
      `/models/${NAME}/nothing`,
      `/models/${NAME}/versions/1/infer/more`,
      "/repository",
      "/repository/models",
      `/repository/models/${NAME}`,
    ])
      await refused(404, path, {}, /nothing at this address|no model/);
    for (const name of ["__proto__", "categories:ynab:other", encodeURIComponent(HOSTILE), "..%2f..%2fetc"])
      await refused(404, `/models/${name}/infer`, { body: { inputs: [text()] } }, /no model/);
    for (const version of ["9", "__proto__", "constructor", encodeURIComponent(HOSTILE), "1%231"])
      for (const end of ["", "/ready"])
        await refused(404, `/models/${NAME}/versions/${version}${end}`, {}, /no version/);
    for (const [method, path] of [
      ["GET", infer],
      ["DELETE", `/models/${NAME}`],
      ["POST", ""],
      ["PUT", "/health/ready"],
      ["GET", "/repository/index"],
      ["GET", `/repository/models/${NAME}/unload`],
    ] as const)
      await refused(405, path, { method }, /takes (GET|POST) only/);
    await refused(400, "/models/%zz", {}, /percent/);
  });
});
