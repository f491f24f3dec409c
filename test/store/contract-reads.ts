import assert from "node:assert/strict";
import fc from "fast-check";
import type { Collection, RangeQuery } from "../../lib/store";
import { canonicalJson, type Json } from "../../lib/values";
import { ids, pages, code, without, type Bench, type Item } from "./contract-bench";

/** What a store finds, one adapter. */
export function reads(bench: Bench): void {
  const { fixture } = bench;
  let c: Collection<Item>;
  beforeEach(() => {
    ({ c } = bench);
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
        `{"a.b":1,"$set":{"$x":[[1,[2,[]]],[{"%a":[1]},{"":2}]]},"%":"%25","":null,"__proto__":{"x":1},"_id":5,"_t":[],"big":9007199254740991,"small":-0.1,"e":1e300,"toString":[{},{"constructor":[{"x":[{}]}]}]}`,
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
}
