import assert from "node:assert/strict";
import http, { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { NodeAPI } from "node-red";
import { modelName, promote, rollback } from "../../lib/learning";
import type { Store } from "../../lib/store";
import type { StoreNode } from "../../nodes/runtime";
import serverType = require("../../nodes/model-server/index");
import storeType = require("../../nodes/store/index");
import { household } from "../learning/support";
import { AT, columnsOf, fillStore, outputsOf, saveModel, TOKEN } from "../serving/support";
import { MemoryBudget } from "../support/memory-budget";
import { arrival, helper, load, memoryBudgetType, node, runtime, statuses } from "./support";

const BUDGET = "memory:b";
const NAME = modelName(BUDGET);
const infer = `/tallyflow/v2/models/${NAME}/infer`;
const inputs = columnsOf(household(3));

describe("tally-model-server", function () {
  this.timeout(60_000);
  runtime();
  let server: Server;
  let origin: string;
  let app: NodeAPI["httpNode"] | undefined;
  let budget: () => MemoryBudget;

  beforeEach(async () => {
    app = undefined;
    budget = () => new MemoryBudget(BUDGET);
    // Node-RED's HTTP side; loading a flow makes a new one.
    server = createServer((request, response) => {
      if (app) (app as unknown as http.RequestListener)(request, response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const hooked = (RED: NodeAPI) => {
    app = RED.httpNode;
    serverType(RED);
  };
  const start = (
    fields: Record<string, unknown> = {},
    token: string | undefined = TOKEN,
    more: Record<string, unknown>[] = [],
  ) =>
    load({
      types: [storeType, memoryBudgetType(() => budget()), hooked],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "budget", type: "tally-budget" },
        {
          id: "server",
          type: "tally-model-server",
          store: "store",
          budget: "budget",
          wires: [["out"]],
          ...fields,
        },
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: null, wires: [["caught"]] },
        { id: "caught", type: "helper" },
        ...more,
      ],
      credentials: token ? { server: { token }, second: { token } } : {},
    });
  const call = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${origin}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: JSON.parse(text || "null") as never };
  };
  const withStore = async (work: (store: Store) => Promise<void>) => {
    const lease = await (node("store") as unknown as StoreNode).lease();
    try {
      await work(lease.value.store);
    } finally {
      await lease.release();
    }
  };
  /** Until the node has this status. */
  const shows = async (text: RegExp, id = "server"): Promise<void> => {
    const seen = statuses(id);
    const until = Date.now() + 10_000;
    while (!seen.some((status) => text.test(status.text ?? ""))) {
      if (Date.now() > until) assert.fail(`no status ${text.source}: ${JSON.stringify(seen)}`);
      await wait(20);
    }
  };

  it("serves the budget's model, tells of each inference, and of a promotion by its status", async () => {
    await start();
    await shows(/noModel/);
    assert.deepEqual((await call("/tallyflow/v2/health/ready")).status, 503);
    await withStore((store) => fillStore(store, BUDGET));
    assert.deepEqual(await call("/tallyflow/v2/health/ready"), {
      status: 200,
      body: { live: true, ready: true },
    });
    const told = arrival("out");
    const serving = shows(/serving/);
    const { status, body } = await call(infer, { inputs });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(outputsOf(body)["category"]!.length, 3);
    await serving;
    const { payload } = (await told) as { payload: Record<string, unknown> };
    assert.deepEqual([payload["model"], payload["version"], payload["rows"]], [NAME, "1", 3]);
    await withStore(async (store) => {
      await saveModel(store, "2", NAME);
      await promote(store, NAME, "2", AT, "better");
    });
    assert.equal(((await call(infer, { inputs })).body as { model_version: string }).model_version, "2");
    const index = (await call("/tallyflow/v2/repository/index", {})).body as { version: string }[];
    assert.deepEqual(
      index.map(({ version }) => version),
      ["1", "2"],
    );
  });

  it("shows the version that somebody went back to, before anybody asks", async () => {
    await start();
    await withStore(async (store) => {
      await fillStore(store, BUDGET);
      await saveModel(store, "2", NAME);
      await promote(store, NAME, "2", AT, "better");
    });
    const moved = (type: string) => helper._events.emit("tallyflow:event", { type, subject: NAME });
    const second = shows(/serving/);
    moved("model.promoted");
    await second;
    const first = shows(/serving/);
    await withStore(async (store) => void (await rollback(store, NAME, AT, "worse")));
    moved("model.rolled-back");
    await first;
  });

  it("serves at its own path only", async () => {
    await start({ path: "/books/v2" });
    await withStore((store) => fillStore(store, BUDGET));
    assert.equal((await call(`/books/v2/models/${NAME}/infer`, { inputs })).status, 200);
    assert.equal((await call("/books/v2")).status, 200);
    for (const other of ["/books/v22", "/books", "/tallyflow/v2/health/live"])
      assert.equal((await fetch(`${origin}${other}`)).status, 404, other);
  });

  it("refuses who has not the token", async () => {
    await start();
    await withStore((store) => fillStore(store, BUDGET));
    for (const authorization of ["", "Bearer", `Bearer ${TOKEN}1`, `Basic ${btoa(`user:${TOKEN}`)}`])
      for (const path of ["/tallyflow/v2", "/tallyflow/v2/health/ready", infer]) {
        const answer = await fetch(`${origin}${path}`, { headers: { authorization } });
        assert.deepEqual([answer.status, answer.headers.get("www-authenticate")], [401, "Bearer"], path);
        assert.ok(((await answer.json()) as { error: string }).error);
      }
    assert.equal((await fetch(`${origin}/tallyflow/v2/health/live`)).status, 200);
  });

  it("is off without a token, and refuses everybody without an error", async () => {
    await start({}, "");
    await shows(/off/);
    const caught: unknown[] = [];
    node("caught").on("input" as never, ((msg: unknown) => caught.push(msg)) as never);
    for (const path of ["/tallyflow/v2/health/live", "/tallyflow/v2", infer])
      assert.equal((await call(path)).status, 401, path);
    assert.deepEqual(caught, []);
  });

  it("makes way, while it is off, for one with a token at the same path", async () => {
    const second = {
      id: "second",
      type: "tally-model-server",
      store: "store",
      budget: "budget",
      wires: [[]],
    };
    for (const id of ["server", "second"]) {
      await load({
        types: [storeType, memoryBudgetType(() => budget()), hooked],
        nodes: [
          { id: "store", type: "tally-store" },
          { id: "budget", type: "tally-budget" },
          { ...second, id: "server" },
          second,
        ],
        credentials: { [id]: { token: TOKEN } },
      });
      await shows(/noModel/, id);
      assert.equal((await call("/tallyflow/v2")).status, 200);
      await helper.unload();
    }
  });

  it("answers what is too large before it has it all, and goes on", async () => {
    await start({ maxBodyMb: "0.1", maxRows: "2" });
    await withStore((store) => fillStore(store, BUDGET));
    assert.equal((await call(infer, { inputs })).status, 413);
    const large = JSON.stringify({ inputs, parameters: { padding: "x".repeat(200_000) } });
    assert.equal((await call(infer, large)).status, 413);
    const chunked = await new Promise<number>((resolve, reject) => {
      const request = http.request(
        `${origin}${infer}`,
        { method: "POST", headers: { authorization: `Bearer ${TOKEN}`, "transfer-encoding": "chunked" } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on("error", reject);
      request.write("x".repeat(100_001));
    });
    assert.equal(chunked, 413, "a length that is not told beforehand");
    assert.equal((await call(infer, { inputs: columnsOf(household(2)) })).status, 200);
  });

  it("says what is wrong with its fields, and that a path is taken", async () => {
    for (const [fields, token, pattern] of [
      [{}, "short", /Token: must be 24/],
      [{ path: "/tallyflow" }, TOKEN, /Path: must be a path that ends in \/v2/],
      [{ path: "/a/../v2?x/v2" }, TOKEN, /Path/],
      [{ budget: "" }, TOKEN, /Budget is empty/],
    ] as const) {
      await start(fields, token);
      await shows(/CONFIG_INVALID/);
      const [message] = (node("server").error as unknown as { args: string[][] }).args[0] ?? [];
      assert.match(String(message), pattern);
      await helper.unload();
    }
    await start({}, TOKEN, [
      { id: "second", type: "tally-model-server", store: "store", budget: "budget", wires: [[]] },
    ]);
    await shows(/CONFIG_INVALID/, "second");
  });

  it("tries again when the budget does not answer, and is alive meanwhile", async () => {
    let calls = 0;
    budget = () => {
      if (++calls === 1) throw new Error("away");
      return new MemoryBudget(BUDGET);
    };
    await start();
    await shows(/away/);
    assert.equal((await call("/tallyflow/v2/health/live")).status, 200);
    assert.equal((await call(infer, { inputs })).status, 503);
    await shows(/noModel/);
    assert.equal(calls, 2);
  });

  it("is gone when it is removed, and finishes or refuses what is under way", async () => {
    const flow = (await start()) as Record<string, unknown>[];
    await withStore((store) => fillStore(store, BUDGET));
    const many = columnsOf(Array.from({ length: 10_000 }, (_, i) => household(20)[i % 20]!));
    const asked = call(infer, { inputs: many });
    await wait(50);
    await helper.setFlows(
      flow.filter((each) => each["id"] !== "server"),
      "full",
    );
    assert.ok([200, 503].includes((await asked).status));
    assert.equal((await fetch(`${origin}/tallyflow/v2/health/live`)).status, 404);
    await helper.setFlows(
      flow.map((each) => (each["id"] === "server" ? { ...each, credentials: { token: TOKEN } } : each)),
      "full",
    );
    await shows(/serving/);
    assert.equal((await call(infer, { inputs })).status, 200);
  });
});
