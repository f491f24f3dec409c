import assert from "node:assert/strict";
import { budgetExtract, type YnabProvider } from "../../lib/budget";
import { matchStep } from "../../lib/matching";
import { enqueue, moveItems, queueSync, requeue, undoBatch } from "../../lib/queue";
import { bankAccounts, payments, queue, type QueueItem, type Store } from "../../lib/store";
import { importId, ownId, type CalendarDate } from "../../lib/values";
import type { YnabTwin } from "../../simulators/ynab";
import { ACCOUNTS, memoryStore, payment, stepContext, TestClock } from "../support/context";
import { NOW, openOn, startTwin } from "../support/ynab";

/** The same on YNAB's protocol: where a deleted transaction keeps its import id. */
describe("undo and import again on YNAB", () => {
  let twin: YnabTwin;
  let provider: YnabProvider;
  let store: Store;
  let clock: TestClock;
  const date: CalendarDate = "2025-07-10";

  beforeEach(async () => {
    twin = await startTwin();
    provider = openOn(twin);
    store = await memoryStore();
    clock = new TestClock(NOW);
    await store.collection(bankAccounts).upsertMany(ACCOUNTS);
  });
  afterEach(async () => {
    await store.close();
    await twin.stop();
  });

  const mapping = () => [
    { bank: "bank:1", budget: twin.accountIds["current"]! },
    { bank: "bank:2", budget: twin.accountIds["savings"]! },
  ];
  const items = async (): Promise<QueueItem[]> => (await store.collection(queue).find({ index: "id" })).items;
  const standing = () => twin.control.all().filter((row) => row.importId?.startsWith("TF1:"));
  const undo = (batchId: string) => undoBatch(store, provider, batchId, { now: clock.now });

  async function pass() {
    const context = stepContext(store, clock);
    await budgetExtract(context, provider);
    await matchStep(context, { budgetId: provider.budgetId, mapping: mapping() });
    const fresh = (await items()).filter((item) => item.state === "new");
    const set = { categoryId: `ynab:${twin.categoryIds["groceries"]}`, confidence: 0.9, reason: "seen" };
    await moveItems(
      store,
      fresh.map((item) => ({ item, to: "classified", set })),
      clock.now(),
    );
    return queueSync(context, provider, { worker: "here", mapping: mapping() });
  }

  async function written(): Promise<string> {
    const rows = [
      ...["1", "2", "3", "4", "5"].map((id) => payment(id, { date, amount: -Number(id) * 100 })),
      payment("out", { date, amount: -9000, counterparty: { iban: ACCOUNTS[1]!.iban! } }),
    ];
    await store.collection(payments).upsertMany(rows);
    await enqueue(store, provider.budgetId, rows, clock.now());
    clock.advance(1000);
    const { batchIds, counts } = await pass();
    assert.equal(counts["synced"], 6);
    return batchIds[0]!;
  }

  it("deletes, is told of duplicates under the old import ids, and imports again under the next ones", async () => {
    const all = twin.control.all().length;
    const batchId = await written();
    assert.equal((await undo(batchId)).undone.length, 6);
    assert.equal(twin.control.all().length, all, "both sides of the transfer are gone too");
    assert.equal((await undo(batchId)).gone.length, 6);
    await pass();
    assert.equal(standing().length, 0);

    const [first] = await items();
    const write = {
      importId: first!.importId,
      accountId: `ynab:${twin.accountIds["current"]}`,
      date,
      amount: -100,
      cleared: "cleared" as const,
      approved: false,
    };
    assert.equal((await provider.create([write]))[0]?.status, "duplicate", "the old import id stays taken");

    assert.equal((await requeue(store, { reason: "undone" }, { now: clock.now })).requeued, 6);
    clock.advance(1000);
    assert.equal((await pass()).counts["duplicates"], 0);
    assert.deepEqual(
      standing()
        .map((row) => row.importId)
        .sort(),
      (await items()).map((item) => importId(item.paymentId, provider.budgetId, 1)).sort(),
    );
    assert.equal((await pass()).counts["synced"], 0);
  });

  it("leaves what a person reconciled, approved, changed or deleted", async () => {
    const batchId = await written();
    const id = async (payment: string) =>
      ownId((await items()).find((item) => item.paymentId === `bank:${payment}`)!.transactionId!);
    twin.control.editTransaction(await id("1"), { cleared: "reconciled" });
    twin.control.editTransaction(await id("2"), { approved: true });
    twin.control.editTransaction(await id("3"), { memo: "mine" });
    twin.control.deleteTransaction(await id("4"));
    const other = twin.control.all().find((row) => row.transferTransactionId && row.amount === 90_000)!;
    twin.control.editTransaction(other.id, { cleared: "reconciled" });
    const result = await undo(batchId);
    const reasons = Object.fromEntries(result.refused.map((item) => [item.paymentId, item.reason]));
    assert.deepEqual(reasons, {
      "bank:1": "reconciled",
      "bank:2": "changed",
      "bank:3": "changed",
      "bank:out": "reconciled",
    });
    assert.deepEqual(
      [result.gone.map((item) => item.paymentId), result.undone.map((item) => item.paymentId)],
      [["bank:4"], ["bank:5"]],
    );
  });

  it("takes a payee that was renamed for the same payee", async () => {
    const batchId = await written();
    const payee = twin.control.payees().find((one) => one.name === "Shop 1")!;
    twin.control.renamePayee(payee.id, "The shop");
    assert.equal((await undo(batchId)).undone.length, 6);
  });
});
