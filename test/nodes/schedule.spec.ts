import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { StoreNode } from "../../nodes/runtime";
import scheduleType = require("../../nodes/schedule/index");
import storeType = require("../../nodes/store/index");
import { cronProblem, describeCron, nextRuns } from "../../nodes/schedule/cron";
import { ABANDONED_AFTER_MS, startRun } from "../../nodes/schedule/start";
import { arrival, helper, load, node, runtime, statuses, type Received } from "./support";

const flow = (schedule: Record<string, unknown>) => ({
  types: [storeType, scheduleType],
  nodes: [
    { id: "store", type: "tally-store" },
    { id: "clock", type: "tally-schedule", store: "store", job: "nightly", wires: [["out"]], ...schedule },
    { id: "out", type: "helper" },
  ],
});

describe("tally-schedule", () => {
  runtime();

  it("starts a run when its button is pressed", async () => {
    await load(flow({}));
    const arrived = arrival("out");
    const { status } = await helper.request().post("/tallyflow/schedule/clock/run");
    assert.equal(status, 202);
    const msg = await arrived;
    assert.equal(msg.tally?.["trigger"], "button");
    assert.equal(msg.tally?.["job"], "nightly");
    assert.match(String(msg.tally?.["runId"]), /^run:/);
    assert.equal(typeof msg.payload, "string");
  });

  it("fires by the clock, and leaves a run out while the last one has not ended", async () => {
    await load(flow({ cron: "* * * * * *" }));
    const seen: Received[] = [];
    node("out").on("input" as never, ((msg: Received) => seen.push(msg)) as never);
    const shown = statuses("clock");
    await arrival("out");
    while (!shown.some((status) => status.text === "status.locked")) await wait(50);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.tally?.["trigger"], "schedule");
  });

  it("runs at start when asked to", async () => {
    await load(flow({ atStart: "true" }));
    assert.equal((await arrival("out")).tally?.["trigger"], "start");
  });

  it("answers 404 for a schedule that is not deployed", async () => {
    await load(flow({}));
    assert.equal((await helper.request().post("/tallyflow/schedule/other/run")).status, 404);
  });

  it("reports an expression that is none, and sends nothing", async () => {
    await load(flow({ cron: "61 * * * *" }));
    const errors: unknown[] = [];
    node("clock").on(
      "call:error" as never,
      ((call: { firstArg: unknown }) => errors.push(call.firstArg)) as never,
    );
    node("clock").receive({});
    await wait(20);
    assert.match(String(errors[0]), /When: "61 \* \* \* \*" is not a cron expression/);
  });

  it("says in words when an expression fires", async () => {
    await load(flow({}));
    const query = `cron=${encodeURIComponent("30 6 * * 1")}&timeZone=Europe/Amsterdam`;
    const { status, body } = await helper.request().get(`/tallyflow/schedule/describe?${query}`);
    assert.equal(status, 200);
    const { text, next } = body as { text: string; next: string[] };
    assert.equal(text, "at 06:30 on Monday");
    assert.equal(next.length, 5);
    for (const at of next) assert.match(at, /^\d{4}-\d\d-\d\d 06:30$/);
    const refused = await helper
      .request()
      .get("/tallyflow/schedule/describe?cron=x&timeZone=Europe/Amsterdam");
    assert.equal(refused.status, 400);
  });

  it("lets one of two workers through, and ends a run that nothing ended", async () => {
    await load(flow({}));
    const lease = await (node("store") as unknown as StoreNode).lease();
    const { store, ledger } = lease.value;
    const request = { job: "both", trigger: "schedule", overlap: "skip" as const };
    const both = await Promise.all([startRun(store, ledger, request), startRun(store, ledger, request)]);
    const started = both.filter((run) => run !== undefined);
    assert.equal(started.length, 1);
    assert.equal(await startRun(store, ledger, request), undefined);
    assert.notEqual(await startRun(store, ledger, { ...request, overlap: "allow" }), undefined);
    const later = () => Date.now() + ABANDONED_AFTER_MS + 1;
    assert.notEqual(await startRun(store, ledger, request, later), undefined);
    assert.equal((await ledger.get(started[0]!.id)).run.state, "Cancelled");
    await lease.release();
  });
});

describe("admin routes", () => {
  runtime();

  it("list runs, show one and test a connection; health needs no login", async () => {
    await load(flow({}));
    const ask = (path: string) => helper.request().get(path);
    assert.deepEqual((await ask("/tallyflow/health")).body, { status: "ok" });
    await helper.request().post("/tallyflow/schedule/clock/run");
    await arrival("out");
    const listed = await ask("/tallyflow/runs?limit=10");
    assert.equal(listed.status, 200);
    const [run] = (listed.body as { items: { id: string; job: string }[] }).items;
    assert.equal(run?.job, "nightly");
    const one = await ask(`/tallyflow/runs/${run!.id}`);
    assert.equal((one.body as { run: { id: string } }).run.id, run!.id);
    assert.equal((await ask("/tallyflow/runs/none")).status, 404);
    assert.equal((await ask("/tallyflow/runs?limit=0")).status, 400);
    const tested = await helper.request().post("/tallyflow/test/store");
    assert.match((tested.body as { message: string }).message, /^sqlite/);
    assert.equal((await helper.request().post("/tallyflow/test/nobody")).status, 404);
  });
});

describe("cron expressions", () => {
  for (const [expression, text] of Object.entries({
    "0 * * * *": "at minute 0 of every hour",
    "*/15 * * * *": "every 15 minutes",
    "* * * * *": "every minute",
    "30 6 * * 1": "at 06:30 on Monday",
    "0 7,19 * * *": "at 07:00 and 19:00",
    "0 3 1 * *": "at 03:00 on day 1 of the month",
    "0 */6 * * *": "at minute 0 of every 6 hours",
    "15 2 * 12 0": "at 02:15 on Sunday in December",
  })) {
    it(`${expression} is "${text}"`, () => assert.equal(describeCron(expression), text));
  }

  it("names the field that is wrong", () => {
    assert.equal(cronProblem("0 * * * *"), undefined);
    assert.match(cronProblem("0 25 * * *") ?? "", /hour/i);
  });

  it("keeps the time on the wall when summer time begins", () => {
    for (const date of nextRuns("0 7 * * *", "Europe/Amsterdam", 400)) {
      const shown = new Intl.DateTimeFormat("sv-SE", {
        timeZone: "Europe/Amsterdam",
        timeStyle: "short",
      }).format(date);
      assert.equal(shown, "07:00");
    }
  });
});
