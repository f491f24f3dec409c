import assert from "node:assert/strict";
import fc from "fast-check";
import { announce, decide, press, undo } from "../../lib/review";
import { decisions, reviews, rules, type Store } from "../../lib/store";
import { Killed, crashingStore } from "../support/crashing-store";
import type { Bench } from "../queue/bench";
import {
  at,
  BUDGET,
  classify,
  decisionOf,
  FOOD,
  FUN,
  itemId,
  openBench,
  pass,
  RENT,
  reviewOf,
  waiting,
} from "./bench";

const AH = "ALBERT HEIJN";
const ROWS = [at(AH, "1"), at(AH, "2"), at(AH, "3"), at("SHELL STATION", "4")];
const SIMILAR = ["1", "2", "3"];

/** Kill between any two writes; what is left is completed by the next run, or by the same call again. */
describe("review under kills", function () {
  this.timeout(120_000);

  async function fresh(): Promise<Bench> {
    const bench = await openBench();
    await waiting(bench, ROWS);
    return bench;
  }
  const request = {
    ids: [itemId("1")],
    categoryId: RENT,
    applyToSimilar: true,
    makeRule: true,
    act: "act:one",
  };
  const deciding = (bench: Bench, store: Store) => decide(store, request, bench.clock.now);

  async function writesOf(work: (bench: Bench, store: Store) => Promise<unknown>): Promise<number> {
    const bench = await fresh();
    const whole = crashingStore(bench.store, Infinity, "before");
    await work(bench, whole);
    await bench.store.close();
    return whole.writes;
  }

  /** All of one mind: item, decision and review say the same, and nothing is pending. */
  async function consistent(bench: Bench): Promise<void> {
    assert.equal(
      await bench.store.collection(decisions).count({ index: "byPending", equals: [BUDGET, true] }),
      0,
    );
    for (const id of ["1", "2", "3", "4"]) {
      const [item, decision, review] = [
        await bench.item(id),
        await decisionOf(bench, id),
        await reviewOf(bench, id),
      ];
      const standing = decision && !decision.undoneAt ? decision : undefined;
      if (item.decision) {
        assert.equal(item.decision, standing?.act);
        assert.equal(item.categoryId ?? null, standing?.categoryId);
      } else if (item.state === "review")
        assert.equal(standing, undefined, `${id} waits although it is decided`);
      assert.equal(review?.chosenCategoryId ?? null, standing?.categoryId ?? null);
    }
  }

  it("decides all or is asked again, wherever it is killed, and each payment is written once", async () => {
    const writes = await writesOf(deciding);
    assert.ok(writes >= 5, `${writes} writes to be killed at`);
    for (let dieAt = 1; dieAt <= writes; dieAt++)
      for (const when of ["before", "after"] as const) {
        const bench = await fresh();
        await assert.rejects(deciding(bench, crashingStore(bench.store, dieAt, when)), Killed);
        await pass(bench);
        await consistent(bench);
        // The person presses again.
        await deciding(bench, bench.store);
        await pass(bench);
        await consistent(bench);
        for (const id of SIMILAR) {
          const item = await bench.item(id);
          assert.deepEqual([item.state, item.categoryId], ["synced", RENT], `${when} write ${dieAt}`);
        }
        assert.equal((await bench.item("4")).state, "review");
        assert.equal(bench.budget.rows.length, 3, "each is written once");
        assert.equal(await bench.store.collection(rules).count({ index: "id" }), 1, "one rule");
        await bench.store.close();
      }
  });

  it("undoes all or nothing, wherever it is killed", async () => {
    const undoing = (bench: Bench, store: Store) => undo(store, request.act, bench.clock.now);
    const writes = await writesOf(async (bench, store) => {
      await deciding(bench, bench.store);
      await undoing(bench, store);
    });
    assert.ok(writes >= 4, `${writes} writes to be killed at`);
    for (let dieAt = 1; dieAt <= writes; dieAt++)
      for (const when of ["before", "after"] as const) {
        const bench = await fresh();
        await deciding(bench, bench.store);
        await assert.rejects(undoing(bench, crashingStore(bench.store, dieAt, when)), Killed);
        await classify(bench);
        await consistent(bench);
        await undoing(bench, bench.store);
        await classify(bench);
        await consistent(bench);
        for (const id of SIMILAR)
          assert.equal((await bench.item(id)).state, "review", `${when} write ${dieAt}`);
        assert.equal(await bench.store.collection(rules).count({ index: "id" }), 0);
        assert.equal(await bench.store.collection(reviews).count({ index: "id" }), 0);
        await bench.store.close();
      }
  });

  it("tells of every payment, and of each group at most twice, wherever telling is killed", async () => {
    const telling = (bench: Bench, store: Store) => announce(store, { budgetId: BUDGET }, bench.clock.now);
    const writes = await writesOf(telling);
    assert.ok(writes >= 4, `${writes} writes to be killed at`);
    for (let dieAt = 1; dieAt <= writes; dieAt++)
      for (const when of ["before", "after"] as const) {
        const bench = await fresh();
        await assert.rejects(telling(bench, crashingStore(bench.store, dieAt, when)), Killed);
        const marked = (await bench.items()).filter((item) => item.announcedAt).length;
        const messages = await telling(bench, bench.store);
        assert.equal(messages.length === 0, marked === 4, `${when} write ${dieAt}`);
        assert.ok((await bench.items()).every((item) => item.announcedAt));
        assert.deepEqual(await telling(bench, bench.store), []);
        for (const { actions } of messages)
          assert.equal((await press(bench.store, actions[1]!.id, bench.clock.now)).category, "rent");
        await bench.store.close();
      }
  });

  it("stays of one mind under any sequence of decisions, undos, runs and kills of several people", async () => {
    const event = fc.record({
      what: fc.constantFrom("decide", "decide", "all", "undo", "run"),
      id: fc.constantFrom("1", "2", "3", "4"),
      categoryId: fc.constantFrom(FOOD, RENT, FUN, null),
      dieAt: fc.integer({ min: 0, max: 8 }),
      when: fc.constantFrom("before" as const, "after" as const),
      /** Together with the event before. */
      atOnce: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        const bench = await fresh();
        let going: Promise<unknown>[] = [];
        const last: string[] = ["act:none"];
        for (const { what, id, categoryId, dieAt, when, atOnce } of events) {
          if (!atOnce) {
            await Promise.all(going);
            going = [];
          }
          const store = dieAt === 0 ? bench.store : crashingStore(bench.store, dieAt, when);
          const work = async (): Promise<unknown> => {
            if (what === "run") return pass(bench);
            if (what === "undo") return undo(store, last.at(-1)!, bench.clock.now);
            const applyToSimilar = what === "all";
            const done = await decide(
              store,
              { ids: [itemId(id)], categoryId, applyToSimilar },
              bench.clock.now,
            );
            return last.push(done.act);
          };
          going.push(
            work().catch((error: unknown) => {
              if (!(error instanceof Killed))
                assert.equal((error as { code?: string }).code, "NOT_FOUND", String(error));
            }),
          );
        }
        await Promise.all(going);
        await classify(bench);
        await consistent(bench);
        await pass(bench);
        await pass(bench);
        const written = new Map<string, number>();
        for (const { importId } of bench.budget.rows)
          written.set(importId!, (written.get(importId!) ?? 0) + 1);
        for (const item of await bench.items()) {
          assert.equal(written.get(item.importId) ?? 0, item.state === "synced" ? 1 : 0, item.state);
          const row = bench.budget.rows.find(({ importId }) => importId === item.importId);
          if (row)
            assert.equal(
              row.categoryId ?? null,
              (await decisionOf(bench, item.paymentId.slice(5)))!.categoryId,
            );
        }
        await bench.store.close();
      }),
      { numRuns: 50 },
    );
  });
});
