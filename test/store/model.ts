import assert from "node:assert/strict";
import fc from "fast-check";
import type { Collection, Doc, RangeQuery, Scalar } from "../../lib/store";
import { canonicalJson } from "../../lib/values";

/** A collection as a map, written as plainly as can be, for the adapters to be held against. */

type Record_ = Record<string, unknown> & Doc;

type Step =
  | { do: "upsert" | "insert"; docs: Record_[] }
  | { do: "update"; id: string; expected: Record<string, Scalar>; set: Record<string, Scalar | undefined> }
  | { do: "delete"; ids: string[] }
  | { do: "find"; query: RangeQuery }
  | { do: "any"; index: string; values: string[] };

const id = fc.constantFrom("a", "b", "c", "d", "é", "\u{1f600}", "\uffee", "e f", "$g.h");
const group = fc.constantFrom("g", "h", "");
const rank = fc.option(fc.constantFrom(-1, 0, 1, 2.5, 1e12));
const day = fc.option(fc.constantFrom("", "2024-01-01", "2024-01-02", "é"));
const doc: fc.Arbitrary<Record_> = fc.record({ id, group, rank, day }, { requiredKeys: ["id", "group"] });

const ranges: fc.Arbitrary<RangeQuery> = fc.oneof(
  fc.record(
    {
      index: fc.constant("byGroup"),
      equals: fc.oneof(fc.tuple(group), fc.constant([]), fc.tuple(group, rank)),
      order: fc.constantFrom("asc" as const, "desc" as const),
      limit: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ["index", "limit"] },
  ),
  fc.record(
    {
      index: fc.constant("byGroup"),
      equals: fc.tuple(group),
      from: rank,
      to: rank,
      order: fc.constantFrom("asc" as const, "desc" as const),
      limit: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ["index", "equals", "limit"] },
  ),
  fc.record(
    {
      index: fc.constantFrom("byDay", "id"),
      from: fc.constantFrom("", "2024-01-02", "b", "é"),
      to: fc.constantFrom("2024-01-02", "z", "\u{1f600}"),
      order: fc.constantFrom("asc" as const, "desc" as const),
      limit: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ["index", "limit"] },
  ),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom("upsert" as const, "insert" as const),
    docs: fc.array(doc, { maxLength: 6 }),
  }),
  fc.record({
    do: fc.constant("update" as const),
    id,
    expected: fc.record({ group, rank, day }, { requiredKeys: [] }),
    set: fc.record({ rank, day: fc.oneof(day, fc.constant(undefined)) }, { requiredKeys: [] }),
  }),
  fc.record({ do: fc.constant("delete" as const), ids: fc.array(id, { maxLength: 3 }) }),
  fc.record({ do: fc.constant("find" as const), query: ranges }),
  fc.record({
    do: fc.constant("any" as const),
    index: fc.constantFrom("byGroup", "byDay", "id"),
    values: fc.array(fc.oneof(group, id, fc.constantFrom("2024-01-01", "2024-01-02")), { maxLength: 4 }),
  }),
);

/** Random steps on a fresh collection and on the map: every answer and the end state are the same. */
export async function checkModel<T extends Doc>(fresh: () => Collection<T>, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 15 }), async (steps) => {
      const real = fresh() as unknown as Collection<Record_>;
      const model = new Map<string, Record_>();
      for (const one of steps) await check(real, model, one);
      const left = await real.find({ index: "id" });
      assert.equal(canonicalJson(left.items), canonicalJson([...model.values()].sort(byFields(["id"]))));
    }),
    { numRuns },
  );
}

async function check(real: Collection<Record_>, model: Map<string, Record_>, one: Step): Promise<void> {
  switch (one.do) {
    case "upsert": {
      const last = new Map(one.docs.map((each) => [each.id, each]));
      const insertedIds = [...last.keys()].filter((key) => !model.has(key));
      const changedIds = [...last.keys()].filter(
        (key) => model.has(key) && canonicalJson(model.get(key)) !== canonicalJson(last.get(key)),
      );
      const result = await real.upsertMany(one.docs);
      assert.deepEqual([...result.insertedIds].sort(), insertedIds.sort());
      assert.deepEqual([...result.changedIds].sort(), changedIds.sort());
      assert.equal(result.unchanged, last.size - insertedIds.length - changedIds.length);
      for (const [key, value] of last) model.set(key, value);
      return;
    }
    case "insert": {
      const last = new Map(one.docs.map((each) => [each.id, each]));
      const missing = [...last.keys()].filter((key) => !model.has(key));
      assert.deepEqual([...(await real.insertMissing(one.docs)).insertedIds].sort(), missing.sort());
      for (const key of missing) model.set(key, last.get(key)!);
      return;
    }
    case "any": {
      const field = { byGroup: "group", byDay: "day", id: "id" }[one.index]!;
      const byId = [...model.values()].sort(byFields(["id"]));
      const expected = [...new Set(one.values)].flatMap((value) =>
        byId.filter((each) => each[field] === value),
      );
      assert.equal(canonicalJson(await real.findAny(one.index, one.values)), canonicalJson(expected));
      return;
    }
    case "update": {
      const stored = model.get(one.id);
      const held =
        stored !== undefined &&
        Object.entries(one.expected).every(([field, want]) => (stored[field] ?? null) === want);
      const { updatedIds, conflictIds } = await real.updateMany([one]);
      assert.deepEqual([updatedIds, conflictIds], held ? [[one.id], []] : [[], [one.id]]);
      if (held) {
        const next: Record_ = { ...stored, ...one.set };
        for (const [field, value] of Object.entries(one.set)) if (value === undefined) delete next[field];
        model.set(one.id, next);
      }
      return;
    }
    case "delete": {
      const there = new Set(one.ids.filter((key) => model.has(key)));
      assert.equal(await real.deleteMany(one.ids), there.size);
      for (const key of there) model.delete(key);
      return;
    }
    case "find": {
      const wanted = expectedRange([...model.values()], one.query);
      const { limit: _limit, ...whole } = one.query;
      const found: Record_[] = [];
      let after: string | undefined;
      do {
        const page = await real.find({ ...one.query, ...(after === undefined ? {} : { after }) });
        found.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      assert.equal(canonicalJson(found), canonicalJson(wanted));
      const scanned: Record_[] = [];
      for await (const item of real.scan(whole)) scanned.push(item);
      assert.equal(canonicalJson(scanned), canonicalJson(wanted));
      assert.equal(await real.count(whole), wanted.length);
    }
  }
}

const FIELDS: Record<string, string[]> = {
  byGroup: ["group", "rank", "id"],
  byDay: ["day", "id"],
  id: ["id"],
};

function expectedRange(docs: Record_[], query: RangeQuery): Record_[] {
  const fields = FIELDS[query.index]!;
  const equals = query.equals ?? [];
  const next = fields[equals.length];
  const found = docs.filter((each) => {
    if (!equals.every((want, i) => (each[fields[i]!] ?? null) === want)) return false;
    if (query.from === undefined && query.to === undefined) return true;
    const value = (each[next!] ?? null) as Scalar;
    if (query.to === null) return false;
    if (value === null) return query.from === null;
    if (query.from !== undefined && query.from !== null && order(value, query.from) < 0) return false;
    return query.to === undefined || order(value, query.to) < 0;
  });
  found.sort(byFields(fields));
  return query.order === "desc" ? found.reverse() : found;
}

function byFields(fields: string[]): (a: Record_, b: Record_) => number {
  return (a, b) => {
    for (const field of fields) {
      const by = order((a[field] ?? null) as Scalar, (b[field] ?? null) as Scalar);
      if (by !== 0) return by;
    }
    return 0;
  };
}

function order(a: Scalar, b: Scalar): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) - Number(b);
}
