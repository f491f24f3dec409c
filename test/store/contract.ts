import assert from "node:assert/strict";
import fc from "fast-check";
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
  withLease,
  type Collection,
  type CollectionDef,
  type Doc,
  type RangeQuery,
  type Store,
} from "../../lib/store";
import { canonicalJson, TallyError, type Json } from "../../lib/values";
import { checkModel } from "./model";

/** What a store adapter gives the suite. */
export interface Fixture {
  /** Another connection to the same data. */
  open(): Promise<Store>;
  /** Documents for the scan of much; 0 leaves it out, where the server is too slow for so many. */
  scanSize: number;
  /** Are updates of one document atomic? Races are left out where they are not. */
  atomic: boolean;
  /** Runs of the model-based property. */
  propertyRuns: number;
}

interface Item extends Doc {
  group: string;
  rank?: number | null;
  day?: string | null;
  open?: boolean;
  tags?: string[];
  body?: Json;
  seenAt?: string;
}

let unique = 0;

function items(): CollectionDef<Item> {
  return {
    name: `items_${process.pid}_${Date.now().toString(36)}_${unique++}`,
    shardKey: "group",
    indexes: [
      { name: "byGroup", fields: ["group", "rank"] },
      { name: "byDay", fields: ["day"] },
      { name: "byOpen", fields: ["open", "group"] },
    ],
    volatile: ["seenAt"],
  };
}

async function ids(collection: Collection<Item>, query: RangeQuery): Promise<string[]> {
  return (await collection.find(query)).items.map((item) => item.id);
}

async function pages(collection: Collection<Item>, query: RangeQuery): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.find({ ...query, ...(after === undefined ? {} : { after }) });
    assert.ok(page.items.length <= (query.limit ?? 1000));
    found.push(...page.items.map((item) => item.id));
    after = page.next;
  } while (after !== undefined);
  return found;
}

function code(wanted: string) {
  return (error: unknown) => error instanceof TallyError && error.code === wanted;
}

const ATOMIC = "a server that updates a document atomically";

/** Leave a test out, saying what it needs and how to have that. */
function without(context: Mocha.Context, needed: string): void {
  console.log(`      skipped: needs ${needed}: install mongod, or set MONGODB_URI to a MongoDB's`);
  context.skip();
}

/** Every sentence of lib/store/port.ts as a test, for one adapter. */
export function contract(fixture: () => Fixture): void {
  let store: Store;
  let other: Store;
  let c: Collection<Item>;
  let d: Collection<Item>;

  before(async () => {
    store = await fixture().open();
    other = await fixture().open();
  });
  after(async () => {
    await store.close();
    await other.close();
  });
  beforeEach(() => {
    const def = items();
    c = store.collection(def);
    d = other.collection(def);
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

  it("finds all that have one of many values of an index's first field, and refuses an index that is not there", async () => {
    const docs = Array.from({ length: 2_500 }, (_, i): Item => ({
      id: `d${i}`,
      group: `g${i % 1_200}`,
      rank: i,
    }));
    await c.upsertMany(docs);
    const values = Array.from({ length: 1_100 }, (_, i) => `g${1_099 - i}`);
    const found = await c.findAny("byGroup", [...values, "nobody", "g0"]);
    assert.equal(found.length, docs.filter((_, i) => i % 1_200 < 1_100).length);
    assert.deepEqual(
      found.slice(0, 2).map(({ id }) => id),
      ["d1099", "d2299"],
    );
    assert.deepEqual(await c.findAny("byGroup", []), []);
    await assert.rejects(c.findAny("byNothing", ["a"]), code("CONFIG_INVALID"));
  });

  describe("get and getMany", () => {
    it("answers in the order asked for and leaves unknown ids out", async () => {
      await c.upsertMany(["a", "b", "c"].map((id): Item => ({ id, group: "g" })));
      assert.deepEqual(
        (await c.getMany(["c", "nobody", "a", "c"])).map((item) => item.id),
        ["c", "a", "c"],
      );
      assert.equal(await c.get("nobody"), undefined);
    });

    it("reads documents without fields that are not needed, and changes none", async () => {
      const doc: Item = {
        id: "a",
        group: "g",
        rank: 1,
        tags: ["x"],
        body: { large: [1e300, "\u20ac", null] },
      };
      const bare: Item = { id: "b", group: "g", rank: 2 };
      await c.upsertMany([doc, bare]);
      const { body: _body, tags: _tags, ...rest } = doc;
      assert.deepEqual(await c.getMany(["b", "a", "nobody"], ["body", "tags"]), [bare, rest]);
      const seen: unknown[] = [];
      const query = { index: "byGroup", equals: ["g"] };
      for await (const item of c.scan(query, ["body", "tags"])) seen.push(item);
      assert.deepEqual(seen, [rest, bare]);
      assert.deepEqual(await c.getMany(["a"]), [doc]);
      await assert.rejects(c.getMany(["a"], ["id"]), code("CONFIG_INVALID"));
      await assert.rejects(async () => {
        for await (const item of c.scan(query, ["rank"])) seen.push(item);
      }, code("CONFIG_INVALID"));
    });

    it("gives back any JSON as it was given, and nothing of its own", async () => {
      const hostile = JSON.parse(
        `{"a.b":1,"$set":{"$x":[[1,[2,[]]],[{"%a":[1]},{"":2}]]},"%":"%25","":null,"__proto__":{"x":1},"_id":5,"_t":[],"big":9007199254740991,"small":-0.1,"e":1e300}`,
      ) as Json;
      const doc = { id: "$a.b", group: "g", tags: [], body: hostile, _t: "mine", _id: "mine too", "x.y": 1 };
      await c.upsertMany([doc as Item]);
      assert.equal(canonicalJson(await c.get("$a.b")), canonicalJson(doc));
      assert.equal((await c.upsertMany([doc as Item])).unchanged, 1);
    });

    it("gives back every JSON value (property)", async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (body) => {
          const doc: Item = { id: "p", group: "g", body: JSON.parse(JSON.stringify(body)) as Json };
          await c.upsertMany([doc]);
          assert.equal(canonicalJson(await c.get("p")), canonicalJson(doc));
          assert.equal((await c.upsertMany([doc])).unchanged, 1);
        }),
        { numRuns: fixture().propertyRuns * 3 },
      );
    });

    it("leaves out members that are undefined", async () => {
      await c.upsertMany([{ id: "a", group: "g", day: undefined } as unknown as Item]);
      assert.deepEqual(await c.get("a"), { id: "a", group: "g" });
    });
  });

  describe("find, scan and count", () => {
    const rows: Item[] = [
      { id: "a", group: "g", rank: 2 },
      { id: "b", group: "g", rank: 1 },
      { id: "c", group: "g" },
      { id: "d", group: "g", rank: null },
      { id: "e", group: "g", rank: 2 },
      { id: "f", group: "h", rank: 0 },
      { id: "h", group: "g", rank: -5 },
    ];
    beforeEach(() => c.upsertMany(rows));

    it("orders by the index's fields with the id last; null and missing are one and come first", async () => {
      assert.deepEqual(await ids(c, { index: "byGroup", equals: ["g"] }), ["c", "d", "h", "b", "a", "e"]);
      assert.deepEqual(await ids(c, { index: "byGroup" }), ["c", "d", "h", "b", "a", "e", "f"]);
    });

    it("orders backwards with `desc`, the id too", async () => {
      const query = { index: "byGroup", equals: ["g"], order: "desc" } as const;
      assert.deepEqual(await ids(c, query), ["e", "a", "b", "h", "d", "c"]);
    });

    it("takes `from` in and leaves `to` out; bounds leave out documents without the field", async () => {
      const query = { index: "byGroup", equals: ["g"] };
      assert.deepEqual(await ids(c, { ...query, from: 1 }), ["b", "a", "e"]);
      assert.deepEqual(await ids(c, { ...query, from: 1, to: 2 }), ["b"]);
      assert.deepEqual(await ids(c, { ...query, to: 2 }), ["h", "b"]);
      assert.deepEqual(await ids(c, { ...query, from: null, to: 2 }), ["c", "d", "h", "b"]);
      assert.deepEqual(await ids(c, { ...query, from: null, to: 2, order: "desc" }), ["b", "h", "d", "c"]);
      assert.deepEqual(await ids(c, { ...query, to: null }), []);
      assert.equal(await c.count({ ...query, from: null, to: 2 }), 4);
    });

    it("takes null in `equals` for a field that is not there", async () => {
      assert.deepEqual(await ids(c, { index: "byGroup", equals: ["g", null] }), ["c", "d"]);
    });

    it("takes values for all fields, and bounds on the id after them", async () => {
      assert.deepEqual(await ids(c, { index: "byGroup", equals: ["g", 2] }), ["a", "e"]);
      assert.deepEqual(await ids(c, { index: "byGroup", equals: ["g", 2], from: "b" }), ["e"]);
      assert.deepEqual(await ids(c, { index: "byGroup", equals: ["g", 2, "e"] }), ["e"]);
    });

    it("finds by id in order", async () => {
      assert.deepEqual(await ids(c, { index: "id", from: "b", to: "e" }), ["b", "c", "d"]);
      assert.deepEqual(await ids(c, { index: "id", equals: ["f"] }), ["f"]);
      assert.deepEqual(await ids(c, { index: "id", order: "desc", limit: 2 }), ["h", "f"]);
    });

    it("finds by true and false", async () => {
      await c.upsertMany([
        { id: "t", group: "x", open: true },
        { id: "u", group: "x", open: false },
      ]);
      assert.deepEqual(await ids(c, { index: "byOpen", equals: [true, "x"] }), ["t"]);
      assert.deepEqual(await ids(c, { index: "byOpen", equals: [false] }), ["u"]);
    });

    it("orders text by its UTF-8 bytes", async () => {
      const names = ["z", "é", "Z", "\u{1f600}", "\uffee", "a b", ""];
      await c.upsertMany(names.map((day, i): Item => ({ id: `n${i}`, group: "n", day })));
      const found = (await c.find({ index: "byDay", from: "" })).items.map((item) => item.day!);
      assert.deepEqual(
        found,
        [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    });

    it("pages: each at most `limit`, `next` absent on the last, nothing lost or repeated", async () => {
      for (const order of ["asc", "desc"] as const) {
        for (const query of [{ index: "byGroup" }, { index: "byGroup", equals: ["g"] }, { index: "byDay" }]) {
          const whole = await ids(c, { ...query, order });
          for (const limit of [1, 2, 3, 6, 7, 100]) {
            assert.deepEqual(await pages(c, { ...query, order, limit }), whole);
          }
        }
      }
      const last = await c.find({ index: "byGroup", limit: rows.length });
      assert.equal("next" in last, false);
    });

    it("gives 1,000 to a page when no limit is asked for", async () => {
      await c.upsertMany(Array.from({ length: 1001 }, (_, i): Item => ({ id: `m${i}`, group: "many" })));
      const page = await c.find({ index: "byGroup", equals: ["many"] });
      assert.equal(page.items.length, 1000);
      assert.notEqual(page.next, undefined);
    }).timeout(120_000);

    it("goes on behind a document that is gone since", async () => {
      const first = await c.find({ index: "byGroup", equals: ["g"], limit: 3 });
      await c.deleteMany([first.items.at(-1)!.id]);
      const rest = await ids(c, { index: "byGroup", equals: ["g"], after: first.next! });
      assert.deepEqual(rest, ["b", "a", "e"]);
    });

    it("refuses what cannot be answered", async () => {
      const wrong: RangeQuery[] = [
        { index: "nope" },
        { index: "byGroup", equals: ["g", 1, "id", 4] },
        { index: "byGroup", equals: ["g", 1, "id"], from: 1 },
        { index: "byGroup", limit: 0 },
        { index: "byGroup", limit: 1.5 },
        { index: "byGroup", after: "garbage" },
        { index: "byGroup", equals: [Number.NaN] },
        { index: "byGroup", equals: [{ $gt: "" } as unknown as string] },
      ];
      for (const query of wrong)
        await assert.rejects(c.find(query), code("CONFIG_INVALID"), JSON.stringify(query));
      const { next } = await c.find({ index: "byGroup", limit: 1 });
      await assert.rejects(c.find({ index: "byDay", after: next! }), code("CONFIG_INVALID"));
      await assert.rejects(c.find({ index: "byGroup", order: "desc", after: next! }), code("CONFIG_INVALID"));
    });

    it("scans a whole range in order, and may be left in the middle", async () => {
      const seen: string[] = [];
      for await (const item of c.scan({ index: "byGroup", equals: ["g"], order: "desc" })) seen.push(item.id);
      assert.deepEqual(seen, ["e", "a", "b", "h", "d", "c"]);
      for await (const item of c.scan({ index: "byGroup" })) {
        assert.equal(item.id, "c");
        break;
      }
      assert.equal(await c.count({ index: "byGroup" }), rows.length);
    });

    it("scans while what it reads is being changed", async () => {
      const seen: string[] = [];
      for await (const item of c.scan({ index: "byGroup", equals: ["g"] })) {
        seen.push(item.id);
        await c.updateMany([{ id: item.id, expected: {}, set: { day: "2024-01-01" } }]);
      }
      assert.deepEqual(seen, ["c", "d", "h", "b", "a", "e"]);
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

  it("behaves as a map of documents does (model)", async function () {
    this.timeout(300_000);
    await checkModel(() => store.collection(items()), fixture().propertyRuns);
  });

  it("refuses names that cannot be names", () => {
    for (const name of ['x"; DROP TABLE y', "", "sqlite_x", "a.b"]) {
      assert.throws(() => store.collection({ name, shardKey: "id", indexes: [] }), code("CONFIG_INVALID"));
    }
    const indexes = [{ name: "i", fields: ["a') --"] }];
    assert.throws(() => store.collection({ name: "x", shardKey: "id", indexes }), code("CONFIG_INVALID"));
  });

  it("reads much with little memory", async function () {
    this.timeout(600_000);
    const size = fixture().scanSize;
    if (size === 0) {
      return without(this, "a server that reads much in little time");
    }
    const filler = "x".repeat(400);
    for (let start = 0; start < size; start += 10_000) {
      const length = Math.min(10_000, size - start);
      await c.insertMissing(
        Array.from({ length }, (_, i): Item => ({
          id: `s${start + i}`,
          group: `g${i % 7}`,
          rank: i,
          body: filler,
        })),
      );
    }
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    let most = 0;
    let n = 0;
    for await (const item of c.scan({ index: "byGroup" })) {
      assert.ok(item.id);
      if (++n % Math.ceil(size / 10) === 0) {
        collect();
        most = Math.max(most, process.memoryUsage().heapUsed - before);
      }
    }
    assert.equal(n, size);
    // All of them at once take over 500 bytes each; a few pages of 500 stay far below a tenth of 200,000.
    const bound = Math.max(10_000_000, (size * 500) / 10);
    assert.ok(most < bound, `the heap grew by ${most} bytes, more than ${bound}`);
  });

  describe("leases", () => {
    let name: string;
    let now: number;
    const clock = () => now;
    beforeEach(() => {
      name = `lease-${unique++}-${Date.now()}`;
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
      const tries = await Promise.all(
        [store, other].map((one) =>
          one.collection(driftStates).updateMany([{ id: budgetId, expected, set }]),
        ),
      );
      assert.equal(tries.flatMap(({ updatedIds }) => updatedIds).length, 1);
      assert.deepEqual(await other.collection(driftStates).get(budgetId), { ...state, ...set });
      await looks.deleteMany([look(1).id, look(2).id]);
      await store.collection(driftStates).deleteMany([budgetId]);
    });
  });

  it("says that it answers, and refuses work when closed", async () => {
    const one = await fixture().open();
    await one.ping();
    const collection = one.collection(items());
    const writing = collection.upsertMany([{ id: "a", group: "g" }]);
    await writing;
    const reading = collection.get("a");
    await one.close();
    assert.equal((await reading)?.id, "a", "work under way is finished");
    await assert.rejects(collection.get("a"), code("STORE_UNAVAILABLE"));
    await assert.rejects(one.ping(), code("STORE_UNAVAILABLE"));
    await one.close();
  });

  it("keeps what was written over closing and opening", async () => {
    const def = items();
    const first = await fixture().open();
    await first.collection(def).upsertMany([{ id: "a", group: "g", body: { deep: [1] } }]);
    await first.close();
    const second = await fixture().open();
    assert.deepEqual(await second.collection(def).get("a"), { id: "a", group: "g", body: { deep: [1] } });
    assert.equal(
      (await second.collection(def).upsertMany([{ id: "a", group: "g", body: { deep: [1] } }])).unchanged,
      1,
    );
    await second.close();
  });
}
