import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { HttpClient, RateLimiter, redactor, type HttpClientOptions } from "../../lib/http";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { memoryStore } from "../support/context";

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

describe("the HTTP client", () => {
  let server: http.Server;
  let answers: Answer[];
  let requests: { method: string; url: string; headers: http.IncomingHttpHeaders; body: string }[];
  let now: number;
  let slept: number[];
  let store: Store;

  beforeEach(async () => {
    answers = [];
    requests = [];
    slept = [];
    now = 1_000_000;
    store = await memoryStore();
    server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        requests.push({ method: request.method!, url: request.url!, headers: request.headers, body });
        (answers.shift() ?? ok({}))(request, response, body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await store.close();
  });

  const ok =
    (value: unknown): Answer =>
    (_, response) =>
      response.end(JSON.stringify(value));
  const status =
    (code: number, headers: Record<string, string> = {}, body = "{}"): Answer =>
    (_, response) =>
      response.writeHead(code, headers).end(body);
  const reset: Answer = (request) => request.socket.destroy();
  const client = (more: Partial<HttpClientOptions> = {}) =>
    new HttpClient({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      provider: "Testbank",
      now: () => now,
      sleep: async (ms) => {
        slept.push(ms);
        now += ms;
      },
      ...more,
    });

  it("sends JSON and reads JSON", async () => {
    answers = [ok({ a: 1 })];
    const { body } = await client().request<{ a: number }>({
      method: "POST",
      path: "/x",
      query: { q: "é", none: undefined },
      body: { b: 2 },
    });
    assert.deepEqual(body, { a: 1 });
    assert.deepEqual(
      [requests[0]!.url, requests[0]!.body, requests[0]!.headers["content-type"]],
      ["/v1/x?q=%C3%A9", '{"b":2}', "application/json"],
    );
  });

  it("asks a read again after 5xx, a reset and garbled JSON, with growing waits", async () => {
    answers = [status(503), reset, status(200, {}, "<html>"), ok({ a: 1 })];
    assert.deepEqual((await client().request({ method: "GET", path: "/x" })).body, { a: 1 });
    assert.equal(requests.length, 4);
    assert.equal(slept.length, 3);
  });

  it("gives up after its tries and says who did not answer", async () => {
    answers = Array.from({ length: 9 }, () => status(500));
    await assert.rejects(
      client({ retries: 2 }).request({ method: "GET", path: "/x" }),
      (error: TallyError) =>
        error.code === "PROVIDER_UNAVAILABLE" && /Testbank answered 500/.test(error.message),
    );
    assert.equal(requests.length, 3);
  });

  for (const [name, answer] of [
    ["a reset", reset],
    ["a 500", status(500)],
    ["a 502", status(502)],
  ] as const) {
    it(`never sends a write twice by itself: after ${name} the outcome is unknown`, async () => {
      answers = [answer];
      await assert.rejects(client().request({ method: "POST", path: "/x", body: {} }), {
        code: "OUTCOME_UNKNOWN",
        retryable: true,
      });
      assert.equal(requests.length, 1);
    });
  }

  it("sends a write again when it surely did not arrive, or may be repeated", async () => {
    answers = [reset, ok({})];
    await client().request({ method: "POST", path: "/x", body: {}, repeatable: true });
    assert.equal(requests.length, 2);
    const closed = new HttpClient({
      baseUrl: "http://127.0.0.1:1",
      retries: 2,
      sleep: async (ms) => void slept.push(ms),
    });
    await assert.rejects(closed.request({ method: "POST", path: "/x", body: {} }), {
      code: "PROVIDER_UNAVAILABLE",
    });
    assert.ok(slept.length >= 2);
  });

  it("waits as long as Retry-After says, in seconds or as a date", async () => {
    answers = [
      status(429, { "retry-after": "7" }),
      status(429, { "retry-after": new Date(now + 30_000).toUTCString() }),
      ok({}),
    ];
    await client().request({ method: "POST", path: "/x", body: {} });
    assert.equal(slept[0], 7000);
    assert.ok(slept[1]! > 20_000 && slept[1]! <= 30_000);
  });

  it("backs off after a 429 without Retry-After", async () => {
    answers = [status(429), ok({})];
    await client().request({ method: "GET", path: "/x" });
    assert.ok(slept[0]! >= 1000);
  });

  it("does not sleep through a long wait but says how long it is", async () => {
    answers = [status(429, { "retry-after": "3000" })];
    await assert.rejects(
      client().request({ method: "GET", path: "/x" }),
      (error: TallyError) =>
        error.code === "RATE_LIMITED" && error.retryable && error.retryAfterMs === 3_000_000,
    );
    assert.equal(slept.length, 0);
  });

  for (const [code, expected] of [
    [401, "AUTH_FAILED"],
    [403, "AUTH_FAILED"],
    [404, "NOT_FOUND"],
    [400, "PROVIDER_REFUSED"],
    [409, "PROVIDER_REFUSED"],
  ] as const) {
    it(`takes ${code} as ${expected} and does not repeat it`, async () => {
      answers = [status(code, {}, '{"why":"because"}')];
      await assert.rejects(
        client().request({ method: "GET", path: "/x" }),
        (error: TallyError) => error.code === expected && error.details["said"] === '{"why":"because"}',
      );
      assert.equal(requests.length, 1);
    });
  }

  it("hands back a status that the caller accepts", async () => {
    answers = [status(409, {}, '{"error":1}')];
    assert.equal(
      (await client().request({ method: "POST", path: "/x", body: {}, accept: [409] })).status,
      409,
    );
  });

  it("hands back an accepted refusal that is not JSON, without asking again", async () => {
    answers = [status(403, {}, "<html>no</html>"), status(200)];
    const answer = await client().request({ method: "GET", path: "/x", accept: [403] });
    assert.equal(answer.text, "<html>no</html>");
    assert.throws(
      () => answer.body,
      (error: TallyError) => error.code === "PROVIDER_MALFORMED",
    );
    assert.equal(requests.length, 1);
  });

  it("gives back a call that did not count, and no other", async () => {
    const limits = [{ key: "testbank:back", calls: 2, perMs: 10_000 }];
    const clock = { now: () => 1_000_000, sleep: () => Promise.resolve() };
    for (const kept of [store, undefined]) {
      const limiter = new RateLimiter(limits, kept, clock, 0);
      await limiter.take("GET");
      await limiter.take("GET");
      await limiter.giveBack("GET");
      await limiter.take("GET");
      await assert.rejects(limiter.take("GET"), (error: TallyError) => error.code === "RATE_LIMITED");
    }
  });

  it("keeps the rate budget in the store across a restart and between workers", async () => {
    const rateLimits = [{ key: "testbank:k", calls: 3, perMs: 10_000 }];
    for (let n = 0; n < 2; n++) await client({ store, rateLimits }).request({ method: "GET", path: "/x" });
    const second = client({ store, rateLimits });
    await second.request({ method: "GET", path: "/x" });
    assert.equal(slept.length, 0);
    await second.request({ method: "GET", path: "/x" });
    assert.equal(slept.length, 1);
    assert.ok(slept[0]! > 9_000 && slept[0]! <= 10_000);
    assert.equal(second.stats.waitedMs, slept[0]);
  });

  it("holds a limit under parallel calls", async () => {
    const rateLimits = [{ key: "testbank:p", calls: 2, perMs: 60_000, methods: ["GET" as const] }];
    const one = client({ store, rateLimits, maxWaitMs: 1000 });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => one.request({ method: "GET", path: "/x" })),
    );
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 2);
    await one.request({ method: "POST", path: "/x", body: {} });
  });

  it("prepares each try afresh", async () => {
    answers = [status(500), ok({})];
    let tries = 0;
    await client().request({
      method: "GET",
      path: "/x",
      prepare: (headers) => void (headers["x-try"] = String(++tries)),
    });
    assert.deepEqual(
      requests.map((request) => request.headers["x-try"]),
      ["1", "2"],
    );
  });

  it("stops when it is told to", async () => {
    answers = [() => undefined];
    const abort = new AbortController();
    const asked = client().request({ method: "POST", path: "/x", body: {}, signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(asked, { code: "CANCELLED" });
  });

  it("times out, and a timed-out write has an unknown outcome", async () => {
    answers = [() => undefined];
    await assert.rejects(client().request({ method: "POST", path: "/x", body: {}, timeoutMs: 50 }), {
      code: "OUTCOME_UNKNOWN",
    });
  });

  /** Sends the head and the beginning of a body, and goes on with `then`. */
  const begun =
    (then: (response: http.ServerResponse) => void): Answer =>
    (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"begun":', () => then(response));
    };

  it("takes an answer that stops midway for none: a read is repeated, the outcome of a write is unknown", async () => {
    const silent = begun(() => undefined);
    answers = [silent, ok({ whole: true })];
    const read = await client().request({ method: "GET", path: "/x", timeoutMs: 50 });
    assert.deepEqual(read.body, { whole: true });
    answers = [silent];
    await assert.rejects(client().request({ method: "POST", path: "/x", body: {}, timeoutMs: 50 }), {
      code: "OUTCOME_UNKNOWN",
    });
  });

  it("takes an answer that is cut off midway for none", async () => {
    const cut = begun((response) => response.destroy());
    answers = [cut, ok({ whole: true })];
    assert.deepEqual((await client().request({ method: "GET", path: "/x" })).body, { whole: true });
    answers = [cut];
    await assert.rejects(client().request({ method: "POST", path: "/x", body: {} }), {
      code: "OUTCOME_UNKNOWN",
    });
  });

  it("stops in the middle of an answer when it is told to", async () => {
    const abort = new AbortController();
    answers = [begun(() => abort.abort())];
    await assert.rejects(client().request({ method: "GET", path: "/x", signal: abort.signal }), {
      code: "CANCELLED",
    });
  });

  it("reads letters of several bytes that come in two pieces", async () => {
    const bytes = Buffer.from(JSON.stringify({ payee: "Ä€🍣" }));
    answers = [
      (_, response) => {
        let at = 0;
        const next = () =>
          at < bytes.length ? response.write(bytes.subarray(at, ++at), next) : response.end();
        next();
      },
    ];
    assert.deepEqual((await client().request({ method: "GET", path: "/x" })).body, { payee: "Ä€🍣" });
  });

  it("shows no secret in an error", async () => {
    answers = [status(400, {}, '{"said":"token s3cr3t-token is bad"}')];
    await assert.rejects(
      client({ secrets: ["s3cr3t-token"], headers: { authorization: "Bearer s3cr3t-token" } }).request({
        method: "GET",
        path: "/x/s3cr3t-token",
      }),
      (error: TallyError) => !JSON.stringify([error.message, error.details]).includes("s3cr3t"),
    );
    assert.equal(redactor([])("Authorization: Bearer abc.def-1"), "Authorization: Bearer ***");
  });

  it("follows no link to another server", async () => {
    await assert.rejects(client().request({ method: "GET", path: "https://elsewhere.example/x" }), {
      code: "PROVIDER_MALFORMED",
    });
  });
});
