import assert from "node:assert/strict";
import { listBatches, requeue, undoBatch, type UndoResult } from "../../lib/queue";
import { queue, type Payment } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { MAPPING, payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import { Bench } from "./bench";

const DAY_MS = 86_400_000;

/** What was written and then changed to what the bank booked, by us and not by a person. */
describe("undo of what was changed since", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const undo = (batchId: string): Promise<UndoResult> =>
    undoBatch(bench.store, bench.budget, batchId, { now: bench.clock.now });
  /** What of ours stands in the budget. */
  const ours = () => bench.budget.rows.filter((row) => row.importId?.startsWith("TF1:") && !row.deleted);
  const paymentsOf = (items: readonly { paymentId: string }[]) => items.map((one) => one.paymentId).sort();
  const down = new TallyError("PROVIDER_UNAVAILABLE", "Not now.", { retryable: true });

  /** Nothing that was undone is written again, however often the queue is sent. */
  async function assertStaysUndone(passes = 3): Promise<void> {
    const rows = bench.budget.rows.length;
    for (let n = 0; n < passes; n++) {
      bench.clock.advance(6 * 3_600_000);
      await bench.pass();
    }
    assert.equal(bench.budget.rows.length, rows, "nothing is written again");
    assert.deepEqual(ours(), []);
  }

  /** One payment is as one that a person entered for another: it is set apart, and "other" is not. */
  async function apart(): Promise<void> {
    bench.budget.limits.ownMatchDays = 10;
    bench.budget.enter({ accountId: "memory:a1", date: "2026-02-10", amount: -700 });
    await bench.arrive(payment("entered", { amount: -700 }));
    await bench.pass();
    await bench.arrive(payment("apart", { amount: -700, date: "2026-02-14" }), payment("other"));
  }

  describe("a payment set apart from what a person entered for another", () => {
    it("goes with the batch that imported it, once, and so does all that the run wrote", async () => {
      await apart();
      const { batchIds, counts } = await bench.pass();
      assert.deepEqual([counts["synced"], counts["revised"], batchIds.length], [2, 1, 2]);
      assert.deepEqual(paymentsOf((await undo(batchIds[0]!)).undone), ["bank:apart", "bank:other"]);
      for (const batchId of [batchIds[0]!, batchIds[1]!]) {
        const again = await undo(batchId);
        assert.deepEqual([again.undone, again.refused], [[], []]);
      }
      assert.deepEqual(
        bench.budget.rows.map((row) => [row.amount, row.deleted]).sort(),
        [
          [-1000, true],
          [-700, false],
          [-700, true],
        ].sort(),
      );
      await assertStaysUndone();
    });

    it("goes with the batch that changed it too, and then not once more with the other", async () => {
      await apart();
      const { batchIds } = await bench.pass();
      assert.deepEqual(paymentsOf((await undo(batchIds[1]!)).undone), ["bank:apart"]);
      const { undone, gone } = await undo(batchIds[0]!);
      assert.deepEqual([paymentsOf(undone), paymentsOf(gone)], [["bank:other"], ["bank:apart"]]);
      await assertStaysUndone();
    });

    it("is listed in both batches, and counted in both", async () => {
      await apart();
      await bench.pass();
      const listed = (await listBatches(bench.store)).batches;
      assert.deepEqual(listed.map(({ items, states, revises }) => [items, states, revises]).sort(), [
        [1, { synced: 1 }, true],
        [2, { synced: 2 }, undefined],
      ]);
    });

    it("is imported again once when a person asks, and belongs to the new batch alone", async () => {
      await apart();
      const first = await bench.pass();
      await undo(first.batchIds[0]!);
      const asked = { batchId: first.batchIds[0]! };
      assert.equal((await requeue(bench.store, asked, { now: bench.clock.now })).requeued, 2);
      const second = await bench.pass();
      assert.deepEqual(
        ours()
          .map((row) => row.amount)
          .sort(),
        [-1000, -700],
      );
      for (const batchId of first.batchIds) assert.equal((await undo(batchId)).undone.length, 0);
      assert.equal(ours().length, 2);
      assert.equal((await undo(second.batchIds[0]!)).undone.length, 2);
      await assertStaysUndone();
    });

    for (const [what, fail] of [
      ["the budget went away before its own amount was set", { when: "before", error: down }],
      ["the budget was asked too often", { when: "before", error: new TallyError("RATE_LIMITED", "Wait.") }],
    ] as const) {
      it(`goes with the batch that imported it when ${what}`, async () => {
        await apart();
        bench.budget.changeFaults = [fail];
        await assert.rejects(bench.pass(), { code: fail.error.code });
        const item = await bench.item("apart");
        assert.equal(item.state, "retry");
        assert.deepEqual(paymentsOf((await undo(item.batchId!)).undone), ["bank:apart", "bank:other"]);
        assert.equal((await bench.item("apart")).skipReason, "undone");
        await assertStaysUndone();
      });
    }

    it("goes with it when it got its amount in a later pass", async () => {
      await apart();
      bench.budget.changeFaults = [{ when: "before", error: down }];
      await assert.rejects(bench.pass());
      const { batchId } = await bench.item("apart");
      bench.clock.advance(DAY_MS);
      assert.equal((await bench.pass()).counts["revised"], 1);
      assert.deepEqual(paymentsOf((await undo(batchId!)).undone), ["bank:apart", "bank:other"]);
      await assertStaysUndone();
    });

    it("is not taken for changed by a person when it got its amount and no answer came", async () => {
      await apart();
      bench.budget.changeFaults = [{ when: "after", error: down }];
      const { read } = bench.budget;
      bench.budget.read = () => Promise.reject(down);
      await assert.rejects(bench.pass({ worker: "here#0" }), { code: "PROVIDER_UNAVAILABLE" });
      const { batchId } = await bench.item("apart");
      bench.budget.read = read;
      assert.deepEqual(
        (await undo(batchId!)).refused.map(({ reason }) => reason),
        ["in-hand"],
        "the worker may be at work yet",
      );
      // The worker is gone, and the budget away again: what it held waits.
      bench.budget.read = () => Promise.reject(down);
      await assert.rejects(bench.pass());
      bench.budget.read = read;
      assert.equal((await bench.item("apart")).state, "classified");
      assert.deepEqual(paymentsOf((await undo(batchId!)).undone), ["bank:apart"]);
      await assertStaysUndone();
    });

    it("is left alone when a person changed it meanwhile", async () => {
      await apart();
      bench.budget.changeFaults = [{ when: "before", error: down }];
      await assert.rejects(bench.pass());
      const { batchId, transactionId } = await bench.item("apart");
      bench.budget.rows.find((row) => row.id === transactionId)!.memo = "mine";
      const { undone, refused } = await undo(batchId!);
      assert.deepEqual(paymentsOf(undone), ["bank:other"]);
      assert.match(refused[0]!.message, /memo/);
      assert.equal(ours().length, 1);
    });

    it("goes, with all else, wherever the pass was killed, and is not written twice", async function () {
      this.timeout(120_000);
      for (const when of ["before", "after"] as const) {
        for (let dieAt = 1; ; dieAt++) {
          await bench.reset();
          await apart();
          const whole = bench.store;
          bench.store = crashingStore(whole, dieAt, when);
          const died = await bench.pass({ worker: "here#0" }).then(
            () => false,
            () => true,
          );
          bench.store = whole;
          bench.clock.advance(1000);
          // Once right after the kill, and once after the pass that goes on with what was in hand.
          for (let n = 0; n < 2; n++) {
            const written = (await listBatches(bench.store)).batches.filter((batch) => !batch.revises);
            for (const { id } of written) await undo(id);
            if (n === 0) await bench.pass();
          }
          assert.deepEqual(ours(), [], `killed ${when} write ${dieAt}`);
          const ids = bench.budget.rows.flatMap((row) => row.importId ?? []);
          assert.deepEqual([ids.length, new Set(ids).size], [2, 2], `killed ${when} write ${dieAt}`);
          await assertStaysUndone(1);
          const left = (await bench.items()).filter((item) => item.paymentId !== "bank:entered");
          assert.ok(
            left.every((item) => item.skipReason === "undone"),
            `killed ${when} write ${dieAt}`,
          );
          if (!died) {
            assert.ok(dieAt > 8, "there were writes to be killed at");
            break;
          }
        }
      }
    });
  });

  describe("a payment that was written while pending", () => {
    const waiting = (id: string, parts: Partial<Payment> = {}) =>
      payment(id, { status: "pending", ...parts });
    const see = async (...rows: Payment[]) => {
      await bench.extract(rows, { listsPending: true });
      return bench.pass();
    };
    const name = { counterparty: { name: "Hotel Zon" }, description: "Hotel Zon" };
    const booked = (id: string) => payment(id, { ...name, amount: -1150, date: "2026-02-12" });
    /** @returns the batch that wrote it */
    async function pending(): Promise<string> {
      bench.mapping = [{ ...MAPPING[0]!, rules: { pending: "write" } }, MAPPING[1]!];
      await see();
      const { batchIds } = await see(waiting("1", name));
      bench.clock.advance(3_600_000);
      return batchIds[0]!;
    }

    for (const [how, id] of [
      ["under the same id", "1"],
      ["under another id", "later"],
    ] as const) {
      it(`goes with the batch that wrote it when it was booked since ${how}`, async () => {
        const batchId = await pending();
        const revision = (await see(booked(id))).batchIds[0]!;
        assert.deepEqual(
          ours().map((row) => [row.amount, row.cleared]),
          [[-1150, "cleared"]],
        );
        const [change, first] = (await listBatches(bench.store)).batches;
        assert.deepEqual([change!.states, first!.states], [{ synced: 1 }, { synced: 1 }]);
        assert.deepEqual(paymentsOf((await undo(batchId)).undone), [`bank:${id}`]);
        assert.deepEqual(paymentsOf((await undo(revision)).gone), [`bank:${id}`]);
        await see(booked(id));
        await assertStaysUndone();
      });

      it(`goes with it when its change to what was booked ${how} was refused`, async () => {
        const batchId = await pending();
        const [row] = ours();
        bench.budget.locked.add(row!.id);
        await see(booked(id));
        assert.equal((await bench.item(id)).state, "dead");
        assert.deepEqual(
          (await undo(batchId)).refused.map(({ reason }) => reason),
          ["refused"],
        );
        bench.budget.locked.clear();
        assert.deepEqual(paymentsOf((await undo(batchId)).undone), [`bank:${id}`]);
        await see(booked(id));
        await assertStaysUndone();
      });
    }

    it("is tried again with the batch in which its change was refused", async () => {
      const batchId = await pending();
      bench.budget.locked.add(ours()[0]!.id);
      const revision = (await see(booked("1"))).batchIds[0]!;
      bench.budget.locked.clear();
      const asked = await requeue(bench.store, { batchId: revision }, { now: bench.clock.now });
      assert.equal(asked.requeued, 1);
      await see(booked("1"));
      assert.deepEqual(
        ours().map((row) => [row.amount, row.cleared]),
        [[-1150, "cleared"]],
      );
      assert.deepEqual(paymentsOf((await undo(batchId)).undone), ["bank:1"]);
      await assertStaysUndone();
    });

    it("is left alone when a person split it, and the bank booked another amount", async () => {
      const batchId = await pending();
      ours()[0]!.split = [{ amount: -1000, categoryId: "memory:food" }];
      await see(booked("1"));
      assert.equal((await bench.item("1")).state, "dead");
      assert.deepEqual(
        (await undo(batchId)).refused.map(({ reason }) => reason),
        ["changed"],
      );
      assert.equal(ours().length, 1);
    });

    it("goes wherever the pass was killed that saw it booked under another id", async function () {
      this.timeout(120_000);
      for (const when of ["before", "after"] as const) {
        for (let dieAt = 1; ; dieAt++) {
          await bench.reset();
          const batchId = await pending();
          await bench.extract([booked("later")], { listsPending: true });
          const whole = bench.store;
          bench.store = crashingStore(whole, dieAt, when);
          const died = await bench.pass({ worker: "here#0" }).then(
            () => false,
            () => true,
          );
          bench.store = whole;
          await undo(batchId);
          bench.clock.advance(1000);
          await bench.pass();
          await undo(batchId);
          assert.equal(bench.budget.rows.length, 1, `killed ${when} write ${dieAt}: written once`);
          await assertStaysUndone(1);
          if (!died) {
            assert.ok(dieAt > 8, "there were writes to be killed at");
            break;
          }
          const asked = await requeue(bench.store, { reason: "undone" }, { now: bench.clock.now });
          assert.ok(asked.requeued > 0, `killed ${when} write ${dieAt}`);
          await bench.pass();
          assert.deepEqual(
            ours().map((row) => row.amount),
            [-1150],
            `killed ${when} write ${dieAt}: imported again once`,
          );
        }
      }
    });
  });

  it("asks the budget for a transaction that only a duplicate answer told of, and takes it for gone only then", async () => {
    await bench.arrive(payment("1"), payment("2"));
    const { batchIds } = await bench.pass();
    for (const { id } of await bench.items())
      await bench.store
        .collection(queue)
        .updateMany([{ id, expected: {}, set: { transactionId: undefined } }]);
    bench.budget.rows[1]!.deleted = true;
    const { undone, gone } = await undo(batchIds[0]!);
    assert.deepEqual([undone.length, gone.length], [1, 1]);
    await assertStaysUndone();
  });
});
