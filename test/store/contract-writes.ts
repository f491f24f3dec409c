import assert from "node:assert/strict";
import type { Collection } from "../../lib/store";
import type { Json } from "../../lib/values";
import { ids, code, without, ATOMIC, type Bench, type Item } from "./contract-bench";

/** What a store does with documents that are written, one adapter. */
export function writes(bench: Bench): void {
  const { fixture } = bench;
  let c: Collection<Item>;
  let d: Collection<Item>;
  beforeEach(() => {
    ({ c, d } = bench);
  });

  describe("upsertMany", () => {
    it("inserts what is new, replaces what differs, does not write what is equal, and says which", async () => {
      const first = await c.upsertMany([
        { id: "a", group: "g", rank: 1 },
        { id: "b", group: "g", rank: 2 },
        { id: "c", group: "g", rank: 3 },
      ]);
      assert.deepEqual(first, {
        inserted: 3,
        changed: 0,
        unchanged: 0,
        insertedIds: ["a", "b", "c"],
        changedIds: [],
      });
      const second = await c.upsertMany([
        { rank: 1, group: "g", id: "a" },
        { id: "b", group: "g", day: "2024-01-01" },
        { id: "d", group: "g" },
      ]);
      assert.deepEqual(second, {
        inserted: 1,
        changed: 1,
        unchanged: 1,
        insertedIds: ["d"],
        changedIds: ["b"],
      });
      assert.deepEqual(await c.get("b"), { id: "b", group: "g", day: "2024-01-01" }, "replaced, not merged");
    });

    it("takes the last of a repeated id and counts it once", async () => {
      const result = await c.upsertMany([
        { id: "a", group: "first" },
        { id: "a", group: "last" },
      ]);
      assert.deepEqual([result.inserted, result.changed, result.unchanged], [1, 0, 0]);
      assert.equal((await c.get("a"))?.group, "last");
    });

    it("does not count volatile fields when it compares, and does not write for them", async () => {
      await c.upsertMany([{ id: "a", group: "g", seenAt: "1" }]);
      assert.equal((await c.upsertMany([{ id: "a", group: "g", seenAt: "2" }])).unchanged, 1);
      assert.equal((await c.get("a"))?.seenAt, "1");
      assert.equal((await c.upsertMany([{ id: "a", group: "h", seenAt: "3" }])).changed, 1);
      assert.deepEqual(await c.get("a"), { id: "a", group: "h", seenAt: "3" });
    });

    it("compares with what a conditional update left", async () => {
      await c.upsertMany([{ id: "a", group: "g", rank: 1 }]);
      await c.updateMany([{ id: "a", expected: {}, set: { rank: 2 } }]);
      assert.equal((await c.upsertMany([{ id: "a", group: "g", rank: 2 }])).unchanged, 1);
      assert.equal((await c.upsertMany([{ id: "a", group: "g", rank: 1 }])).changed, 1);
    });

    it("writes nothing when a document has no id or a list in an indexed field", async () => {
      const good: Item = { id: "good", group: "g" };
      await assert.rejects(c.upsertMany([good, { id: "", group: "g" }]), code("CONFIG_INVALID"));
      const bad = { id: "bad", group: ["g"] } as unknown as Item;
      await assert.rejects(c.upsertMany([good, bad]), code("CONFIG_INVALID"));
      assert.equal(await c.get("good"), undefined);
    });

    it("answers exactly when two stores write the same documents at once", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      const docs = Array.from({ length: 60 }, (_, i): Item => ({ id: `i${i}`, group: "g", rank: i }));
      const results = await Promise.all([c.upsertMany(docs), d.upsertMany(docs), c.upsertMany(docs)]);
      assert.equal(
        results.map((one) => one.inserted).reduce((a, b) => a + b),
        60,
      );
      assert.equal(
        results.map((one) => one.unchanged).reduce((a, b) => a + b),
        120,
      );
      assert.equal(new Set(results.flatMap((one) => one.insertedIds)).size, 60);
      const newer = docs.map((doc) => ({ ...doc, day: "2024-01-01" }));
      const again = await Promise.all([c.upsertMany(newer), d.upsertMany(newer)]);
      assert.deepEqual(again.flatMap((one) => one.changedIds).sort(), docs.map((doc) => doc.id).sort());
    });

    it("takes an empty list", async () => {
      assert.equal((await c.upsertMany([])).inserted, 0);
      assert.deepEqual(await c.updateMany([]), { updatedIds: [], conflictIds: [] });
      assert.equal(await c.deleteMany([]), 0);
      assert.deepEqual(await c.getMany([]), []);
    });
  });

  describe("insertMissing", () => {
    it("inserts what is new and leaves what is there as it is", async () => {
      await c.upsertMany([{ id: "a", group: "old" }]);
      const result = await c.insertMissing([
        { id: "a", group: "new" },
        { id: "b", group: "first" },
        { id: "b", group: "last" },
      ]);
      assert.deepEqual(result, { inserted: 1, insertedIds: ["b"] });
      assert.equal((await c.get("a"))?.group, "old");
      assert.equal((await c.get("b"))?.group, "last");
    });

    it("inserts each id once when two stores try at once", async () => {
      const docs = Array.from({ length: 60 }, (_, i): Item => ({ id: `i${i}`, group: "g" }));
      const results = await Promise.all([
        c.insertMissing(docs),
        d.insertMissing(docs),
        d.insertMissing(docs),
      ]);
      assert.equal(
        results.map((one) => one.inserted).reduce((a, b) => a + b),
        60,
      );
      assert.equal(new Set(results.flatMap((one) => one.insertedIds)).size, 60);
    });
  });

  describe("updateMany", () => {
    beforeEach(() =>
      c.upsertMany([{ id: "a", group: "g", rank: 1, tags: ["x"], body: { k: [1, { b: 1, a: 2 }] } }]),
    );

    it("sets an object of which only the keys, or their order, differ", async function () {
      // FerretDB's own `$set` does not; its adapter goes round it.
      if (!fixture().atomic) return without(this, ATOMIC);
      const bodies: Json[] = [
        { one: "v" },
        { two: "v" },
        { two: "v", k: [{ a: 1 }] },
        { two: "v", k: [{ b: 1 }] },
      ];
      for (const body of bodies) {
        await c.updateMany([{ id: "a", expected: { rank: 1 }, set: { body, day: "d" } }]);
        const found = await c.get("a");
        assert.deepEqual([found?.body, found?.day, found?.tags], [body, "d", ["x"]]);
      }
      await c.updateMany([{ id: "a", expected: {}, set: { body: { three: "v" }, day: undefined } }]);
      const { body, day } = (await c.get("a")) ?? {};
      assert.deepEqual([body, day], [{ three: "v" }, undefined]);
    });

    it("writes only when all of `expected` holds", async () => {
      const set = { rank: 9 };
      const conflicts = await c.updateMany([
        { id: "a", expected: { rank: 1, group: "other" }, set },
        { id: "nobody", expected: {}, set },
      ]);
      assert.deepEqual(conflicts, { updatedIds: [], conflictIds: ["a", "nobody"] });
      assert.equal(await c.get("nobody"), undefined, "an update never inserts");
      assert.deepEqual(
        (await c.updateMany([{ id: "a", expected: { rank: 1, group: "g" }, set }])).updatedIds,
        ["a"],
      );
      assert.equal((await c.get("a"))?.rank, 9);
    });

    it("takes null (and undefined) for a field that is null or not there", async () => {
      const none = await c.updateMany([{ id: "a", expected: { rank: null }, set: { day: "x" } }]);
      assert.deepEqual(none.conflictIds, ["a"]);
      const gone = { rank: undefined } as unknown as { rank: null };
      assert.deepEqual((await c.updateMany([{ id: "a", expected: gone, set: { day: "x" } }])).conflictIds, [
        "a",
      ]);
      assert.deepEqual(
        (await c.updateMany([{ id: "a", expected: { day: null }, set: { day: null } }])).updatedIds,
        ["a"],
      );
      assert.deepEqual(
        (await c.updateMany([{ id: "a", expected: { day: null }, set: { day: "y" } }])).updatedIds,
        ["a"],
      );
    });

    it("compares lists and objects by value, whatever the order of keys", async () => {
      const set = { rank: 2 };
      const wrong = [{ tags: ["y"] }, { tags: [] }, { body: { k: [1, { a: 2 }] } }];
      for (const expected of wrong)
        assert.deepEqual((await c.updateMany([{ id: "a", expected, set }])).conflictIds, ["a"]);
      const right = { tags: ["x"], body: { k: [1, { a: 2, b: 1 }] } };
      assert.deepEqual((await c.updateMany([{ id: "a", expected: right, set }])).updatedIds, ["a"]);
    });

    it("sets top-level fields, removes with undefined, leaves the others", async () => {
      const set = { rank: undefined, day: "d", body: { "x.y": [[1]] } } as unknown as Partial<Item>;
      await c.updateMany([{ id: "a", expected: {}, set }]);
      assert.deepEqual(await c.get("a"), {
        id: "a",
        group: "g",
        tags: ["x"],
        day: "d",
        body: { "x.y": [[1]] },
      });
      assert.deepEqual(await ids(c, { index: "byDay", equals: ["d"] }), ["a"], "the index follows");
    });

    it("applies updates of one id in their order", async () => {
      const result = await c.updateMany([
        { id: "a", expected: { rank: 1 }, set: { rank: 2 } },
        { id: "a", expected: { rank: 2 }, set: { rank: 3 } },
        { id: "a", expected: { rank: 2 }, set: { rank: 4 } },
      ]);
      assert.deepEqual(result, { updatedIds: ["a", "a"], conflictIds: ["a"] });
      assert.equal((await c.get("a"))?.rank, 3);
    });

    it("tells exactly which of a mixed batch were written", async () => {
      await c.upsertMany(
        Array.from({ length: 50 }, (_, i): Item => ({ id: `i${i}`, group: "m", rank: i % 2 })),
      );
      const result = await c.updateMany(
        Array.from({ length: 50 }, (_, i) => ({ id: `i${i}`, expected: { rank: 0 }, set: { day: "won" } })),
      );
      const even = Array.from({ length: 25 }, (_, i) => `i${2 * i}`);
      assert.deepEqual(result.updatedIds, even);
      assert.equal(result.conflictIds.length, 25);
      assert.equal(await c.count({ index: "byDay", equals: ["won"] }), 25);
    });

    it("updates many in one call", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      const n = fixture().scanSize === 0 ? 120 : 2500;
      await c.upsertMany(Array.from({ length: n }, (_, i): Item => ({ id: `i${i}`, group: "m", rank: 0 })));
      const updates = Array.from({ length: n }, (_, i) => ({
        id: `i${i}`,
        expected: { rank: 0 },
        set: { rank: 1 },
      }));
      assert.equal((await c.updateMany(updates)).updatedIds.length, n);
      assert.equal((await c.updateMany(updates)).conflictIds.length, n);
      assert.equal(await c.count({ index: "byGroup", equals: ["m", 1] }), n);
    }).timeout(120_000);

    it("refuses to change an id", async () => {
      await assert.rejects(
        c.updateMany([{ id: "a", expected: {}, set: { id: "b" } }]),
        code("CONFIG_INVALID"),
      );
    });

    it("has exactly one winner on every document when stores race", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      const n = 40;
      await c.upsertMany(Array.from({ length: n }, (_, i): Item => ({ id: `r${i}`, group: "free" })));
      for (const kind of ["scalar", "composite"] as const) {
        const free = kind === "scalar" ? { group: "free" } : { tags: ["free"] };
        const reset = Array.from({ length: n }, (_, i) => ({
          id: `r${i}`,
          expected: {},
          set: { ...free, day: null },
        }));
        await c.updateMany(reset);
        const claim = (who: string) =>
          Array.from({ length: n }, (_, i) => ({
            id: `r${i}`,
            expected: free,
            set: kind === "scalar" ? { group: who, day: who } : { tags: [who], day: who },
          }));
        const racers = [c, d, c, d];
        const results = await Promise.all(racers.map((one, i) => one.updateMany(claim(`w${i}`))));
        const winners = new Map<string, string>();
        results.forEach(({ updatedIds }, i) => {
          for (const id of updatedIds) {
            assert.equal(winners.has(id), false, `${id} was won twice`);
            winners.set(id, `w${i}`);
          }
        });
        assert.equal(winners.size, n);
        for (const [id, who] of winners) assert.equal((await d.get(id))?.day, who);
      }
    }).timeout(120_000);

    it("counts up without a lost step when stores race", async function () {
      if (!fixture().atomic) return without(this, ATOMIC);
      await c.upsertMany([{ id: "n", group: "g", rank: 0 }]);
      const step = async (one: Collection<Item>): Promise<void> => {
        for (;;) {
          const rank = (await one.get("n"))!.rank!;
          const { updatedIds } = await one.updateMany([
            { id: "n", expected: { rank }, set: { rank: rank + 1 } },
          ]);
          if (updatedIds.length === 1) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => step(i % 2 ? c : d)));
      assert.equal((await c.get("n"))?.rank, 20);
    }).timeout(120_000);
  });

  describe("deleteMany", () => {
    it("says how many of the ids were there", async () => {
      await c.upsertMany(["a", "b", "c"].map((id): Item => ({ id, group: "g" })));
      assert.equal(await c.deleteMany(["a", "a", "nobody", "c"]), 2);
      assert.deepEqual(await ids(c, { index: "id" }), ["b"]);
      assert.equal((await c.upsertMany([{ id: "a", group: "g" }])).inserted, 1);
    });
  });
}
