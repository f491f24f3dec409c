import assert from "node:assert/strict";
import { RunLedger } from "../../lib/runs";
import {
  bankAccounts,
  budgets,
  categories,
  classifications,
  payments,
  queue,
  transactions,
  type Classification,
  type QueueItem,
  type Store,
  type Transaction,
} from "../../lib/store";
import { TallyError } from "../../lib/values";
import { readView, VIEWS, type Row, type ScheduledJob, type ViewRequest } from "../../lib/views";
import { ACCOUNTS, memoryStore, payment, TestClock } from "../support/context";

const BUDGET = "memory:b";

describe("views", () => {
  let store: Store;
  let ledger: RunLedger;
  const clock = new TestClock();

  beforeEach(async () => {
    store = await memoryStore();
    ledger = new RunLedger(store, { worker: "w", now: clock.now });
  });
  afterEach(() => store.close());

  async function rows(
    view: ViewRequest["view"],
    more: Partial<ViewRequest> = {},
    schedules?: ScheduledJob[],
  ): Promise<Row[]> {
    return (await readView(store, ledger, { view, limit: 100, ...more }, schedules)).rows;
  }

  async function household(): Promise<void> {
    await store.collection(bankAccounts).upsertMany(ACCOUNTS);
    await store
      .collection(budgets)
      .upsertMany([{ id: BUDGET, source: "memory", name: "Home", currency: "EUR" }]);
    await store.collection(categories).upsertMany([
      { id: "c:food", budgetId: BUDGET, name: "Groceries", group: "Daily", hidden: false, deleted: false },
      { id: "c:fun", budgetId: BUDGET, name: "Going out", hidden: false, deleted: false },
    ]);
    await store
      .collection(payments)
      .upsertMany([
        payment("1", { date: "2026-02-10", amount: -2000 }),
        payment("2", { date: "2026-02-09", amount: 500, counterparty: { name: "<img src=x>" } }),
        payment("3", { date: "2026-01-31", amount: -3000 }),
        payment("4", { date: "2026-02-01", amount: -9900 }),
        payment("5", { date: "2026-02-02", amount: -777, status: "pending" }),
        payment("6", { date: "2025-06-01", amount: -100_000 }),
        payment("7", { date: "2026-02-03", amount: -1000 }),
      ]);
    await store.collection(queue).upsertMany([
      item("1", {
        state: "synced",
        categoryId: "c:food",
        confidence: 0.97,
        reason: "Like before.",
        modelVersion: "v1",
      }),
      item("2", { state: "review", categoryId: "c:food", confidence: 0.4, modelVersion: "v1" }),
      item("3", { state: "skipped", skipReason: "already-in-budget", transactionId: "t:3", confidence: 0.9 }),
      item("4", { state: "skipped", skipReason: "own-transfer" }),
      item("7", {
        state: "dead",
        error: { code: "PROVIDER_REFUSED", message: "The budget refused it.", retryable: false },
      }),
    ]);
    await store
      .collection(classifications)
      .upsertMany([
        classification("1", { path: "model", confidence: 0.97, categoryId: "c:food" }),
        classification("2", { path: "abstain", confidence: 0.4 }),
      ]);
    await store.collection(transactions).upsertMany([
      transaction("3", {
        amount: -3000,
        split: [
          { amount: -1000, categoryId: "c:food" },
          { amount: -2000, categoryId: "c:fun" },
        ],
      }),
    ]);
  }

  it("answer on an empty store, each of them", async () => {
    for (const view of VIEWS.filter((one) => one !== "batch"))
      assert.ok(Array.isArray(await rows(view, view === "run" ? { runId: "latest" } : {})), view);
  });

  it("payments: newest first, with names for ids, the category that counts, and where they stand", async () => {
    await household();
    const found = await rows("payments");
    assert.deepEqual(
      found.map((row) => row["id"]),
      ["bank:1", "bank:2", "bank:7", "bank:5", "bank:4", "bank:3", "bank:6"],
    );
    const { date, account, amountText, category, confidence, path, reason, state } = found[0]!;
    assert.deepEqual(
      { date, account, amountText, category, confidence, path, reason, state },
      {
        date: "2026-02-10",
        account: "Current",
        amountText: "-20.00",
        category: "Groceries",
        confidence: 0.97,
        path: "model",
        reason: "Like before.",
        state: "synced",
      },
    );
    const by = new Map(found.map((row) => [row["id"], row]));
    assert.equal(
      by.get("bank:2")!["counterparty"],
      "<img src=x>",
      "names pass unchanged: the widget escapes",
    );
    assert.equal(by.get("bank:3")!["reason"], "It was in the budget already.");
    assert.equal(by.get("bank:3")!["confidence"], null, "what was left out was not decided by us");
    assert.equal(by.get("bank:7")!["reason"], "The budget refused it.");
    assert.equal(by.get("bank:6")!["state"], null, "not queued");
  });

  it("payments: what a person chose in the budget counts more than what was suggested", async () => {
    await household();
    await store
      .collection(queue)
      .upsertMany([item("1", { state: "synced", categoryId: "c:food", transactionId: "t:1" })]);
    await store.collection(transactions).upsertMany([transaction("1", { categoryId: "c:fun" })]);
    assert.equal((await rows("payments"))[0]!["category"], "Going out");
    await store
      .collection(transactions)
      .upsertMany([transaction("1", { categoryId: "c:fun", deleted: true })]);
    assert.equal((await rows("payments"))[0]!["category"], "Groceries");
  });

  it("spending: net by category up to the newest payment, splits in parts, own transfers left out", async () => {
    await household();
    const found = await rows("spending", { days: 30 });
    assert.deepEqual(
      found.map(({ category, amount, amountText, payments: count }) => [category, amount, amountText, count]),
      [
        ["Groceries", -2500, "-25.00", 3],
        ["Going out", -2000, "-20.00", 1],
        [null, -1000, "-10.00", 1],
      ],
    );
    const year = await rows("spending", { days: 365 });
    assert.equal(year[0]!["amount"], -101_000, "the payment of last summer has no category");
    assert.deepEqual(await rows("spending", { days: 30, accountId: "bank:2" }), []);
    assert.equal((await rows("spending", { days: 365, limit: 1 })).length, 1);
  });

  it("months: money in and out, oldest first", async () => {
    await household();
    assert.deepEqual(
      (await rows("months", { days: 60 })).map((row) => [row["month"], row["inText"], row["outText"]]),
      [
        ["2026-01", "0.00", "-30.00"],
        ["2026-02", "5.00", "-30.00"],
      ],
    );
  });

  it("confidence: ten buckets, of recent payments or of all classifications", async () => {
    await household();
    await store
      .collection(classifications)
      .upsertMany([classification("6", { path: "model", confidence: 1 }, "v0")]);
    const buckets = (found: Row[]) =>
      found.flatMap((row) =>
        row["classifications"] ? [[row["from"], row["classifications"], row["abstained"]]] : [],
      );
    assert.deepEqual(buckets(await rows("confidence", { days: 30 })), [
      [0.4, 1, 1],
      [0.9, 1, 0],
    ]);
    assert.deepEqual(buckets(await rows("confidence")), [
      [0.4, 1, 1],
      [0.9, 2, 0],
    ]);
  });

  it("states: all of them, or one; an unknown one is refused", async () => {
    await household();
    const found = new Map((await rows("states")).map((row) => [row["state"], row["items"]]));
    assert.equal(found.size, 9);
    assert.deepEqual([found.get("skipped"), found.get("dead"), found.get("new")], [2, 1, 0]);
    assert.deepEqual(await rows("states", { state: "review" }), [{ state: "review", items: 1 }]);
    await assert.rejects(
      rows("states", { state: "lost" }),
      (error: TallyError) => error.code === "CONFIG_INVALID",
    );
  });

  it("overview: counts, the last run and the next one", async () => {
    await household();
    const run = await ledger.start({ job: "bank-to-budget", trigger: "test" });
    await ledger.step(run.id, "queue-sync", "n", async () => ({ counts: { synced: 12 } }), hooks());
    await ledger.finish(run.id);
    const [row] = await rows("overview", {}, [
      { job: "weekly", next: "2026-03-08T03:00:00.000Z" },
      { job: "bank-to-budget", next: "2026-03-01T13:00:00.000Z" },
      { job: "never", next: null },
    ]);
    const { accounts, payments: count, newestPayment, written, waiting, review, skipped, dead } = row!;
    assert.deepEqual(
      { accounts, count, newestPayment, written, waiting, review, skipped, dead },
      {
        accounts: 2,
        count: 7,
        newestPayment: "2026-02-10",
        written: 1,
        waiting: 0,
        review: 1,
        skipped: 2,
        dead: 1,
      },
    );
    assert.deepEqual(
      [
        row!["lastRunJob"],
        row!["lastRunState"],
        row!["lastRunWritten"],
        row!["nextRunJob"],
        row!["nextRunAt"],
      ],
      ["bank-to-budget", "Completed", 12, "bank-to-budget", "2026-03-01T13:00:00.000Z"],
    );
  });

  it("steps and run: runs with their steps, newest first; a failure with its words", async () => {
    const first = await ledger.start({ job: "a", trigger: "test" });
    await ledger.step(first.id, "match", "n", async () => ({ counts: { matched: 2 } }), hooks());
    await ledger.finish(first.id);
    const second = await ledger.start({ job: "b", trigger: "test" });
    const failing = async () => {
      throw new TallyError("STORE_UNAVAILABLE", "The store is away.");
    };
    await assert.rejects(ledger.step(second.id, "train", "n", failing, hooks()));
    const third = await ledger.start({ job: "c", trigger: "test" });
    assert.deepEqual(
      (await rows("steps")).map((row) => [row["runJob"], row["runState"], row["step"], row["error"] ?? null]),
      [
        ["c", "Running", null, null],
        ["b", "Failed", "train", "The store is away."],
        ["a", "Completed", "match", null],
      ],
    );
    assert.equal((await rows("steps", { limit: 1 }))[0]!["runId"], third.id);
    assert.deepEqual(await rows("run", { runId: "latest" }), []);
    assert.equal((await rows("run", { runId: first.id }))[0]!["counts"], "matched 2");
    await assert.rejects(rows("run"), (error: TallyError) => error.code === "CONFIG_INVALID");
  });

  it("jobs: each that the clock starts, with its last run", async () => {
    const run = await ledger.start({ job: "a", trigger: "test" });
    await ledger.finish(run.id);
    const found = await rows("jobs", {}, [
      { job: "a", next: "2026-03-01T13:00:00.000Z" },
      { job: "z", next: null },
    ]);
    assert.deepEqual(
      found.map((row) => [row["job"], row["next"], row["lastState"]]),
      [
        ["a", "2026-03-01T13:00:00.000Z", "Completed"],
        ["z", null, null],
      ],
    );
  });
});

function hooks() {
  return { signal: new AbortController().signal };
}

function item(id: string, parts: Partial<QueueItem> & Pick<QueueItem, "state">): QueueItem {
  return {
    id: `bank:${id}|${BUDGET}`,
    paymentId: `bank:${id}`,
    budgetId: BUDGET,
    accountId: "bank:1",
    stateSince: "2026-02-11T00:00:00.000Z",
    enqueuedAt: "2026-02-11T00:00:00.000Z",
    date: "2026-02-10",
    importId: `i:${id}`,
    attempt: 0,
    dueAt: "2026-02-11T00:00:00.000Z",
    ...parts,
  };
}

function classification(
  id: string,
  parts: Partial<Classification> & Pick<Classification, "path" | "confidence">,
  modelVersion = "v1",
): Classification {
  return {
    id: `bank:${id}|${BUDGET}|${modelVersion}`,
    paymentId: `bank:${id}`,
    budgetId: BUDGET,
    modelVersion,
    top: [],
    reason: "",
    explanation: { nearest: [], terms: [] },
    at: "2026-02-11T00:00:00.000Z",
    ...parts,
  };
}

function transaction(id: string, parts: Partial<Transaction>): Transaction {
  return {
    id: `t:${id}`,
    budgetId: BUDGET,
    accountId: "memory:a1",
    date: "2026-02-10",
    amount: -2000,
    currency: "EUR",
    approved: true,
    deleted: false,
    ...parts,
  };
}
