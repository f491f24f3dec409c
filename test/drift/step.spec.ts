import assert from "node:assert/strict";
import { driftStep, type DriftSummary } from "../../lib/drift";
import {
  classifications,
  decisions,
  driftLooks,
  driftStates,
  queue,
  reviews,
  runs,
  transactions,
  type Classification,
  type Run,
} from "../../lib/store";
import { queueId } from "../../lib/values";
import { crashingStore, Killed } from "../support/crashing-store";
import { BUDGET, DriftBench, DRIFTED, OPTIONS } from "./bench";
import { readings } from "./support";

describe("watching a model", function () {
  this.timeout(60_000);
  let bench: DriftBench;
  beforeEach(async () => {
    bench = await DriftBench.open();
  });
  afterEach(() => bench.store.close());

  const looks = async () => (await bench.store.collection(driftLooks).find({ index: "id" })).items;
  const valuesOf = (found: DriftSummary["readings"]) =>
    found.map(({ signal, value, reference, recent, compared }) => ({
      signal,
      value,
      reference,
      recent,
      compared,
    }));

  /** A model that was used, a newer one in production, and payments since. */
  async function drifted(): Promise<void> {
    await bench.promote("v0");
    await bench.answer(220);
    await bench.promote("v1");
    await bench.answer(60, DRIFTED);
  }

  /** A training that ran and put nothing new into production. */
  async function trained(): Promise<void> {
    const at = bench.clock.now();
    const run: Run = {
      id: `run:${at}`,
      job: "learning",
      state: "Completed",
      trigger: "drift",
      worker: "w",
      startedAt: at,
      heartbeatAt: at,
      counts: { "train.trained": 1 },
      transitions: [],
    };
    await bench.store.collection(runs).upsertMany([run]);
  }

  it("says what is missing: a model, then payments, and alarms at nothing", async () => {
    const none = await bench.look();
    assert.match(none.text, /no model in production/);
    await bench.promote("v1");
    await bench.answer(20, DRIFTED);
    const few = await bench.look();
    assert.deepEqual([few.looked, few.retrain, few.readings], [false, false, []]);
    assert.equal(few.text, "Not enough yet: 20 of 30 recent payments, 0 of 30 to compare with.");
    assert.deepEqual([await looks(), bench.events], [[], []]);
  });

  it("compares what came since the promotion with what came before it, as the signals say", async () => {
    await bench.promote("v0");
    const before = await bench.answer(250);
    await bench.promote("v1");
    const since = await bench.answer(45);
    const found = await bench.look();
    assert.equal(found.looked, true);
    const expected = readings(since, before.slice(-200), { minimum: 30, draws: 99 });
    assert.deepEqual(valuesOf(found.readings), valuesOf(expected));
    assert.deepEqual(
      (await looks()).map(({ version, recent, reference }) => [version, recent.payments, reference.payments]),
      [["v1", 45, 200]],
    );
  });

  it("takes the first that a first model answered for what it was measured on", async () => {
    await bench.promote("v1");
    const rows = await bench.answer(150);
    const found = await bench.look();
    const expected = readings(rows.slice(-60), rows.slice(0, 90), { minimum: 30, draws: 99 });
    assert.deepEqual(valuesOf(found.readings), valuesOf(expected));
  });

  it("looks as soon as there are twice as many as are needed", async () => {
    await bench.promote("v1");
    const rows = await bench.answer(59);
    assert.equal((await bench.look()).looked, false);
    rows.push(...(await bench.answer(1)));
    const found = await bench.look();
    const expected = readings(rows.slice(-30), rows.slice(0, 30), { minimum: 30, draws: 99 });
    assert.deepEqual(valuesOf(found.readings), valuesOf(expected));
  });

  it("goes back to an older promotion where too few came since the newest", async () => {
    await bench.promote("v0");
    const before = await bench.answer(100);
    await bench.promote("v1");
    const since = await bench.answer(40);
    await bench.promote("v2");
    since.push(...(await bench.answer(10)));
    const found = await bench.look();
    const expected = readings(since, before, { minimum: 30, draws: 99 });
    assert.deepEqual(valuesOf(found.readings), valuesOf(expected));
  });

  it("counts each payment once, as the model saw it first, and no transfer", async () => {
    await bench.promote("v0");
    const before = await bench.answer(100);
    await bench.promote("v1");
    const since = await bench.answer(40);
    const collection = bench.store.collection(classifications);
    const one = (await collection.get(`${before[0]!.paymentId}|${BUDGET}|v1`))!;
    const at = bench.clock.now();
    const again = before.slice(0, 50).map(({ paymentId }): Classification => ({
      ...one,
      id: `${paymentId}|${BUDGET}|v9`,
      paymentId,
      modelVersion: "v9",
      path: "abstain",
      at,
    }));
    const early = before.map(({ paymentId }): Classification => ({
      ...one,
      id: `${paymentId}|${BUDGET}|none`,
      paymentId,
      modelVersion: "none",
      path: "abstain",
      at: "2020-01-01T00:00:00.000Z",
    }));
    const transfer: Classification = {
      ...one,
      id: `bank:x|${BUDGET}|v1`,
      paymentId: "bank:x",
      path: "transfer",
      top: [],
      at,
    };
    await collection.upsertMany([...again, ...early, transfer]);
    const found = await bench.look();
    assert.deepEqual(valuesOf(found.readings), valuesOf(readings(since, before, { minimum: 30, draws: 99 })));
  });

  it("hears what people say: decided, taken back, left open, approved, changed, and silence only where it means something", async () => {
    await bench.promote("v1");
    const rows = await bench.answer(100, { heard: 0, heardGuess: 0, abstains: 0 });
    const judged = async () =>
      (await bench.look({ recent: 40, minimum: 30 })).readings.find(({ signal }) => signal === "override")!;
    assert.deepEqual([(await judged()).recent, (await judged()).compared], [0, 0]);
    const newest = rows.slice(-40);
    const { paymentId, guess } = newest[0]!;
    const id = queueId(paymentId, BUDGET);
    const decision = { id, paymentId, budgetId: BUDGET, at: newest[0]!.at, act: "a", before: {} };
    const said = async (): Promise<[number, number | null]> => {
      // Another least number of payments, so that the same payments are looked at again.
      await bench.store.collection(driftLooks).deleteMany((await looks()).map((look) => look.id));
      const { recent, value } = await judged();
      return [recent, value];
    };
    await bench.store.collection(decisions).upsertMany([{ ...decision, categoryId: null }]);
    assert.deepEqual(await said(), [0, null], "left without a category");
    await bench.store.collection(decisions).upsertMany([{ ...decision, categoryId: "c:other" }]);
    assert.deepEqual(await said(), [1, 1], "decided, its review not stored yet");
    await bench.store
      .collection(decisions)
      .upsertMany([{ ...decision, categoryId: "c:other", undoneAt: "x" }]);
    assert.deepEqual(await said(), [0, null], "taken back");
    const review = { id, paymentId, budgetId: BUDGET, at: newest[0]!.at, chosenCategoryId: guess! };
    await bench.store.collection(reviews).upsertMany([review]);
    assert.deepEqual(await said(), [1, 0], "accepted");
    await bench.store.collection(reviews).deleteMany([id]);

    const wrote = {
      accountId: "a",
      date: "2026-02-10",
      amount: -1000,
      categoryId: guess!,
      approved: false,
      memo: "",
    };
    const row = {
      id: `t:${paymentId}`,
      budgetId: BUDGET,
      accountId: "a",
      date: "2026-02-10",
      amount: -1000,
      currency: "EUR",
      approved: false,
      deleted: false,
    };
    const stands = async (more: object, approvedByUs = false) => {
      await bench.store
        .collection(queue)
        .updateMany([{ id, expected: {}, set: { wrote: { ...wrote, approved: approvedByUs } } }]);
      await bench.store.collection(transactions).upsertMany([{ ...row, ...more }]);
      return said();
    };
    assert.deepEqual(await stands({ categoryId: guess! }), [0, null], "nobody looked at it");
    assert.deepEqual(await stands({ categoryId: guess!, approved: true }), [1, 0], "approved");
    assert.deepEqual(await stands({ categoryId: "c:other" }), [1, 1], "changed, not approved");
    assert.deepEqual(await stands({ categoryId: "c:other", approved: true, deleted: true }), [0, null]);
    const split = [{ amount: -500 }, { amount: -500 }];
    assert.deepEqual(await stands({ categoryId: null, approved: true, split }), [0, null], "split");
    assert.deepEqual(await stands({ categoryId: guess!, approved: true }, true), [0, null], "approved by us");
    assert.deepEqual(await stands({ categoryId: "c:other", approved: true }, true), [0, null], "too early");
    bench.days(14);
    assert.deepEqual(await stands({ categoryId: guess!, approved: true }, true), [1, 0], "silence");
    assert.deepEqual(await stands({ categoryId: "c:other", approved: true }, true), [1, 1], "changed");
  });

  it("begins one retraining for one episode, whoever looks and however often", async () => {
    await drifted();
    const both = await Promise.all([bench.look(), bench.look()]);
    assert.deepEqual(both.map(({ retrain }) => retrain).sort(), [false, true]);
    assert.equal((await looks()).length, 1, "both saw the same");
    assert.match(both.find(({ retrain }) => retrain)!.text, /Left to you: .*A retraining begins\.$/s);
    const later = await bench.look();
    assert.deepEqual([later.looked, later.retrain, later.drifting], [false, false, true]);
    await trained();
    await bench.answer(60, DRIFTED);
    const more = await bench.look();
    assert.deepEqual([more.looked, more.retrain], [true, false], "the same episode");
    assert.match(more.text, /asked for already/);
    assert.deepEqual(
      bench.events.map(({ type }) => type),
      ["drift.alert", "drift.retrain", "drift.alert"],
    );
    assert.ok(bench.warnings.length >= 2);
  });

  it("only tells of a single alert", async () => {
    await bench.promote("v0");
    await bench.answer(220);
    await bench.promote("v1");
    await bench.answer(60, { novel: 0.5 });
    const found = await bench.look();
    assert.deepEqual([found.counts["alerts"], found.retrain, found.drifting], [1, false, false]);
    assert.match(found.text, /New counterparties: .* A retraining begins at 2 alerts\.$/);
    assert.deepEqual(
      bench.events.map(({ type }) => type),
      ["drift.alert"],
    );
  });

  it("does not judge the same payments twice, but does once people judged them", async () => {
    await bench.promote("v0");
    await bench.answer(200, { heard: 0, heardGuess: 0 });
    await bench.promote("v1");
    const rows = await bench.answer(60, { heard: 0, heardGuess: 0 });
    assert.equal((await bench.look()).looked, true);
    await bench.answer(29, { heard: 0, heardGuess: 0 });
    assert.match((await bench.look()).text, /Too little is new/);
    await bench.store.collection(reviews).upsertMany(
      rows.slice(-20).map(({ paymentId, at, guess }) => ({
        id: queueId(paymentId, BUDGET),
        paymentId,
        budgetId: BUDGET,
        at,
        chosenCategoryId: guess!,
      })),
    );
    assert.equal((await bench.look()).looked, true);
  });

  it("starts afresh behind the retraining, and ends the episode with a look without an alert", async () => {
    await drifted();
    assert.equal((await bench.look()).retrain, true);
    bench.days(0.1);
    await bench.promote("v2");
    await bench.answer(29, DRIFTED);
    assert.match((await bench.look()).text, /29 of 30 recent payments, 0 of 30/);
    // What is now usual is what the new model was made for.
    await bench.answer(160, DRIFTED);
    const calm = await bench.look();
    assert.deepEqual([calm.looked, calm.counts["alerts"], calm.drifting], [true, 0, false]);
    bench.days(7);
    await bench.answer(60, { categories: 3, abstains: 0.95, wrongGuess: 0.9, less: 0.3, novel: 0.9 });
    assert.equal((await bench.look()).retrain, true, "another episode");
  });

  it("rests after a retraining was asked for", async () => {
    await drifted();
    assert.equal((await bench.look({ cooldownDays: 30 })).retrain, true);
    await bench.store
      .collection(driftStates)
      .updateMany([{ id: BUDGET, expected: {}, set: { drifting: false } }]);
    await trained();
    await bench.answer(60, DRIFTED);
    const found = await bench.look({ cooldownDays: 30 });
    assert.deepEqual([found.looked, found.retrain], [true, false]);
  });

  it("asks again when no training ran within a day, three times in all, and not when one did", async () => {
    await drifted();
    assert.equal((await bench.look()).retrain, true);
    bench.days(0.9);
    assert.equal((await bench.look()).retrain, false, "too early");
    const asked: boolean[] = [];
    for (let day = 0; day < 4; day++) {
      bench.days(1.01);
      asked.push((await bench.look()).retrain);
    }
    assert.deepEqual(asked, [true, true, false, false]);

    await bench.store.collection(driftStates).updateMany([{ id: BUDGET, expected: {}, set: { tries: 1 } }]);
    await trained();
    bench.days(2);
    assert.equal((await bench.look()).retrain, false, "it was trained");
  });

  it("survives a crash at any write: a retraining is asked for at most once, and not forgotten", async () => {
    await drifted();
    await bench.look({ alerts: 6 });
    // The writes of a look, counted on a store that never dies.
    const counting = crashingStore(bench.store, Infinity, "before");
    await bench.store.collection(driftLooks).deleteMany((await looks()).map(({ id }) => id));
    await bench.store.collection(driftStates).deleteMany([BUDGET]);
    assert.equal((await bench.look({}, counting)).retrain, true);
    assert.ok(counting.writes >= 3);
    for (const when of ["before", "after"] as const)
      for (let write = 1; write <= counting.writes; write++) {
        await bench.store.collection(driftLooks).deleteMany((await looks()).map(({ id }) => id));
        await bench.store.collection(driftStates).deleteMany([BUDGET]);
        await assert.rejects(bench.look({}, crashingStore(bench.store, write, when)), Killed);
        const next = await bench.look();
        bench.days(1.01);
        const dayAfter = await bench.look();
        // Where it died between the state and the message, the day after.
        const lost = write === counting.writes && when === "after";
        assert.deepEqual([next.retrain, dayAfter.retrain], [!lost, true], `${when} write ${write}`);
        assert.equal((await looks()).length, 1);
      }
  });

  it("keeps the newest looks", async () => {
    await bench.promote("v0");
    await bench.answer(100);
    await bench.promote("v1");
    for (let n = 0; n < 4; n++) {
      await bench.answer(60);
      assert.equal((await bench.look({ keep: 2 })).looked, true);
    }
    const kept = await looks();
    assert.equal(kept.length, 2);
    const newest = (
      await bench.store.collection(driftLooks).find({ index: "byBudget", equals: [BUDGET], order: "desc" })
    ).items[0]!;
    assert.ok(kept.every(({ at }) => at <= newest.at));
  });

  it("stops when it is told to", async () => {
    await drifted();
    const abort = new AbortController();
    abort.abort();
    await assert.rejects(driftStep({ ...bench.context(), signal: abort.signal }, OPTIONS), {
      code: "CANCELLED",
    });
    assert.deepEqual(await looks(), []);
  });
});
