import assert from "node:assert/strict";
import { enqueue, moveItems, type QueueSyncOptions } from "../../lib/queue";
import { bankAccounts, categories, matches, payments, type Payment, type QueueItem } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { ACCOUNTS, MAPPING, payment } from "../support/context";
import { Bench } from "./bench";

describe("queue sync", () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  it("writes each payment once, with category, confidence and reason, and nothing the second time", async () => {
    await bench.arrive(payment("1"), payment("2", { amount: -2500 }));
    await bench.classify();
    const first = await bench.sync();
    assert.equal(first.counts["synced"], 2);
    assert.deepEqual(
      bench.budget.rows.map((row) => [row.accountId, row.amount, row.categoryId, row.payeeName]),
      [
        ["memory:a1", -1000, "memory:food", "Shop 1"],
        ["memory:a1", -2500, "memory:food", "Shop 2"],
      ],
    );
    assert.equal(bench.budget.rows[0]!.memo, "Card payment 1 · 90 %: seen 4 times");
    assert.equal((await bench.sync()).counts["synced"], 0);
    assert.equal(bench.budget.rows.length, 2);
  });

  it("does not send what the budget was not read for after it was queued", async () => {
    await bench.arrive(payment("1"));
    const late = payment("2");
    await bench.store.collection(payments).upsertMany([late]);
    await enqueue(bench.store, bench.budget.budgetId, [late], bench.clock.now());
    await bench.classify();
    const result = await bench.sync();
    assert.deepEqual([result.counts["synced"], result.counts["waiting"]], [1, 1]);
    assert.equal((await bench.item("2")).state, "classified");
  });

  it("leaves alone what a person entered by hand", async () => {
    bench.byHand({ date: "2026-02-11", payeeName: "shop" });
    await bench.arrive(payment("1"));
    await bench.classify();
    await bench.sync();
    assert.equal(bench.budget.rows.length, 1);
    const found = await bench.item("1");
    assert.deepEqual([found.state, found.skipReason], ["skipped", "already-in-budget"]);
    assert.equal((await bench.store.collection(matches).get("memory:hand"))?.paymentId, "bank:1");
  });

  for (const fault of ["drop-after", "drop-before", "drop-half"] as const) {
    it(`reads back before it sends again: ${fault}`, async () => {
      await bench.arrive(payment("1"), payment("2"), payment("3"), payment("4"));
      await bench.classify();
      bench.budget.faults = [fault];
      await bench.sync().catch((error: TallyError) => assert.equal(error.code, "OUTCOME_UNKNOWN"));
      await bench.sync();
      assert.deepEqual(
        bench.budget.rows.map((row) => row.importId).sort(),
        (await bench.items()).map((row) => row.importId).sort(),
      );
      assert.ok((await bench.items()).every((row) => row.state === "synced"));
    });
  }

  for (const [fault, code] of [
    ["auth", "AUTH_FAILED"],
    ["rate-limit", "RATE_LIMITED"],
    ["refuse-all", "PROVIDER_UNAVAILABLE"],
  ] as const) {
    it(`keeps every item's place when the budget as a whole fails: ${code}`, async () => {
      await bench.arrive(payment("1"), payment("2"));
      await bench.classify();
      bench.budget.faults = [fault];
      await assert.rejects(bench.sync(), { code });
      assert.ok((await bench.items()).every((row) => row.state === "retry" && row.attempt === 0));
      bench.clock.advance(2000);
      assert.equal((await bench.sync()).counts["synced"], 2);
    });
  }

  it("does not let one bad item hold up the others, and gives it up after its attempts", async () => {
    await bench.arrive(payment("1"), payment("2"), payment("3"));
    await bench.classify();
    bench.budget.refused.set((await bench.item("2")).importId, {
      code: "PROVIDER_UNAVAILABLE",
      retryable: true,
    });
    const states: string[] = [];
    for (let pass = 0; pass < 4; pass++) {
      await bench.sync({ maxAttempts: 3 });
      bench.clock.advance(24 * 3_600_000);
      states.push((await bench.item("2")).state);
    }
    assert.deepEqual(states, ["retry", "retry", "dead", "dead"]);
    assert.equal(bench.budget.rows.length, 2);
  });

  it("gives up at once what is refused for good", async () => {
    await bench.arrive(payment("1"));
    await bench.classify();
    bench.budget.refused.set((await bench.item("1")).importId, {
      code: "PROVIDER_REFUSED",
      retryable: false,
    });
    const result = await bench.sync();
    assert.equal(result.counts["dead"], 1);
    assert.equal(result.problems.length, 1);
  });

  it("has a payment classified again when its category was deleted before it was sent", async () => {
    await bench.arrive(payment("1"));
    await bench.classify("memory:rent");
    await bench.store
      .collection(categories)
      .updateMany([{ id: "memory:rent", expected: {}, set: { deleted: true } }]);
    await bench.sync();
    assert.equal((await bench.item("1")).state, "new");
    await bench.classify("memory:food");
    await bench.sync();
    assert.equal(bench.budget.rows[0]!.categoryId, "memory:food");
  });

  it("has a payment reviewed when the budget says that its category is gone", async () => {
    await bench.arrive(payment("1"));
    await bench.classify();
    bench.budget.refused.set((await bench.item("1")).importId, { code: "CATEGORY_GONE", retryable: false });
    await bench.sync();
    assert.equal((await bench.item("1")).state, "review");
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
      await bench.arrive(payment("1", parts));
      await bench.classify();
      await bench.sync(options);
      assert.equal((await bench.item("1")).skipReason, reason);
      assert.equal(bench.budget.rows.length, 0);
    });
  }

  it("takes up a skipped payment when its reason goes: booked, mapped, an earlier start date", async () => {
    await bench.store
      .collection(bankAccounts)
      .upsertMany([{ ...ACCOUNTS[0]!, id: "bank:3", iban: "NL02ABNA0123456789", name: "Later" }]);
    await bench.arrive(
      payment("1", { status: "pending" }),
      payment("2", { accountId: "bank:3" }),
      payment("3", { date: "2026-01-01" }),
    );
    await bench.sync({ startDate: "2026-02-01" });
    assert.ok((await bench.items()).every((row) => row.state === "skipped"));
    await bench.store.collection(payments).upsertMany([payment("1")]);
    await bench.sync({ mapping: [...MAPPING, { bank: "bank:3", budget: "memory:a2" }] });
    assert.deepEqual(
      (await bench.items()).map((row) => row.state),
      ["new", "new", "new"],
    );
  });

  it("waits with a payment that lies ahead until its day", async () => {
    await bench.arrive(payment("1", { date: "2026-03-03" }));
    await bench.classify();
    await bench.sync();
    const held = await bench.item("1");
    assert.deepEqual([held.state, held.skipReason], ["skipped", "future-date"]);
    bench.clock.advance(3 * 24 * 3_600_000);
    await bench.match();
    await bench.classify();
    assert.equal((await bench.sync()).counts["synced"], 1);
  });

  it("writes a transfer between own accounts once, from the side that pays", async () => {
    await bench.arrive(
      payment("out", { amount: -5000, counterparty: { name: "Me", iban: ACCOUNTS[1]!.iban! } }),
      payment("in", {
        amount: 5000,
        accountId: "bank:2",
        date: "2026-02-11",
        counterparty: { name: "Me", iban: ACCOUNTS[0]!.iban! },
      }),
    );
    await bench.classify(null);
    await bench.sync();
    assert.deepEqual(
      bench.budget.rows.map((row) => [row.accountId, row.amount, row.transferAccountId]),
      [
        ["memory:a1", -5000, "memory:a2"],
        ["memory:a2", 5000, "memory:a1"],
      ],
    );
    assert.deepEqual(
      [(await bench.item("in")).state, (await bench.item("in")).skipReason],
      ["skipped", "own-transfer"],
    );
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
        await bench.arrive(row);
        await bench.classify(null);
        await bench.sync();
      }
      assert.equal(bench.budget.rows.length, 2, "one transfer has two sides");
      await bench.reset();
    }
  });

  it("writes a transfer once when no IBAN is named, by the name of the account, and keeps the reason", async () => {
    await bench.arrive(
      payment("out", { amount: -5000, counterparty: { name: "To Savings" } }),
      payment("in", { amount: 5000, accountId: "bank:2", date: "2026-02-13", counterparty: { name: "Me" } }),
    );
    await bench.classify(null);
    await bench.sync();
    assert.deepEqual(
      bench.budget.rows.map((row) => [row.accountId, row.amount, row.transferAccountId]),
      [
        ["memory:a1", -5000, "memory:a2"],
        ["memory:a2", 5000, "memory:a1"],
      ],
    );
    assert.match((await bench.item("in")).transferReason!, /paired by name, 3 days apart/);
  });

  it("lists what it would write in a dry run and writes nothing", async () => {
    await bench.arrive(payment("1"));
    await bench.classify();
    const calls = bench.budget.calls;
    const result = await bench.sync({ dryRun: true });
    assert.equal(result.wouldWrite?.length, 1);
    assert.equal(bench.budget.calls, calls);
    assert.equal((await bench.item("1")).state, "classified");
  });

  it("takes over from a worker that is gone: at once from its own instance, after the lease from another", async () => {
    for (const [owner, waits] of [
      ["here#0", false],
      ["elsewhere#1", true],
    ] as const) {
      await bench.arrive(payment(owner));
      await bench.classify();
      const found = await bench.item(owner);
      const held = {
        leaseOwner: owner,
        leaseUntil: new Date(Date.parse(bench.clock.now()) + 60_000).toISOString(),
      };
      const [leased] = await moveItems(
        bench.store,
        [{ item: found, to: "leased", set: held }],
        bench.clock.now(),
      );
      await moveItems(bench.store, [{ item: leased!, to: "sending", set: held }], bench.clock.now());
      const before = bench.budget.rows.length;
      await bench.sync();
      assert.equal(bench.budget.rows.length, before + (waits ? 0 : 1), owner);
      bench.clock.advance(61_000);
      await bench.sync();
      assert.equal(bench.budget.rows.length, before + 1, owner);
    }
  });

  it("refuses a mapping that names a bank account twice", async () => {
    await assert.rejects(
      bench.sync({ mapping: [MAPPING[0]!, { bank: "NL91ABNA0417164300", budget: "memory:a2" }] }),
      { code: "CONFIG_INVALID" },
    );
  });
});
