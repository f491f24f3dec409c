import assert from "node:assert/strict";
import { budgetExtract } from "../../lib/budget";
import { matchStep } from "../../lib/matching";
import { enqueue, moveItems, queueSync, type QueueSyncOptions } from "../../lib/queue";
import {
  bankAccounts,
  categories,
  matches,
  payments,
  queue,
  type Payment,
  type QueueItem,
  type Store,
} from "../../lib/store";
import { TallyError } from "../../lib/values";
import { ACCOUNTS, MAPPING, memoryStore, payment, stepContext, TestClock } from "../support/context";
import { MemoryBudget } from "../support/memory-budget";

const OPTIONS: QueueSyncOptions = {
  worker: "here#1",
  isGone: (worker) => worker.startsWith("here"),
  mapping: MAPPING,
};

describe("queue sync", () => {
  let store: Store;
  let budget: MemoryBudget;
  let clock: TestClock;

  beforeEach(async () => {
    store = await memoryStore();
    budget = new MemoryBudget();
    clock = new TestClock();
    await store.collection(bankAccounts).upsertMany(ACCOUNTS);
  });
  afterEach(() => store.close());

  const context = () => stepContext(store, clock);
  const items = async () => (await store.collection(queue).find({ index: "id" })).items;
  const item = async (id: string) => (await items()).find((row) => row.paymentId === `bank:${id}`)!;

  /** Bring payments into the queue as the extract step does, and match them with the budget. */
  async function arrive(...rows: Payment[]): Promise<void> {
    await store.collection(payments).upsertMany(rows);
    await enqueue(store, budget.budgetId, rows, clock.now());
    await budgetExtract(context(), budget);
    await matchStep(context(), { budgetId: budget.budgetId, mapping: MAPPING });
  }

  /** What the classify step does, with one category for all. */
  async function classify(categoryId: string | null = "memory:food"): Promise<void> {
    const fresh = (await items()).filter((row) => row.state === "new");
    await moveItems(
      store,
      fresh.map((row) => ({
        item: row,
        to: "classified",
        set: { categoryId, confidence: 0.9, reason: "seen 4 times" },
      })),
      clock.now(),
    );
  }

  const sync = (options: Partial<QueueSyncOptions> = {}) =>
    queueSync(context(), budget, { ...OPTIONS, ...options });

  it("writes each payment once, with category, confidence and reason, and nothing the second time", async () => {
    await arrive(payment("1"), payment("2", { amount: -2500 }));
    await classify();
    const first = await sync();
    assert.equal(first.counts["synced"], 2);
    assert.deepEqual(
      budget.rows.map((row) => [row.accountId, row.amount, row.categoryId, row.payeeName]),
      [
        ["memory:a1", -1000, "memory:food", "Shop 1"],
        ["memory:a1", -2500, "memory:food", "Shop 2"],
      ],
    );
    assert.equal(budget.rows[0]!.memo, "Card payment 1 · 90 %: seen 4 times");
    assert.equal((await sync()).counts["synced"], 0);
    assert.equal(budget.rows.length, 2);
  });

  it("does not send what the budget was not read for after it was queued", async () => {
    await arrive(payment("1"));
    const late = payment("2");
    await store.collection(payments).upsertMany([late]);
    await enqueue(store, budget.budgetId, [late], clock.now());
    await classify();
    const result = await sync();
    assert.deepEqual([result.counts["synced"], result.counts["waiting"]], [1, 1]);
    assert.equal((await item("2")).state, "classified");
  });

  it("leaves alone what a person entered by hand", async () => {
    budget.rows.push({
      id: "memory:hand",
      budgetId: budget.budgetId,
      accountId: "memory:a1",
      date: "2026-02-11",
      amount: -1000,
      currency: "EUR",
      payeeName: "shop",
      approved: true,
      deleted: false,
    });
    await arrive(payment("1"));
    await classify();
    await sync();
    assert.equal(budget.rows.length, 1);
    const found = await item("1");
    assert.deepEqual([found.state, found.skipReason], ["skipped", "already-in-budget"]);
    assert.equal((await store.collection(matches).get("memory:hand"))?.paymentId, "bank:1");
  });

  for (const fault of ["drop-after", "drop-before", "drop-half"] as const) {
    it(`reads back before it sends again: ${fault}`, async () => {
      await arrive(payment("1"), payment("2"), payment("3"), payment("4"));
      await classify();
      budget.faults = [fault];
      await sync().catch((error: TallyError) => assert.equal(error.code, "OUTCOME_UNKNOWN"));
      await sync();
      assert.deepEqual(
        budget.rows.map((row) => row.importId).sort(),
        (await items()).map((row) => row.importId).sort(),
      );
      assert.ok((await items()).every((row) => row.state === "synced"));
    });
  }

  for (const [fault, code] of [
    ["auth", "AUTH_FAILED"],
    ["rate-limit", "RATE_LIMITED"],
    ["refuse-all", "PROVIDER_UNAVAILABLE"],
  ] as const) {
    it(`keeps every item's place when the budget as a whole fails: ${code}`, async () => {
      await arrive(payment("1"), payment("2"));
      await classify();
      budget.faults = [fault];
      await assert.rejects(sync(), { code });
      assert.ok((await items()).every((row) => row.state === "retry" && row.attempt === 0));
      clock.advance(2000);
      assert.equal((await sync()).counts["synced"], 2);
    });
  }

  it("does not let one bad item hold up the others, and gives it up after its attempts", async () => {
    await arrive(payment("1"), payment("2"), payment("3"));
    await classify();
    budget.refused.set((await item("2")).importId, { code: "PROVIDER_UNAVAILABLE", retryable: true });
    const states: string[] = [];
    for (let pass = 0; pass < 4; pass++) {
      await sync({ maxAttempts: 3 });
      clock.advance(24 * 3_600_000);
      states.push((await item("2")).state);
    }
    assert.deepEqual(states, ["retry", "retry", "dead", "dead"]);
    assert.equal(budget.rows.length, 2);
  });

  it("gives up at once what is refused for good", async () => {
    await arrive(payment("1"));
    await classify();
    budget.refused.set((await item("1")).importId, { code: "PROVIDER_REFUSED", retryable: false });
    const result = await sync();
    assert.equal(result.counts["dead"], 1);
    assert.equal(result.problems.length, 1);
  });

  it("has a payment classified again when its category was deleted before it was sent", async () => {
    await arrive(payment("1"));
    await classify("memory:rent");
    await store
      .collection(categories)
      .updateMany([{ id: "memory:rent", expected: {}, set: { deleted: true } }]);
    await sync();
    assert.equal((await item("1")).state, "new");
    await classify("memory:food");
    await sync();
    assert.equal(budget.rows[0]!.categoryId, "memory:food");
  });

  it("has a payment reviewed when the budget says that its category is gone", async () => {
    await arrive(payment("1"));
    await classify();
    budget.refused.set((await item("1")).importId, { code: "CATEGORY_GONE", retryable: false });
    await sync();
    assert.equal((await item("1")).state, "review");
  });

  const reasons: [string, Partial<Payment>, Partial<QueueSyncOptions>, QueueItem["skipReason"]][] = [
    ["pending", { status: "pending" }, {}, "pending"],
    ["before the start date", {}, { startDate: "2026-02-11" }, "before-start-date"],
    ["of another currency", { currency: "USD" }, {}, "currency-mismatch"],
    ["of nothing", { amount: 0 }, {}, "zero-amount"],
    ["on an account that is not mapped", { accountId: "bank:3" }, {}, "not-mapped"],
  ];
  for (const [name, parts, options, reason] of reasons) {
    it(`skips a payment ${name}, says why and counts it`, async () => {
      await arrive(payment("1", parts));
      await classify();
      await sync(options);
      assert.equal((await item("1")).skipReason, reason);
      assert.equal(budget.rows.length, 0);
    });
  }

  it("takes up a skipped payment when its reason goes: booked, mapped, an earlier start date", async () => {
    await store
      .collection(bankAccounts)
      .upsertMany([{ ...ACCOUNTS[0]!, id: "bank:3", iban: "NL02ABNA0123456789", name: "Later" }]);
    await arrive(
      payment("1", { status: "pending" }),
      payment("2", { accountId: "bank:3" }),
      payment("3", { date: "2026-01-01" }),
    );
    await sync({ startDate: "2026-02-01" });
    assert.ok((await items()).every((row) => row.state === "skipped"));
    await store.collection(payments).upsertMany([payment("1")]);
    await sync({ mapping: [...MAPPING, { bank: "bank:3", budget: "memory:a2" }] });
    assert.deepEqual(
      (await items()).map((row) => row.state),
      ["new", "new", "new"],
    );
  });

  it("waits with a payment that lies ahead until its day", async () => {
    await arrive(payment("1", { date: "2026-03-03" }));
    await classify();
    await sync();
    assert.equal((await item("1")).state, "retry");
    clock.advance(3 * 24 * 3_600_000);
    assert.equal((await sync()).counts["synced"], 1);
  });

  it("writes a transfer between own accounts once, from the side that pays", async () => {
    await arrive(
      payment("out", { amount: -5000, counterparty: { name: "Me", iban: ACCOUNTS[1]!.iban! } }),
      payment("in", {
        amount: 5000,
        accountId: "bank:2",
        date: "2026-02-11",
        counterparty: { name: "Me", iban: ACCOUNTS[0]!.iban! },
      }),
    );
    await classify(null);
    await sync();
    assert.deepEqual(
      budget.rows.map((row) => [row.accountId, row.amount, row.transferAccountId]),
      [
        ["memory:a1", -5000, "memory:a2"],
        ["memory:a2", 5000, "memory:a1"],
      ],
    );
    assert.deepEqual([(await item("in")).state, (await item("in")).skipReason], ["skipped", "own-transfer"]);
  });

  it("writes a transfer once when its sides come on different days, either side first", async () => {
    const out = payment("out", { amount: -5000, counterparty: { name: "Me", iban: ACCOUNTS[1]!.iban! } });
    const into = payment("in", {
      amount: 5000,
      accountId: "bank:2",
      date: "2026-02-11",
      counterparty: { name: "Me", iban: ACCOUNTS[0]!.iban! },
    });
    for (const order of [
      [out, into],
      [into, out],
    ]) {
      for (const row of order) {
        await arrive(row);
        await classify(null);
        await sync();
      }
      assert.equal(budget.rows.length, 2, "one transfer has two sides");
      await store.close();
      store = await memoryStore();
      budget = new MemoryBudget();
      await store.collection(bankAccounts).upsertMany(ACCOUNTS);
    }
  });

  it("lists what it would write in a dry run and writes nothing", async () => {
    await arrive(payment("1"));
    await classify();
    const calls = budget.calls;
    const result = await sync({ dryRun: true });
    assert.equal(result.wouldWrite?.length, 1);
    assert.equal(budget.calls, calls);
    assert.equal((await item("1")).state, "classified");
  });

  it("takes over from a worker that is gone: at once from its own instance, after the lease from another", async () => {
    for (const [owner, waits] of [
      ["here#0", false],
      ["elsewhere#1", true],
    ] as const) {
      await arrive(payment(owner));
      await classify();
      const found = await item(owner);
      const held = {
        leaseOwner: owner,
        leaseUntil: new Date(Date.parse(clock.now()) + 60_000).toISOString(),
      };
      const [leased] = await moveItems(store, [{ item: found, to: "leased", set: held }], clock.now());
      await moveItems(store, [{ item: leased!, to: "sending", set: held }], clock.now());
      const before = budget.rows.length;
      await sync();
      assert.equal(budget.rows.length, before + (waits ? 0 : 1), owner);
      clock.advance(61_000);
      await sync();
      assert.equal(budget.rows.length, before + 1, owner);
    }
  });

  it("refuses a mapping that names a bank account twice", async () => {
    await assert.rejects(
      sync({ mapping: [MAPPING[0]!, { bank: "NL91ABNA0417164300", budget: "memory:a2" }] }),
      { code: "CONFIG_INVALID" },
    );
  });
});
