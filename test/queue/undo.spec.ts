import assert from "node:assert/strict";
import { listBatches, requeue, undoBatch } from "../../lib/queue";
import { batches, queue, transactions, type Transaction } from "../../lib/store";
import { importId, TallyError } from "../../lib/values";
import { ACCOUNTS, payment } from "../support/context";
import { crashingStore, Killed } from "../support/crashing-store";
import { MemoryBudget } from "../support/memory-budget";
import { Bench } from "./bench";

const IDS = ["1", "2", "3", "4"];

describe("undo of a batch", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const undo = (batchId: string, store = bench.store) =>
    undoBatch(store, bench.budget, batchId, { now: bench.clock.now });
  const standing = (): Transaction[] => bench.budget.rows.filter((row) => !row.deleted);

  /** Payments written in one batch. @returns its id */
  async function written(...ids: string[]): Promise<string> {
    await bench.arrive(...ids.map((id) => payment(id)));
    const { batchIds } = await bench.pass();
    assert.equal(batchIds.length, 1);
    return batchIds[0]!;
  }

  it("deletes what the batch created, and the next passes do not write it again", async () => {
    const batchId = await written(...IDS);
    const result = await undo(batchId);
    assert.equal(result.undone.length, 4);
    assert.deepEqual([result.gone, result.refused], [[], []]);
    assert.equal(standing().length, 0);
    for (let pass = 0; pass < 3; pass++) {
      bench.clock.advance(3_600_000);
      await bench.pass();
      await bench.pass({ startDate: "2026-01-01" });
    }
    assert.equal(bench.budget.rows.length, 4, "nothing was written again");
    assert.ok(
      (await bench.items()).every((item) => item.state === "skipped" && item.skipReason === "undone"),
    );
    const kept = await bench.store.collection(transactions).getMany(bench.budget.rows.map((row) => row.id));
    assert.ok(kept.every((row) => row.deleted));
  });

  it("imports an undone payment again when a person asks: under the next occurrence of its import id", async () => {
    const batchId = await written("1", "2");
    await undo(batchId);
    const before = await bench.item("1");
    assert.deepEqual(await requeue(bench.store, { reason: "undone" }, { now: bench.clock.now }), {
      requeued: 2,
      refusedTotal: 0,
      refused: [],
    });
    const next = importId("bank:1", bench.budget.budgetId, 1);
    // Stored before anything is sent.
    assert.deepEqual([(await bench.item("1")).importId, (await bench.item("1")).occurrence], [next, 1]);
    assert.notEqual(before.importId, next);
    const { batchIds } = await bench.pass();
    assert.deepEqual(
      standing()
        .map((row) => row.importId)
        .sort(),
      [next, importId("bank:2", "memory:b", 1)].sort(),
    );
    // And once more.
    assert.equal((await undo(batchIds[0]!)).undone.length, 2);
    await requeue(bench.store, { batchId: batchIds[0]! }, { now: bench.clock.now });
    await bench.pass();
    assert.equal((await bench.item("1")).importId, importId("bank:1", bench.budget.budgetId, 2));
    assert.equal(standing().length, 2);
    assert.equal(bench.budget.rows.length, 6);
  });

  it("does not import again what a person entered by hand after the undo", async () => {
    await undo(await written("1"));
    bench.byHand({ payeeName: "Shop 1" });
    await requeue(bench.store, { reason: "undone" }, { now: bench.clock.now });
    await bench.classify();
    assert.equal((await bench.sync()).counts["waiting"], 1, "not before the budget was read again");
    await bench.pass();
    assert.equal(standing().length, 1);
    assert.equal((await bench.item("1")).skipReason, "already-in-budget");
  });

  it("leaves reconciled rows and rows that a person changed, says why, and undoes the others", async () => {
    const batchId = await written("1", "2", "3", "4", "5", "6");
    const row = async (id: string) => {
      const { transactionId } = await bench.item(id);
      return bench.budget.rows.find((one) => one.id === transactionId)!;
    };
    (await row("1")).cleared = "reconciled";
    (await row("2")).categoryId = "memory:fun";
    (await row("3")).amount = -999;
    (await row("4")).approved = true;
    (await row("5")).deleted = true;
    const result = await undo(batchId);
    assert.deepEqual(
      result.refused.map(({ paymentId, reason }) => [paymentId, reason]),
      [
        ["bank:1", "reconciled"],
        ["bank:2", "changed"],
        ["bank:3", "changed"],
        ["bank:4", "changed"],
      ],
    );
    assert.match(result.refused[1]!.message, /category/);
    assert.match(result.refused[2]!.message, /amount/);
    assert.match(result.refused[3]!.message, /approval/);
    assert.deepEqual(
      result.gone.map((item) => item.paymentId),
      ["bank:5"],
    );
    assert.deepEqual(
      result.undone.map((item) => item.paymentId),
      ["bank:6"],
    );
    assert.equal(standing().length, 4);
    assert.equal((await bench.item("1")).state, "synced");
    const [listed] = (await listBatches(bench.store)).batches;
    assert.deepEqual(listed?.undo, { undone: 1, gone: 1, refused: 4 });
    assert.deepEqual(listed?.states, { synced: 4, skipped: 2 });
  });

  it("refuses a transfer whose other side is reconciled, and deletes both sides of one that is not", async () => {
    await bench.arrive(
      payment("out", { amount: -5000, counterparty: { name: "Me", iban: ACCOUNTS[1]!.iban! } }),
      payment("in", {
        amount: 5000,
        accountId: "bank:2",
        counterparty: { name: "Me", iban: ACCOUNTS[0]!.iban! },
      }),
    );
    await bench.classify(null);
    const { batchIds } = await bench.sync();
    const other = bench.budget.rows.find((row) => row.accountId === "memory:a2")!;
    other.cleared = "reconciled";
    assert.equal((await undo(batchIds[0]!)).refused[0]?.reason, "reconciled");
    other.cleared = "cleared";
    assert.equal((await undo(batchIds[0]!)).undone.length, 1);
    assert.equal(standing().length, 0);
    await requeue(bench.store, { reason: "undone" }, { now: bench.clock.now });
    await bench.pass();
    assert.deepEqual(
      standing().map((row) => row.amount),
      [-5000, 5000],
      "one transfer, two sides",
    );
  });

  it("does not delete what the batch found in the budget already", async () => {
    const batchId = await written("1");
    await bench.store.collection(queue).deleteMany((await bench.items()).map((item) => item.id));
    await bench.store.collection(batches).deleteMany([batchId]);
    // The store was lost: the queue sends again, and the budget says that it has it.
    bench.budget.extract = async () => ({
      ...(await MemoryBudget.prototype.extract.call(bench.budget)),
      transactions: [],
    });
    const { batchIds, counts } = await (async () => {
      await bench.arrive(payment("1"));
      return bench.pass();
    })();
    assert.equal(counts["duplicates"], 1);
    const result = await undo(batchIds[0]!);
    assert.deepEqual(
      result.refused.map(({ reason }) => reason),
      ["not-written"],
    );
    assert.equal(standing().length, 1);
  });

  it("knows what it wrote although no answer came", async () => {
    for (const [id, fault] of [
      ["1", "drop-after"],
      ["2", "drop-before"],
    ] as const) {
      bench.budget.faults = [fault];
      await bench.arrive(payment(id));
      await bench.pass().catch((error: TallyError) => assert.equal(error.code, "OUTCOME_UNKNOWN"));
      bench.clock.advance(120_000);
      await bench.pass();
      const { batchId } = await bench.item(id);
      assert.deepEqual(
        (await undo(batchId!)).undone.map((item) => item.paymentId),
        [`bank:${id}`],
      );
    }
  });

  it("undoes the others when the budget refuses one, and keeps what it did when the budget goes away", async () => {
    const batchId = await written(...IDS);
    const locked = (await bench.item("2")).transactionId!;
    bench.budget.locked.add(locked);
    const down = new TallyError("RATE_LIMITED", "Too many.", { retryable: true, retryAfterMs: 60_000 });
    bench.budget.changeFaults = [{ when: "before", error: down }];
    await assert.rejects(undo(batchId), (error: TallyError) => {
      assert.deepEqual(
        [error.code, error.retryAfterMs, error.details["undone"]],
        ["RATE_LIMITED", 60_000, 0],
      );
      return /go on where it stopped/.test(error.message);
    });
    const result = await undo(batchId);
    assert.deepEqual(
      result.refused.map(({ transactionId, reason }) => [transactionId, reason]),
      [[locked, "refused"]],
    );
    assert.equal(result.undone.length, 3);
    bench.budget.locked.clear();
    assert.equal((await undo(batchId)).undone.length, 1);
    assert.equal(standing().length, 0);
  });

  it("does not touch what a worker holds", async () => {
    await bench.arrive(payment("1"));
    await bench.match();
    await bench.classify();
    let result: Awaited<ReturnType<typeof undo>> | undefined;
    bench.budget.slow = async (when) => {
      if (when === "before") result = await undo((await bench.item("1")).batchId!);
    };
    await bench.sync();
    assert.deepEqual(
      result?.refused.map(({ reason }) => reason),
      ["in-hand"],
    );
    assert.equal(standing().length, 1);
  });

  it("refuses a batch that is not there, or of another budget, and stops when asked to", async () => {
    const batchId = await written("1");
    await assert.rejects(undo("batch:none"), { code: "NOT_FOUND" });
    await assert.rejects(undoBatch(bench.store, new MemoryBudget("memory:other"), batchId), {
      code: "CONFIG_INVALID",
    });
    const signal = AbortSignal.abort();
    await assert.rejects(undoBatch(bench.store, bench.budget, batchId, { signal }), { code: "CANCELLED" });
    assert.equal(standing().length, 1);
  });

  it("is completed by calling again wherever it was killed, and by no pass in between", async function () {
    this.timeout(60_000);
    for (const when of ["before", "after"] as const) {
      for (let dieAt = 1; ; dieAt++) {
        await bench.reset();
        const batchId = await written(...IDS);
        const died = await undo(batchId, crashingStore(bench.store, dieAt, when)).then(
          () => false,
          (error: TallyError) => {
            assert.ok(
              error.cause instanceof Killed ||
                (error as unknown) instanceof Killed ||
                /killed/.test(error.message),
            );
            return true;
          },
        );
        bench.clock.advance(3_600_000);
        await bench.pass();
        assert.equal(bench.budget.rows.length, 4, "the pass in between writes nothing");
        const result = await undo(batchId);
        assert.equal(result.undone.length + result.gone.length, 4);
        assert.equal(standing().length, 0);
        assert.ok((await bench.items()).every((item) => item.skipReason === "undone"));
        if (!died) {
          assert.ok(dieAt > 2, "there were writes to be killed at");
          break;
        }
      }
    }
  });

  it("is completed after an answer that never came", async () => {
    const batchId = await written(...IDS);
    const error = new TallyError("PROVIDER_UNAVAILABLE", "No answer.", { retryable: true });
    bench.budget.changeFaults = [{ when: "after", error }];
    await assert.rejects(undo(batchId), { code: "PROVIDER_UNAVAILABLE" });
    assert.equal((await undo(batchId)).gone.length, 4);
    assert.ok((await bench.items()).every((item) => item.skipReason === "undone"));
  });
});
