import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { queueSync, undoBatch } from "../../lib/queue";
import { openStore, type Store } from "../../lib/store";
import { MAPPING, payment, stepContext } from "../support/context";
import { gate } from "../support/gate";
import { Bench } from "./bench";

/** Workers in this process, each with a store of its own on one file, and a clock that all of them see. */
describe("several workers on one store", () => {
  let folder: string;
  let bench: Bench;
  let stores: Store[];
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-workers-"));
    stores = [];
    for (let n = 0; n < 4; n++)
      stores.push(await openStore({ kind: "sqlite", path: path.join(folder, "store.db") }));
    bench = await Bench.open(stores[0]);
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const LEASE = 60_000;
  const worker = (n: number) =>
    queueSync(stepContext(stores[n]!, bench.clock), bench.budget, {
      worker: `worker:${n}`,
      mapping: MAPPING,
      leaseMs: LEASE,
    });

  async function classified(count: number): Promise<void> {
    await bench.arrive(...Array.from({ length: count }, (_, n) => payment(`p${n}`, { amount: -100 - n })));
    await bench.classify();
  }

  /** Every payment stands once, and the queue says so. */
  async function assertOnce(count: number): Promise<void> {
    const written = bench.budget.rows.map((row) => row.importId);
    assert.equal(new Set(written).size, written.length);
    assert.equal(written.length, count);
    for (const item of await bench.items()) {
      assert.equal(item.state, "synced", item.id);
      assert.equal(bench.budget.rows.find((row) => row.id === item.transactionId)?.importId, item.importId);
    }
  }

  it("share what there is, each item in one worker's hands", async () => {
    await classified(95);
    // The first request waits until another worker sends one too: they work at the same time.
    let second = () => {};
    const joined = new Promise<void>((resolve) => (second = resolve));
    let requests = 0;
    bench.budget.slow = async (when) => {
      if (when === "after") return;
      if (++requests === 1) await joined;
      else second();
    };
    const results = await Promise.all([0, 1, 2, 3].map(worker));
    assert.equal(
      results.reduce((sum, result) => sum + result.counts["synced"]!, 0),
      95,
    );
    assert.equal(
      results.reduce((sum, result) => sum + result.counts["duplicates"]!, 0),
      0,
    );
    await assertOnce(95);
    const batchIds = results.flatMap((result) => result.batchIds);
    assert.equal(new Set(batchIds).size, batchIds.length);
    for (const batchId of batchIds)
      await undoBatch(bench.store, bench.budget, batchId, { now: bench.clock.now });
    assert.ok(
      bench.budget.rows.every((row) => row.deleted),
      "each batch knows what it wrote",
    );
  });

  it("leave a held item alone until its lease ends", async () => {
    await classified(3);
    let seen: Record<string, number> | undefined;
    bench.budget.slow = async (when) => {
      if (when === "after" || seen) return;
      seen = {};
      bench.clock.advance(LEASE - 1000);
      seen = (await worker(1)).counts;
    };
    await worker(0);
    assert.deepEqual([seen?.["synced"], seen?.["recovered"]], [0, 0]);
    await assertOnce(3);
  });

  for (const when of ["before", "after"] as const) {
    it(`take over after the lease; the slow one, late ${when} its rows were written, changes nothing any more`, async () => {
      await classified(3);
      let entered = false;
      let takenOver: Awaited<ReturnType<typeof bench.items>> = [];
      bench.budget.slow = async (at) => {
        if (at !== when || entered) return;
        entered = true;
        bench.clock.advance(LEASE + 1000);
        await worker(1);
        takenOver = await bench.items();
        assert.ok(takenOver.every((item) => item.state === "synced"));
      };
      const slow = await worker(0);
      assert.ok(entered);
      assert.equal(slow.counts["synced"], 0);
      assert.equal(slow.counts["lost"], 3);
      assert.deepEqual(await bench.items(), takenOver, "the state of the second stands");
      await assertOnce(3);
    });
  }

  it("do not let a slow one that fails take back what the second has written", async () => {
    await classified(3);
    bench.budget.faults = ["drop-before"];
    let entered = false;
    bench.budget.slow = async () => {
      if (entered) return;
      entered = true;
      bench.clock.advance(LEASE + 1000);
      bench.budget.faults = [];
      await worker(1);
      bench.budget.faults = ["refuse-all"];
    };
    await assert.rejects(worker(0), { code: "PROVIDER_UNAVAILABLE" });
    await assertOnce(3);
  });

  for (const second of [0, 1]) {
    it(`do not let go of what is in the hands of ${second === 0 ? "another pass of the same" : "another"} worker`, async () => {
      await classified(3);
      const late = gate();
      const entered = gate();
      let first = true;
      const slow: Promise<unknown>[] = [];
      bench.budget.slow = async (when) => {
        if (when === "after") return;
        if (first) {
          first = false;
          entered.open();
          await late.promise;
          bench.budget.faults = ["refuse-all"];
          return;
        }
        // The second worker is sending now; the first one wakes up, and its request fails.
        const held = await bench.items();
        assert.ok(held.every((item) => item.state === "sending"));
        late.open();
        await Promise.all(slow);
        assert.deepEqual(await bench.items(), held);
      };
      slow.push(assert.rejects(worker(0), { code: "PROVIDER_UNAVAILABLE" }));
      await entered.promise;
      bench.clock.advance(LEASE + 1000);
      // The same name, as two flows of one Node-RED have it.
      assert.equal((await worker(second)).counts["synced"], 3);
      await assertOnce(3);
    });
  }

  it("do not send at all when the lease ended before the request", async () => {
    await classified(2);
    const store = stores[0]!;
    const slowStore: Store = {
      ...store,
      kind: store.kind,
      schemaVersion: () => store.schemaVersion(),
      ping: () => store.ping(),
      close: () => store.close(),
      collection: (def) => {
        const collection = store.collection(def);
        return new Proxy(collection, {
          get(target, name: keyof typeof collection) {
            if (name !== "updateMany") {
              const member = target[name];
              return typeof member === "function" ? (member as () => unknown).bind(target) : member;
            }
            return async (updates: Parameters<typeof target.updateMany>[0]) => {
              const result = await target.updateMany(updates);
              // The process hangs right after it has stored that it is sending.
              if (updates.some(({ set }) => (set as { state?: string }).state === "sending"))
                bench.clock.advance(LEASE + 1000);
              return result;
            };
          },
        });
      },
    };
    const calls = bench.budget.calls;
    const result = await queueSync(stepContext(slowStore, bench.clock), bench.budget, {
      worker: "worker:0",
      mapping: MAPPING,
      leaseMs: LEASE,
    });
    assert.deepEqual([result.counts["lost"], result.counts["synced"]], [2, 0]);
    assert.equal(bench.budget.calls, calls, "nothing was asked of the budget");
    await worker(1);
    await assertOnce(2);
  });

  it("of one name are told apart by their batches", async () => {
    await classified(2);
    let entered = false;
    bench.budget.slow = async (when) => {
      if (when === "after" || entered) return;
      entered = true;
      bench.clock.advance(LEASE + 1000);
      await worker(0);
    };
    const slow = await worker(0);
    assert.deepEqual([slow.counts["synced"], slow.counts["lost"]], [0, 2]);
    await assertOnce(2);
  });
});
