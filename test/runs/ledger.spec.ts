import assert from "node:assert/strict";
import { ORPHAN_AFTER_MS, RunLedger } from "../../lib/runs";
import { events, type Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { memoryStore, TestClock } from "../support/context";

describe("the run ledger", () => {
  let store: Store;
  let clock: TestClock;
  let ledger: RunLedger;
  const hooks = () => ({ signal: new AbortController().signal });
  beforeEach(async () => {
    store = await memoryStore();
    clock = new TestClock();
    ledger = new RunLedger(store, { worker: "here#1", now: clock.now });
  });
  afterEach(() => store.close());

  it("records a run with its steps, counts and durations", async () => {
    const { id } = await ledger.start({ job: "bank-to-budget", trigger: "schedule" });
    await ledger.step(id, "bank-extract", "Bank", async () => ({ counts: { inserted: 3 } }), hooks());
    await ledger.step(id, "queue-sync", undefined, async () => ({ counts: { synced: 2 } }), hooks());
    const run = await ledger.finish(id);
    assert.deepEqual(
      [run.state, run.counts],
      ["Completed", { "bank-extract.inserted": 3, "queue-sync.synced": 2 }],
    );
    assert.ok(run.durationMs! > 0);
    const { steps } = await ledger.get(id);
    assert.deepEqual(
      steps.map((step) => [step.step, step.state, step.node]),
      [
        ["bank-extract", "Completed", "Bank"],
        ["queue-sync", "Completed", undefined],
      ],
    );
    assert.deepEqual(
      run.transitions.map((t) => t.state),
      ["Running", "Completed"],
    );
  });

  it("fails the run with the step, keeps the error, and goes on as a retry", async () => {
    const { id } = await ledger.start({ job: "x", trigger: "message" });
    const fail = async () => {
      throw new TallyError("AUTH_FAILED", "The key was refused.");
    };
    await assert.rejects(ledger.step(id, "bank-extract", undefined, fail, hooks()), { code: "AUTH_FAILED" });
    assert.deepEqual(
      [(await ledger.get(id)).run.state, (await ledger.get(id)).run.error?.code],
      ["Failed", "AUTH_FAILED"],
    );
    await ledger.step(id, "bank-extract", undefined, async () => ({ counts: {} }), hooks());
    const run = await ledger.finish(id);
    assert.deepEqual(
      run.transitions.map((t) => t.state),
      ["Running", "Failed", "Retrying", "Completed"],
    );
    assert.equal(run.error, undefined);
  });

  it("takes an aborted step as cancelled, not failed", async () => {
    const { id } = await ledger.start({ job: "x", trigger: "message" });
    const signal = AbortSignal.abort();
    await assert.rejects(
      ledger.step(
        id,
        "s",
        undefined,
        async (context) => {
          context.signal.throwIfAborted();
          return { counts: {} };
        },
        { signal },
      ),
      { code: "CANCELLED" },
    );
    assert.equal((await ledger.get(id)).run.state, "Cancelled");
  });

  it("turns the orphans of a dead process into Crashed, and leaves live ones alone", async () => {
    const dead = await new RunLedger(store, { worker: "here#0", now: clock.now }).start({
      job: "a",
      trigger: "t",
    });
    const old = await new RunLedger(store, { worker: "there#7", now: clock.now }).start({
      job: "b",
      trigger: "t",
    });
    assert.equal(await ledger.recover((worker) => worker === "here#0"), 1);
    assert.equal((await ledger.get(dead.id)).run.state, "Crashed");
    assert.equal((await ledger.get(old.id)).run.state, "Running");
    clock.advance(ORPHAN_AFTER_MS + 1000);
    assert.equal(await ledger.recover(), 1);
    assert.equal((await ledger.get(old.id)).run.state, "Crashed");
  });

  it("lists newest first, by job and by state, page by page", async () => {
    for (const job of ["a", "b", "a"]) await ledger.start({ job, trigger: "t" });
    await ledger.finish((await ledger.list({ job: "b" })).items[0]!.id);
    assert.deepEqual(
      (await ledger.list()).items.map((run) => run.job),
      ["a", "b", "a"],
    );
    assert.deepEqual(
      (await ledger.list({ state: "Completed" })).items.map((run) => run.job),
      ["b"],
    );
    const page = await ledger.list({ limit: 2 });
    assert.equal((await ledger.list({ limit: 2, after: page.next! })).items.length, 1);
  });

  it("numbers steps that run side by side apart", async () => {
    const { id } = await ledger.start({ job: "x", trigger: "t" });
    await Promise.all(
      ["a", "b", "c"].map((name) => ledger.step(id, name, undefined, async () => ({ counts: {} }), hooks())),
    );
    assert.equal((await ledger.get(id)).steps.length, 3);
  });

  it("keeps events and tells who listens", async () => {
    const { id } = await ledger.start({ job: "x", trigger: "t" });
    const heard: string[] = [];
    await ledger.step(
      id,
      "s",
      undefined,
      async (context) => {
        await context.emit("bank.row-unreadable", "file.csv", { line: 3 });
        return { counts: {} };
      },
      { ...hooks(), event: (type) => heard.push(type) },
    );
    assert.deepEqual(heard, ["bank.row-unreadable"]);
    assert.equal(
      (await store.collection(events).find({ index: "byType", equals: ["bank.row-unreadable"] })).items[0]!
        .subject,
      "file.csv",
    );
  });

  it("says which run is not there", async () => {
    await assert.rejects(ledger.get("run:no"), { code: "NOT_FOUND" });
    await assert.rejects(
      ledger.step("run:no", "s", undefined, async () => ({ counts: {} }), hooks()),
      { code: "NOT_FOUND" },
    );
  });
});
