import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { NodeAPI } from "node-red";
import { z } from "zod";
import type { StepContext } from "../../lib/runs";
import { TallyError } from "../../lib/values";
import {
  configNode,
  defineStep,
  field,
  MAX_WAITING,
  nodeSchema,
  openStores,
  resolveOptions,
  type StoreNode,
} from "../../nodes/runtime";
import storeType = require("../../nodes/store/index");
import summaryType = require("../../nodes/summary/index");
import viewType = require("../../nodes/view/index");
import { gate } from "../support/gate";
import { arrival, ask, helper, load, node, runtime, statuses, type Received } from "./support";

const schema = nodeSchema("tally-test", "step", {
  store: field(z.string().min(1), { label: "Store", description: "Where.", config: "tally-store" }),
  days: field(z.number().int().min(0).max(90).default(7), {
    label: "Overlap days",
    description: "How many.",
  }),
  mode: field(z.enum(["ok", "throw", "reject", "hang", "progress"]).default("ok"), {
    label: "Mode",
    description: "What to do.",
  }),
});

type Options = z.output<typeof schema.options>;

/** A node whose work a test decides. */
function testType(
  work: (context: StepContext, options: Options) => Promise<{ counts: Record<string, number> }>,
) {
  const step = defineStep({ schema, run: work });
  return (RED: NodeAPI) => RED.nodes.registerType("tally-test", step(RED));
}

const counts = () => Promise.resolve({ counts: { inserted: 3, unchanged: 0 } });

function flow(type: (RED: NodeAPI) => void, ...more: Record<string, unknown>[]) {
  return {
    types: [storeType, type, summaryType, viewType],
    nodes: [
      { id: "store", type: "tally-store" },
      { id: "step", type: "tally-test", store: "store", name: "the step", wires: [["out"]] },
      { id: "out", type: "helper" },
      { id: "catcher", type: "catch", scope: ["step"], wires: [["caught"]] },
      { id: "caught", type: "helper" },
      ...more,
    ],
  };
}

describe("step wrapper", () => {
  const { dir } = runtime();

  it("sends the message on with the result, the run and what others put on it", async () => {
    await load(flow(testType(counts)));
    const msg = await ask("step", "out", { topic: "mine", other: { a: 1 }, payload: "before" });
    assert.equal(msg["topic"], "mine");
    assert.deepEqual(msg["other"], { a: 1 });
    assert.deepEqual(msg.payload, { counts: { inserted: 3, unchanged: 0 } });
    assert.equal(msg.tally?.["step"], "test");
    assert.deepEqual(msg.tally?.["counts"], { inserted: 3, unchanged: 0 });
    assert.match(String(msg.tally?.["runId"]), /^run:/);
    assert.equal(typeof msg.tally?.["durationMs"], "number");
    assert.ok(!Number.isNaN(Date.parse(String(msg.tally?.["startedAt"]))));
  });

  for (const [how, work] of Object.entries({
    throws: () => {
      throw new TallyError("RATE_LIMITED", "Too often.", { retryable: true, details: { limit: 200 } });
    },
    rejects: () =>
      Promise.reject(
        new TallyError("RATE_LIMITED", "Too often.", { retryable: true, details: { limit: 200 } }),
      ),
  })) {
    it(`hands an error to a Catch node once when the work ${how}`, async () => {
      await load(flow(testType(work)));
      let caught = 0;
      node("caught").on("input" as never, (() => caught++) as never);
      const msg = await ask("step", "caught", { topic: "mine" });
      assert.equal(msg.error?.code, "RATE_LIMITED");
      assert.equal(msg.error?.message, "TallyError: Too often.");
      assert.deepEqual(msg.tally?.error, {
        code: "RATE_LIMITED",
        message: "Too often.",
        retryable: true,
        details: { limit: 200 },
      });
      assert.equal(msg["topic"], "mine");
      await wait(20);
      assert.equal(caught, 1);
    });
  }

  it("turns a stray exception into INTERNAL and keeps the process", async () => {
    await load(
      flow(
        testType(() => {
          (undefined as unknown as { nothing(): void }).nothing();
          return counts();
        }),
      ),
    );
    const msg = await ask("step", "caught", {});
    assert.equal(msg.error?.code, "INTERNAL");
  });

  it("calls done once: a Complete node hears of each message once", async () => {
    await load(
      flow(
        testType(counts),
        { id: "completer", type: "complete", scope: ["step"], wires: [["completed"]] },
        { id: "completed", type: "helper" },
      ),
    );
    const seen: Received[] = [];
    node("completed").on("input" as never, ((msg: Received) => seen.push(msg)) as never);
    for (let at = 0; at < 3; at++) await ask("step", "out", { topic: String(at) });
    await wait(20);
    assert.deepEqual(
      seen.map((msg) => msg["topic"]),
      ["0", "1", "2"],
    );
  });

  it("works overlapping messages through one after another, in order", async () => {
    let atWork = 0;
    const most: number[] = [];
    await load(
      flow(
        testType(async (_context, options) => {
          most.push(++atWork);
          await wait(5);
          atWork--;
          return { counts: { days: options.days } };
        }),
      ),
    );
    const order: number[] = [];
    const all = new Promise<void>((resolve) =>
      node("out").on(
        "input" as never,
        ((msg: Received) => {
          order.push(Number((msg.tally?.["counts"] as Record<string, number>)["days"]));
          if (order.length === 5) resolve();
        }) as never,
      ),
    );
    for (const days of [1, 2, 3, 4, 5]) node("step").receive({ tally: { options: { days } } } as never);
    await all;
    assert.deepEqual(order, [1, 2, 3, 4, 5]);
    assert.equal(Math.max(...most), 1);
  });

  it("refuses the surplus when too many messages wait", async () => {
    const held = gate();
    await load(flow(testType(() => held.promise.then(counts))));
    const refused = arrival("caught");
    for (let at = 0; at < MAX_WAITING + 2; at++) node("step").receive({ topic: String(at) } as never);
    const msg = await refused;
    assert.equal(msg.error?.code, "QUEUE_FULL");
    assert.equal(msg.tally?.error?.["retryable"], true);
    held.open();
  });

  it("shows progress at most four times a second, then the counts, and clears them on close", async () => {
    const held = gate();
    await load(
      flow(
        testType(async (context) => {
          for (let at = 1; at <= 200; at++) context.progress(at, 200);
          await held.promise;
          return { counts: { inserted: 3 } };
        }),
      ),
    );
    const shown = statuses("step");
    const arrived = ask("step", "out", {});
    await wait(600);
    held.open();
    await arrived;
    await wait(10);
    assert.ok(shown.length <= 5, `${shown.length} changes`);
    assert.ok(shown.some((status) => status.fill === "blue"));
    assert.match(shown.at(-1)?.text ?? "", /^3 /);
    await helper.clearFlows();
    await wait(10);
    assert.deepEqual(shown.at(-1), {});
  });

  it("keeps a failure beside the node until the next message", async () => {
    let fail = true;
    await load(
      flow(testType(() => (fail ? Promise.reject(new TallyError("AUTH_FAILED", "No.")) : counts()))),
    );
    const shown = statuses("step");
    await ask("step", "caught", {});
    await wait(10);
    assert.deepEqual(shown.at(-1), { fill: "red", shape: "ring", text: "AUTH_FAILED: No." });
    fail = false;
    await ask("step", "out", {});
    await wait(10);
    assert.equal(shown.at(-1)?.fill, "green");
  });

  it("stops the work on close, waits for it and hands waiting messages back", async () => {
    const stopped: string[] = [];
    const begun = gate();
    await load(
      flow(
        testType(async (context) => {
          begun.open();
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          await wait(30);
          stopped.push("stopped");
          context.signal.throwIfAborted();
          return { counts: {} };
        }),
      ),
    );
    const errors: unknown[] = [];
    node("step").on(
      "call:error" as never,
      ((call: { firstArg: unknown }) => errors.push(call.firstArg)) as never,
    );
    node("step").receive({ topic: "at work" } as never);
    node("step").receive({ topic: "waiting" } as never);
    await begun.promise;
    await helper.clearFlows();
    assert.deepEqual(stopped, ["stopped"]);
    await wait(10);
    assert.deepEqual(
      errors.map((error) => (error as TallyError).code),
      ["CANCELLED", "CANCELLED"],
    );
    assert.deepEqual(await openStores(), []);
  });

  it("gives up on work that does not stop within the time-out, and sends nothing afterwards", async () => {
    const begun = gate();
    const held = gate();
    await load(
      flow(
        testType(async () => {
          begun.open();
          await held.promise;
          return { counts: {} };
        }),
      ),
    );
    let sent = 0;
    node("out").on("input" as never, (() => sent++) as never);
    const warned: unknown[] = [];
    node("step").on(
      "call:warn" as never,
      ((call: { firstArg: unknown }) => warned.push(call.firstArg)) as never,
    );
    node("step").receive({});
    await begun.promise;
    await helper.clearFlows();
    await wait(10);
    held.open();
    assert.deepEqual(warned, ["status.late"]);
    for (let tries = 0; tries < 100 && (await openStores()).length > 0; tries++) await wait(20);
    assert.equal(sent, 0);
    assert.deepEqual(await openStores(), [], "the work gave its store back in the end");
  });

  it("records the run, and a summary ends it", async () => {
    const more = [
      { id: "sum", type: "tally-summary", store: "store", wires: [["end"]] },
      { id: "end", type: "helper" },
      { id: "view", type: "tally-view", store: "store", view: "run", wires: [["rows"]] },
      { id: "rows", type: "helper" },
    ];
    const described = flow(testType(counts), ...more);
    (described.nodes[1] as { wires: string[][] }).wires = [["sum"]];
    await load(described);
    const msg = await ask("step", "end", {});
    const { run, steps } = msg.payload as {
      run: { state: string; counts: object };
      steps: { step: string }[];
    };
    assert.equal(run.state, "Completed");
    assert.deepEqual(run.counts, { "test.inserted": 3, "test.unchanged": 0 });
    assert.deepEqual(
      steps.map((step) => step.step),
      ["test"],
    );
    const table = await ask("view", "rows", { tally: { runId: msg.tally?.["runId"] } });
    const { rows } = table.payload as { rows: Record<string, unknown>[] };
    assert.equal(rows[0]?.["state"], "Completed");
    assert.equal(rows[0]?.["node"], "the step");
  });

  it("ends the run itself when nothing is wired behind the step", async () => {
    const described = flow(testType(counts));
    (described.nodes[1] as { wires: string[][] }).wires = [];
    await load(described);
    node("step").receive({} as never);
    const lease = await (node("store") as unknown as StoreNode).lease();
    for (let tries = 0; tries < 100; tries++) {
      const { items } = await lease.value.ledger.list({ state: "Completed" });
      if (items.length === 1) break;
      await wait(20);
    }
    const { items } = await lease.value.ledger.list();
    await lease.release();
    assert.deepEqual(
      items.map((run) => [run.state, run.job]),
      [["Completed", "the step"]],
    );
  });

  it("leaks no listener, handle or store over fifty deploys", async () => {
    const described = flow(testType(counts));
    const deployed = await load(described);
    await ask("step", "out", {});
    const handles = () => process.getActiveResourcesInfo().length;
    const listeners = () =>
      helper._events.eventNames().reduce((sum, name) => sum + helper._events.listenerCount(name), 0);
    const deploy = () => helper.setFlows(deployed, "full");
    await deploy();
    await ask("step", "out", {});
    const before = { handles: handles(), listeners: listeners() };
    for (let at = 0; at < 50; at++) {
      await deploy();
      await ask("step", "out", {});
    }
    await wait(50);
    assert.equal(listeners(), before.listeners);
    assert.ok(handles() <= before.handles + 3, `${handles()} handles, ${before.handles} before`);
    assert.equal((await openStores()).length, 1);
    await helper.clearFlows();
    assert.deepEqual(await openStores(), []);
  }).timeout(60_000);

  it("shares one store between two config nodes with the same file", async () => {
    await load({
      types: [storeType],
      nodes: [
        { id: "one", type: "tally-store", path: "data.db" },
        { id: "two", type: "tally-store", path: `${dir()}/./data.db` },
        { id: "three", type: "tally-store", path: "other.db" },
      ],
    });
    const leases = await Promise.all(
      ["one", "two", "three"].map((id) => (node(id) as unknown as StoreNode).lease()),
    );
    assert.equal(leases[0]?.value.store, leases[1]?.value.store);
    assert.notEqual(leases[0]?.value.store, leases[2]?.value.store);
    for (const lease of leases) await lease.release();
  });

  it("says what to do when no store is chosen", async () => {
    const described = flow(testType(counts));
    delete (described.nodes[1] as Record<string, unknown>)["store"];
    await load(described);
    const msg = await ask("step", "caught", {});
    assert.match(msg.error?.message ?? "", /Store is empty: choose a tally-store node/);
    assert.throws(
      () => configNode({ nodes: { getNode: () => null } } as unknown as NodeAPI, { store: "gone" }, "store"),
      /gone or disabled/,
    );
  });
});

describe("options", () => {
  const resolve = (config: object, msg: object = {}, env: Record<string, string> = {}) =>
    resolveOptions(schema, { config: { store: "s", ...config }, msg: msg as Record<string, unknown>, env });

  it("takes the message before the editor before the environment before the default", () => {
    const msg = { tally: { options: { days: 1 } } };
    const env = { TALLYFLOW_TEST_DAYS: "3" };
    assert.equal(resolve({ days: "2" }, msg, env).days, 1);
    assert.equal(resolve({ days: "2" }, {}, env).days, 2);
    assert.equal(resolve({ days: "" }, {}, env).days, 3);
    assert.equal(resolve({ days: "" }).days, 7);
    assert.equal(resolve({ days: "0" }, {}, env).days, 0);
  });

  it("names the field and where its value came from, and never the value of a secret", () => {
    const refused = (run: () => unknown): TallyError => {
      try {
        run();
      } catch (error) {
        assert.ok(error instanceof TallyError);
        assert.equal(error.code, "CONFIG_INVALID");
        return error;
      }
      throw new Error("nothing was refused");
    };
    const fromMessage = refused(() => resolve({}, { tally: { options: { days: 91 } } }));
    assert.match(fromMessage.message, /Overlap days: .*90.* \(from msg\.tally\.options\.days\)/);
    assert.deepEqual(fromMessage.details["fields"], ["days"]);
    const fromEnvironment = refused(() => resolve({}, {}, { TALLYFLOW_TEST_DAYS: "many" }));
    assert.match(fromEnvironment.message, /Overlap days: .*\(from TALLYFLOW_TEST_DAYS\)/);
    const secret = nodeSchema("tally-test", "config", {
      key: field(z.string().regex(/^ok/, "must begin with ok"), {
        label: "Key",
        description: "It.",
        secret: true,
      }),
    });
    const error = refused(() =>
      resolveOptions(secret, { config: {}, credentials: { key: "hunter2" }, env: {} }),
    );
    assert.match(error.message, /Key: must begin with ok \(from the editor\)/);
    assert.ok(!JSON.stringify(error).includes("hunter2"));
  });
});
