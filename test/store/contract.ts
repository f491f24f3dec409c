import assert from "node:assert/strict";
import { code, items, type Bench, type Fixture } from "./contract-bench";
import { reads } from "./contract-reads";
import { work } from "./contract-work";
import { writes } from "./contract-writes";
import { checkModel } from "./model";

export type { Fixture } from "./contract-bench";

/** Every sentence of lib/store/port.ts as a test, for one adapter. */
export function contract(fixture: () => Fixture): void {
  const bench = { fixture } as Bench;

  before(async () => {
    bench.store = await fixture().open();
    bench.other = await fixture().open();
  });
  after(async () => {
    await bench.store.close();
    await bench.other.close();
  });
  beforeEach(() => {
    const def = items();
    bench.c = bench.store.collection(def);
    bench.d = bench.other.collection(def);
  });

  writes(bench);
  reads(bench);
  work(bench);

  it("behaves as a map of documents does (model)", async function () {
    this.timeout(300_000);
    await checkModel(() => bench.store.collection(items()), fixture().propertyRuns);
  });

  it("refuses names that cannot be names", () => {
    for (const name of ['x"; DROP TABLE y', "", "sqlite_x", "a.b"]) {
      assert.throws(
        () => bench.store.collection({ name, shardKey: "id", indexes: [] }),
        code("CONFIG_INVALID"),
      );
    }
    const indexes = [{ name: "i", fields: ["a') --"] }];
    assert.throws(
      () => bench.store.collection({ name: "x", shardKey: "id", indexes }),
      code("CONFIG_INVALID"),
    );
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
