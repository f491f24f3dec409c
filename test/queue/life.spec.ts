import assert from "node:assert/strict";
import fc from "fast-check";
import { listBatches, requeue, undoBatch } from "../../lib/queue";
import { payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import type { Fault } from "../support/memory-budget";
import { Bench } from "./bench";

/** What may happen to a queue: passes, undo and requeue, each possibly killed, and a budget that fails. */
interface Event {
  what: "pass" | "undo" | "import again" | "requeue dead" | "person deletes" | "person approves";
  /** At which write of the store it is killed; not at all when 0. */
  dieAt: number;
  when: "before" | "after";
  fault: Fault;
}

const event: fc.Arbitrary<Event> = fc.record({
  what: fc.constantFrom(
    "pass",
    "pass",
    "undo",
    "undo",
    "import again",
    "requeue dead",
    "person deletes",
    "person approves",
  ),
  dieAt: fc.integer({ min: 0, max: 12 }),
  when: fc.constantFrom("before", "after"),
  fault: fc.constantFrom<Fault>("none", "none", "refuse-all", "drop-before", "drop-after", "drop-half"),
});

const IDS = ["1", "2", "3", "4", "5"];

describe("the life of queue items", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  /** Rows that stand, by payment. */
  const standing = (amount: number) =>
    bench.budget.rows.filter((row) => !row.deleted && row.amount === amount);

  async function happen({ what, fault }: Event, worker: string): Promise<void> {
    const now = bench.clock.now;
    if (what === "pass") {
      bench.budget.faults = [fault];
      await bench.pass({ worker });
    } else if (what === "undo") {
      for (const { id } of (await listBatches(bench.store, { limit: 2 })).batches)
        await undoBatch(bench.store, bench.budget, id, { now });
    } else if (what === "import again") await requeue(bench.store, { reason: "undone" }, { now });
    else if (what === "requeue dead") await requeue(bench.store, { state: "dead" }, { now });
    else {
      const row = bench.budget.rows.find((one) => !one.deleted);
      if (row && what === "person deletes") row.deleted = true;
      if (row && what === "person approves") row.approved = true;
    }
  }

  it("never puts a payment into the budget twice, whatever happens in which order, and ends as the queue says", async function () {
    this.timeout(180_000);
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 14 }), async (events) => {
        await bench.reset();
        await bench.arrive(...IDS.map((id) => payment(id, { amount: -100 * Number(id) })));
        for (const [at, one] of events.entries()) {
          const whole = bench.store;
          if (one.dieAt > 0) bench.store = crashingStore(whole, one.dieAt, one.when);
          await happen(one, `here#${at}`).catch((error: Error) => assert.ok(error.message));
          bench.store = whole;
          bench.clock.advance(3_600_000);
          for (const id of IDS)
            assert.ok(
              standing(-100 * Number(id)).length <= 1,
              `payment ${id} stands twice after ${one.what}`,
            );
        }
        bench.budget.faults = [];
        for (let pass = 0; pass < 3; pass++) {
          await bench.pass({ worker: "here#last" });
          bench.clock.advance(3_600_000);
        }
        for (const id of IDS) {
          const item = await bench.item(id);
          const rows = standing(-100 * Number(id));
          const gone = bench.budget.rows.some((row) => row.deleted && row.amount === -100 * Number(id));
          assert.ok(item.state === "synced" || item.skipReason === "undone", `${id}: ${item.state}`);
          if (rows.length > 0) assert.deepEqual([item.state, rows[0]!.importId], ["synced", item.importId]);
          else assert.ok(gone, `payment ${id} was lost`);
          if (item.skipReason === "undone") assert.equal(rows.length, 0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
