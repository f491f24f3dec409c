import assert from "node:assert/strict";
import fc from "fast-check";
import {
  asOf,
  FOREVER,
  HISTORY_ENTITIES,
  historyStep,
  recordHistory,
  versionsOf,
  type Snapshot,
} from "../../lib/history";
import { categories, type Store } from "../../lib/store";
import { crashingStore } from "../support/crashing-store";
import { memoryStore, stepContext } from "../support/context";

const at = (day: number) => `2026-01-${String(day).padStart(2, "0")}T00:00:00.000Z`;
const row = (key: string, name: string, more: Partial<Snapshot> = {}): Snapshot => ({
  key,
  attributes: { name },
  ...more,
});

async function state(store: Store, instant: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for await (const version of asOf(store, "things", instant)) found[version.key] = version.attributes["name"];
  return found;
}

describe("SCD2 history", () => {
  let store: Store;
  beforeEach(async () => (store = await memoryStore()));
  afterEach(() => store.close());
  const record = (rows: Snapshot[], day: number, full = false, into: Store = store) =>
    recordHistory(into, "things", rows, { at: at(day), full });

  it("opens, closes and reads back any instant", async () => {
    assert.deepEqual(await record([row("a", "one"), row("b", "two")], 1), {
      opened: 2,
      closed: 0,
      deleted: 0,
      overwritten: 0,
      unchanged: 0,
    });
    assert.deepEqual(await record([row("a", "uno")], 5), {
      opened: 1,
      closed: 1,
      deleted: 0,
      overwritten: 0,
      unchanged: 0,
    });
    assert.deepEqual(await state(store, at(4)), { a: "one", b: "two" });
    assert.deepEqual(await state(store, at(5)), { a: "uno", b: "two" });
    const versions = await versionsOf(store, "things", "a");
    assert.deepEqual(
      versions.map((v) => [v.validFrom, v.validTo, v.isCurrent]),
      [
        [at(1), at(5), false],
        [at(5), FOREVER, true],
      ],
    );
  });

  it("writes nothing for what did not change, and overwrites SCD1 attributes in place", async () => {
    await record([row("a", "one", { overwritten: { balance: 1 } })], 1);
    assert.equal((await record([row("a", "one", { overwritten: { balance: 1 } })], 2)).unchanged, 1);
    assert.equal((await record([row("a", "one", { overwritten: { balance: 2 } })], 3)).overwritten, 1);
    const [version] = await versionsOf(store, "things", "a");
    assert.deepEqual([version!.validFrom, version!.overwritten], [at(1), { balance: 2 }]);
  });

  it("keeps a deletion as a closed row, from a tombstone and from a full load, and a return as a new one", async () => {
    await record([row("a", "one"), row("b", "two")], 1);
    await record([row("a", "one", { deleted: true })], 2);
    await record([row("a", "again"), row("b", "two")], 4);
    await record([row("a", "again")], 5, true);
    assert.deepEqual(await state(store, at(3)), { b: "two" });
    assert.deepEqual(await state(store, at(4)), { a: "again", b: "two" });
    assert.deepEqual(await state(store, at(6)), { a: "again" });
    assert.equal((await versionsOf(store, "things", "b"))[0]!.deletedAtEnd, true);
  });

  it("refuses a full load that would close too much, and closes nothing", async () => {
    const rows = Array.from({ length: 50 }, (_, n) => row(`k${n}`, "x"));
    await record(rows, 1);
    await assert.rejects(record(rows.slice(0, 30), 2, true), { code: "HISTORY_GUARD" });
    assert.equal(Object.keys(await state(store, at(3))).length, 50);
    assert.equal(
      (await recordHistory(store, "things", rows.slice(0, 30), { at: at(4), full: true, guardShare: 0.5 }))
        .deleted,
      20,
    );
  });

  it("is completed by the next load wherever a load is killed", async () => {
    for (let dieAt = 1; dieAt <= 6; dieAt++) {
      for (const when of ["before", "after"] as const) {
        const fresh = await memoryStore();
        await record([row("a", "1"), row("b", "1"), row("c", "1")], 1, true, fresh);
        const second = [row("a", "2"), row("b", "1"), row("d", "1")];
        await record(second, 2, true, crashingStore(fresh, dieAt, when)).catch(() => undefined);
        await record(second, 3, true, fresh);
        assert.deepEqual(await state(fresh, at(4)), { a: "2", b: "1", d: "1" });
        assert.deepEqual(await state(fresh, at(1)), { a: "1", b: "1", c: "1" });
        await fresh.close();
      }
    }
  });

  it("reads any past instant as it was (property)", async function () {
    this.timeout(60_000);
    const load = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 2 }));
    await fc.assert(
      fc.asyncProperty(fc.array(load, { minLength: 1, maxLength: 8 }), async (loads) => {
        const fresh = await memoryStore();
        for (const [n, keys] of loads.entries())
          await record(
            Object.entries(keys).map(([key, value]) => row(key, String(value))),
            n + 1,
            true,
            fresh,
          );
        for (const [n, keys] of loads.entries()) {
          const wanted = Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, String(value)]));
          assert.deepEqual(await state(fresh, at(n + 1)), wanted);
        }
        await fresh.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe("the history step", () => {
  it("keeps what the store holds, and closes tombstones", async () => {
    const store = await memoryStore();
    const category = { id: "x:food", budgetId: "x:b", name: "Food", hidden: false, deleted: false };
    await store.collection(categories).upsertMany([category]);
    const first = await historyStep(stepContext(store), { entities: ["categories"] });
    assert.equal(first.counts["opened"], 1);
    await store.collection(categories).upsertMany([{ ...category, name: "Groceries", deleted: true }]);
    const second = await historyStep(stepContext(store), { entities: ["categories"] });
    assert.equal(second.counts["deleted"], 1);
    assert.deepEqual(
      (await versionsOf(store, "categories", "x:food")).map((v) => v.attributes["name"]),
      ["Food"],
    );
    await store.close();
  });

  it("names the entities there are when asked for another", async () => {
    const store = await memoryStore();
    await assert.rejects(historyStep(stepContext(store), { entities: ["paymnts"] }), (error: Error) =>
      error.message.includes(HISTORY_ENTITIES.join(", ")),
    );
    await store.close();
  });
});
