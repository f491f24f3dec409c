import assert from "node:assert/strict";
import http from "node:http";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { NodeAPI } from "node-red";
import { cursors, payments, type Store } from "../../lib/store";
import { MAX_BODY_BYTES } from "../../nodes/bank-webhook/receiver";
import type { StoreNode } from "../../nodes/runtime";
import bankType = require("../../nodes/bank/index");
import extractType = require("../../nodes/bank-extract/index");
import hookType = require("../../nodes/bank-webhook/index");
import storeType = require("../../nodes/store/index");
import { startBunqTwin, type BunqTwin } from "../../simulators/bunq";
import { makeHousehold } from "../../simulators/household";
import { arrival, helper, load, node, runtime, statuses, type Received } from "./support";

const SECRET = "0123456789abcdef0123456789abcdef";
const household = makeHousehold({ from: "2025-05-01", until: "2025-06-30" });

describe("tally-bank-webhook", () => {
  runtime();
  let twin: BunqTwin;
  let server: Server;
  let origin: string;
  let app: NodeAPI["httpNode"] | undefined;
  const statusOf: string[] = [];

  beforeEach(async () => {
    twin = await startBunqTwin({ household, limits: "off" });
    app = undefined;
    // Node-RED's HTTP side; loading a flow makes a new one.
    server = createServer((request, response) => {
      if (app) (app as unknown as http.RequestListener)(request, response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    statusOf.length = 0;
  });
  afterEach(async () => {
    await twin.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const hooked = (RED: NodeAPI) => {
    app = RED.httpNode;
    hookType(RED);
  };
  const nodes = (hook: Record<string, unknown>, bank: Record<string, unknown> = {}) => [
    { id: "store", type: "tally-store" },
    { id: "bank", type: "tally-bank", provider: "bunq", url: twin.url, ...bank },
    {
      id: "hook",
      type: "tally-bank-webhook",
      store: "store",
      bank: "bank",
      debounceSeconds: "0.2",
      wires: [["step"]],
      ...hook,
    },
    { id: "step", type: "tally-bank-extract", store: "store", bank: "bank", wires: [["out"]] },
    { id: "out", type: "helper" },
    { id: "catcher", type: "catch", scope: null, wires: [["caught"]] },
    { id: "caught", type: "helper" },
  ];
  const start = async (
    hook: Record<string, unknown> = {},
    secret: string | undefined = SECRET,
    bank: Record<string, unknown> = {},
  ) => {
    const flow = await load({
      types: [storeType, bankType, extractType, hooked],
      nodes: nodes({ sources: "127.0.0.0/8", ...hook }, bank),
      credentials: { bank: { apiKey: twin.apiKey }, ...(secret ? { hook: { secret } } : {}) },
    });
    return flow;
  };
  /** Until the node has this status. */
  const shows = async (text: RegExp): Promise<void> => {
    const seen = statuses("hook");
    const until = Date.now() + 10_000;
    while (!seen.some((status) => text.test(status.text ?? ""))) {
      if (Date.now() > until) assert.fail(`no status ${text.source}: ${JSON.stringify(seen)}`);
      await wait(20);
    }
  };
  const call = async (
    body: unknown,
    { secret = SECRET, headers = {} }: { secret?: string; headers?: Record<string, string> } = {},
  ): Promise<number> => {
    const answer = await fetch(`${origin}/tallyflow/hook/${secret}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    await answer.text();
    return answer.status;
  };
  const callback = (id: number, account = "current") => ({
    NotificationUrl: {
      target_url: "",
      category: "MUTATION",
      event_type: "MUTATION_CREATED",
      object: { Payment: { id, monetary_account_id: twin.control.accountId(account) } },
    },
  });
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const lease = await (node("store") as unknown as StoreNode).lease();
    try {
      return await work(lease.value.store);
    } finally {
      await lease.release();
    }
  };
  /** The account and its payments are known before. */
  const readOnce = async () => {
    const arrived = arrival("out");
    node("step").receive({});
    return arrived;
  };
  /** Until it takes callbacks. */
  const ready = async () => {
    const until = Date.now() + 10_000;
    while ((await call({ NotificationUrl: { category: "CHAT" } })) !== 200) {
      if (Date.now() > until) assert.fail("the node does not get ready");
      await wait(20);
    }
  };

  it("is registered at the bank, hears of a payment, and has it fetched once", async () => {
    twin.control.addFilter({ category: "MUTATION", notification_target: "http://127.0.0.1:9/foreign" });
    await start({ publicUrl: `${origin}/` });
    await shows(/registered/);
    const target = `${origin}/tallyflow/hook/${SECRET}`;
    assert.deepEqual(
      twin.control.filters.map(({ category, target: url }) => [category, url]),
      [
        ["MUTATION", "http://127.0.0.1:9/foreign"],
        ["MUTATION", target],
        ["CARD_TRANSACTION_SUCCESSFUL", target],
      ],
    );
    await readOnce();
    twin.control.callbackFault({ kind: "repeat", copies: 4, path: "/tallyflow/" });
    const arrived = arrival("out");
    const id = twin.control.addPayment({ account: "current", amount: -1234, name: "Just now" });
    const { payload, tally } = await arrived;
    const { counts } = payload as { counts: Record<string, number> };
    assert.deepEqual([counts["inserted"], counts["accounts"], counts["calls"]], [1, 1, 1]);
    assert.equal(tally?.["trigger"], "webhook");
    assert.equal(tally?.["job"], "bank-webhook");
    assert.match(String(tally?.["runId"]), /^run:/);
    assert.equal((await withStore((store) => store.collection(payments).get(`bunq:${id}`)))?.amount, -1234);
    await twin.control.settled();
    const kept = await withStore((store) => store.collection(cursors).get("webhook:hook"));
    assert.ok(kept && !JSON.stringify(kept).includes(SECRET), "the secret is not in the store");
  });

  it("makes one message of a burst", async () => {
    await start();
    await ready();
    const sent: Received[] = [];
    node("step").on("input" as never, ((msg: Received) => sent.push(structuredClone(msg))) as never);
    const first = arrival("step");
    await Promise.all([7, 8, 7, 9].map((id) => call(callback(id))));
    await first;
    const accountId = `bunq:${twin.control.accountId("current")}`;
    const hint = sent[0]!.tally?.["hint"] as { accountId: string; paymentId: string }[];
    assert.deepEqual(hint.map(({ paymentId }) => paymentId).sort(), ["bunq:7", "bunq:8", "bunq:9"]);
    assert.ok(hint.every((each) => each.accountId === accountId));
    assert.deepEqual(sent[0]!.payload, { accounts: 1, payments: 3 });
    await wait(300);
    assert.equal(sent.length, 1);
  });

  it("refuses strangers, and tells them nothing", async () => {
    await start({ sources: "", trustedProxies: "" }, SECRET, { url: twin.url });
    await shows(/CONFIG_INVALID/);
    assert.equal(await call(callback(7)), 503, "a sandbox does not say who calls");
    await helper.unload();
    await start({ sources: "185.40.108.0/22", trustedProxies: "127.0.0.1" });
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    const until = Date.now() + 10_000;
    while ((await call(callback(7), from("185.40.108.9"))) !== 200) {
      if (Date.now() > until) assert.fail("the node does not get ready");
      await wait(20);
    }
    const heard: unknown[] = [];
    node("step").on("input" as never, ((msg: unknown) => heard.push(msg)) as never);
    await arrival("step");
    for (const stranger of ["203.0.113.7", "185.40.108.9, 203.0.113.7", "nonsense", "127.0.0.1"])
      assert.equal(await call(callback(8), from(stranger)), 403, stranger);
    assert.equal(await call(callback(8)), 403, "the proxy itself");
    for (const secret of [`${SECRET}0`, SECRET.slice(1), SECRET.toUpperCase(), "%00", "x"])
      assert.equal(await call(callback(8), { secret, ...from("185.40.108.9") }), 403, secret);
    await wait(300);
    assert.equal(heard.length, 1);
    const answers = await Promise.all(
      [SECRET, "x".repeat(32)].map((secret) =>
        fetch(`${origin}/tallyflow/hook/${secret}`, { method: "POST", body: "{}" }).then((one) => one.text()),
      ),
    );
    assert.equal(answers[0], answers[1], "a wrong secret and a wrong address look the same");
    const got = await fetch(`${origin}/tallyflow/hook/${SECRET}`);
    assert.equal(got.status, 404);
  });

  it("refuses what is no callback, or too large, and goes on", async () => {
    await start();
    await ready();
    for (const bad of ["", "{", "null", "[]", '{"a":1}', '{"NotificationUrl":{"category":7}}', "\u0000"])
      assert.equal(await call(bad), 400, bad);
    const padded = { ...callback(7), padding: "x".repeat(MAX_BODY_BYTES) };
    assert.equal(await call(padded), 413);
    const chunked = await new Promise<number>((resolve, reject) => {
      const request = http.request(
        `${origin}/tallyflow/hook/${SECRET}`,
        { method: "POST", headers: { "transfer-encoding": "chunked" } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on("error", reject);
      request.write("x".repeat(MAX_BODY_BYTES + 1));
    });
    assert.equal(chunked, 413, "a length that is not told beforehand");
    const arrived = arrival("step");
    assert.equal(await call(callback(7)), 200);
    await arrived;
  });

  it("is silent and off without a secret", async () => {
    await start({ publicUrl: "https://home.example.org" }, "");
    const caught: unknown[] = [];
    node("caught").on("input" as never, ((msg: unknown) => caught.push(msg)) as never);
    await wait(50);
    assert.deepEqual(caught, []);
    assert.deepEqual(twin.control.counts.requests, 0);
    assert.equal((await fetch(`${origin}/tallyflow/hook/x`, { method: "POST" })).status, 404);
  });

  it("says what is wrong with its fields, and with a bank that has no callbacks", async () => {
    for (const [hook, secret, bank, pattern] of [
      [{}, "short", {}, /Secret: must be 24 letters/],
      [{ sources: "bunq.com" }, SECRET, {}, /Callers: must be IP addresses/],
      [{ publicUrl: "home.example.org" }, SECRET, {}, /Public address/],
      [{ publicUrl: "http://home.example.org" }, SECRET, {}, /https:\/\/ only/],
      [{}, SECRET, { provider: "files" }, /no callbacks/],
    ] as const) {
      const loading = start(hook, secret, bank);
      await loading;
      await shows(/CONFIG_INVALID/);
      const shown = statuses("hook");
      assert.ok(!JSON.stringify(shown).includes(SECRET));
      const [message] = (node("hook").error as unknown as { args: string[][] }).args[0] ?? [];
      assert.match(String(message), pattern);
      await helper.unload();
    }
  });

  it("has the old address called no more when secret or address change", async () => {
    const flow = (await start({ publicUrl: origin })) as Record<string, unknown>[];
    await shows(/registered/);
    await helper.setFlows(
      flow.map((each) =>
        each["id"] === "hook"
          ? { ...each, publicUrl: `${origin}/behind`, credentials: { secret: SECRET } }
          : each,
      ),
      "nodes",
    );
    const until = Date.now() + 10_000;
    const all = () => twin.control.filters.map(({ target }) => target);
    while (!all().every((target) => target.startsWith(`${origin}/behind/`))) {
      if (Date.now() > until) assert.fail(JSON.stringify(all()));
      await wait(20);
    }
    assert.equal(all().length, 2);
  });

  it("keeps its registration over a deploy, and takes it back when it is removed", async () => {
    const flow = (await start({ publicUrl: origin })) as Record<string, unknown>[];
    await shows(/registered/);
    await helper.setFlows(
      flow.map((each) => (each["id"] === "out" ? { ...each, name: "changed" } : each)),
      "full",
    );
    await shows(/registered/);
    assert.equal(twin.control.filters.length, 2);
    await helper.setFlows(
      flow.filter((each) => each["id"] !== "hook"),
      "full",
    );
    assert.deepEqual(twin.control.filters, []);
    assert.equal(await call(callback(7)), 403, "and listens no more");
  });

  it("tries again when the bank does not answer, and asks for what it missed", async () => {
    await start({ publicUrl: origin });
    await shows(/registered/);
    await readOnce();
    await helper.unload();
    app = undefined;
    twin.control.callbackFault({ kind: "fail", times: 1 });
    const id = twin.control.addPayment({ account: "current", amount: -77, name: "Missed" });
    assert.equal(twin.control.failures.length, 1);
    await start({ publicUrl: origin });
    const { payload } = await arrival("out");
    assert.equal((payload as { counts: Record<string, number> }).counts["inserted"], 1);
    assert.ok(await withStore((store) => store.collection(payments).get(`bunq:${id}`)));
    assert.deepEqual(twin.control.failures, []);
  });
});
