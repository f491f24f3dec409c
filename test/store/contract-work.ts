import assert from "node:assert/strict";
import {
  acquireLease,
  decisions,
  driftLooks,
  driftStates,
  leases,
  notices,
  releaseLease,
  renewLease,
  rules,
  stamped,
  transactions,
  withLease,
  type Store,
} from "../../lib/store";
import { code, unique, without, ATOMIC, type Bench } from "./contract-bench";

/** Leases, and documents with rules of their own, one adapter. */
export function work(bench: Bench): void {
  const { fixture } = bench;
  let store: Store;
  let other: Store;
  beforeEach(() => {
    ({ store, other } = bench);
  });

  describe("documents with the instant at which they came", () => {
    it("have later ones than all before, also when the clock was set back, and keep theirs until they change", async () => {
      const budgetId = `b${unique()}-${Date.now()}`;
      const collection = store.collection(transactions);
      const row = (i: number, memo = "") => ({
        ...{ id: `${budgetId}:${String(i).padStart(3, "0")}`, budgetId, accountId: "a", date: "2024-01-01" },
        ...{ amount: i, currency: "EUR", approved: true, deleted: false, memo },
      });
      const write = async (rows: ReturnType<typeof row>[], now: string) =>
        collection.upsertMany(await stamped(collection, "byChanged", budgetId, rows, now));
      await write([row(500)], "2024-01-01T00:00:00.000Z");
      await write(
        Array.from({ length: 120 }, (_, i) => row(i)),
        "2024-01-02T00:00:00.000Z",
      );
      const { unchanged, changed } = await write([row(1), row(2, "x")], "2024-01-01T12:00:00.000Z");
      assert.deepEqual([unchanged, changed], [1, 1]);
      const from = "2024-01-02T00:00:00.002Z";
      const { items } = await collection.find({ index: "byChanged", equals: [budgetId], from });
      const newest = items.pop()!;
      assert.deepEqual([newest.amount, newest.changedAt], [2, "2024-01-02T00:00:00.003Z"]);
      assert.deepEqual(
        items.map(({ amount }) => amount),
        Array.from({ length: 20 }, (_, i) => 100 + i),
      );
      assert.deepEqual(await stamped(collection, "byChanged", budgetId, [], from), []);
    });
  });

  describe("leases", () => {
    let name: string;
    let now: number;
    const clock = () => now;
    beforeEach(() => {
      name = `lease-${unique()}-${Date.now()}`;
      now = 1_700_000_000_000;
    });

    it("go to exactly one of many", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      const tries = await Promise.all(
        Array.from({ length: 8 }, (_, i) => acquireLease(i % 2 ? store : other, name, `o${i}`, 1000, clock)),
      );
      assert.equal(tries.filter((lease) => lease !== undefined).length, 1);
      now += 1000;
      const again = await Promise.all(
        Array.from({ length: 8 }, (_, i) => acquireLease(i % 2 ? store : other, name, `p${i}`, 1000, clock)),
      );
      assert.equal(again.filter((lease) => lease !== undefined).length, 1, "one takes over what ran out");
    });

    it("hold until their end, are renewed and given back", async () => {
      const lease = await acquireLease(store, name, "me", 1000, clock);
      assert.deepEqual(lease, { id: name, owner: "me", until: new Date(now + 1000).toISOString() });
      now += 999;
      assert.equal(await acquireLease(other, name, "you", 1000, clock), undefined);
      const renewed = await renewLease(store, lease!, 1000, clock);
      now += 999;
      assert.equal(await acquireLease(other, name, "you", 1000, clock), undefined);
      assert.equal(await releaseLease(store, lease!), false, "the lease of before the renewal is no more");
      assert.equal(await releaseLease(store, renewed!), true);
      assert.notEqual(await acquireLease(other, name, "you", 1000, clock), undefined);
      assert.equal(
        await renewLease(store, renewed!, 1000, clock),
        undefined,
        "what another holds cannot be renewed",
      );
    });

    it("are renewed by their owner's second call", async () => {
      await acquireLease(store, name, "me", 1000, clock);
      now += 500;
      const again = await acquireLease(store, name, "me", 1000, clock);
      assert.equal(again?.until, new Date(now + 1000).toISOString());
    });

    it("keep two pieces of work apart, and are free after one that failed", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      let running = 0;
      let ran = 0;
      const work = async () => {
        running++;
        assert.equal(running, 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running--;
        ran++;
      };
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) => withLease(i % 2 ? store : other, name, "same", 60_000, work)),
      );
      assert.equal(ran, results.filter((one) => one.status === "fulfilled").length);
      assert.ok(ran >= 1);
      for (const one of results) if (one.status === "rejected") assert.ok(code("STORE_CONFLICT")(one.reason));
      await assert.rejects(
        withLease(store, name, "same", 60_000, () => Promise.reject(new Error("broken"))),
        /broken/,
      );
      assert.equal(await withLease(other, name, "same", 60_000, () => Promise.resolve(7)), 7);
    });

    it("tell the work when they are lost", async () => {
      const lost = withLease(store, name, "me", 90, async (signal) => {
        const held = await store.collection(leases).get(name);
        await other
          .collection(leases)
          .updateMany([{ id: name, expected: { owner: held!.owner }, set: { owner: "thief" } }]);
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      });
      await assert.rejects(lost, code("STORE_CONFLICT"));
    });
  });

  describe("what people decide", () => {
    const id = `p:${process.pid}:${Date.now()}|b`;
    const budgetId = `b:${process.pid}:${Date.now()}`;
    const decision = {
      id,
      paymentId: "p",
      budgetId,
      at: "2026-01-01T00:00:00.000Z",
      before: { categoryId: null },
    };

    it("is claimed by one of two, found while it is pending, and replaced only as it was read", async () => {
      const [mine, theirs] = [store.collection(decisions), other.collection(decisions)];
      const claims = await Promise.all([
        mine.insertMissing([{ ...decision, act: "act:1", categoryId: "c:1", pending: true }]),
        theirs.insertMissing([{ ...decision, act: "act:2", categoryId: null, pending: true }]),
      ]);
      assert.equal(claims[0].inserted + claims[1].inserted, 1);
      const standing = (await theirs.get(id))!;
      assert.equal(standing.act, claims[0].inserted ? "act:1" : "act:2");
      const pending = { index: "byPending", equals: [budgetId, true] };
      assert.deepEqual((await mine.find(pending)).items, [standing]);
      const expected = { at: standing.at, act: standing.act, pending: null };
      const replace = { id, expected, set: { act: "act:3", pending: true } };
      assert.deepEqual((await mine.updateMany([replace])).conflictIds, [id], "it is pending");
      await mine.updateMany([{ id, expected: { pending: true }, set: { pending: undefined } }]);
      assert.equal(await theirs.count(pending), 0);
      assert.deepEqual((await theirs.updateMany([replace])).updatedIds, [id]);
      assert.deepEqual((await mine.updateMany([replace])).conflictIds, [id]);
      assert.deepEqual(
        (await mine.find({ index: "byAct", equals: ["act:3"] })).items.map((one) => one.budgetId),
        [budgetId],
      );
    });

    it("makes rules that come in their order, and buttons that are forgotten by their end", async () => {
      const at = decision.at;
      await store.collection(rules).upsertMany(
        [3, 1, 2].map((order) => ({
          id: `${id}:${order}`,
          budgetId,
          order,
          at,
          categoryId: "c",
          contains: "x",
        })),
      );
      const found = await other.collection(rules).find({ index: "byBudget", equals: [budgetId] });
      assert.deepEqual(
        found.items.map(({ order }) => order),
        [1, 2, 3],
      );
      const notice = {
        id,
        budgetId,
        at,
        expiresAt: "2001-01-01T00:00:00.000Z",
        items: [id],
        choices: ["c", null],
      };
      await store.collection(notices).upsertMany([notice]);
      const old = await other.collection(notices).find({ index: "byExpiry", to: "2001-01-02T00:00:00.000Z" });
      assert.deepEqual(
        old.items.filter((one) => one.id === id),
        [notice],
      );
      await store.collection(notices).deleteMany([id]);
    });

    it("keeps looks at a model in the order of time, and lets one of two act upon the newest", async () => {
      const looks = store.collection(driftLooks);
      const span = { from: decision.at, to: decision.at, payments: 30 };
      const look = (day: number) => ({
        id: `${budgetId}|look:${day}`,
        budgetId,
        at: `2026-01-0${day}T00:00:00.000Z`,
        version: "v1",
        recent: span,
        reference: span,
        readings: [],
        alerts: 2,
      });
      await looks.upsertMany([look(2), look(1)]);
      assert.equal((await looks.insertMissing([{ ...look(2), alerts: 0 }])).inserted, 0);
      const newest = { index: "byBudget", equals: [budgetId], order: "desc" as const, limit: 1 };
      assert.deepEqual((await other.collection(driftLooks).find(newest)).items, [look(2)]);
      const state = { id: budgetId, at: decision.at, drifting: false, recent: 30, compared: 30, needed: 30 };
      await store.collection(driftStates).insertMissing([state]);
      const set = { lookId: look(2).id, drifting: true, askedAt: decision.at, tries: 1 };
      const expected = { lookId: null, drifting: false, askedAt: null, tries: null };
      const act = (one: Store) => one.collection(driftStates).updateMany([{ id: budgetId, expected, set }]);
      // Where updates are not atomic two at once may both succeed: one after the other then.
      const tries = fixture().atomic
        ? await Promise.all([act(store), act(other)])
        : [await act(store), await act(other)];
      assert.equal(tries.flatMap(({ updatedIds }) => updatedIds).length, 1);
      assert.deepEqual(await other.collection(driftStates).get(budgetId), { ...state, ...set });
      await looks.deleteMany([look(1).id, look(2).id]);
      await store.collection(driftStates).deleteMany([budgetId]);
    });
  });
}
