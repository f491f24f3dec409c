import assert from "node:assert/strict";
import { bankAccounts, payments, type Payment } from "../../lib/store";
import type { QueueSyncOptions } from "../../lib/queue";
import { ACCOUNTS, MAPPING, payment } from "../support/context";
import { Bench } from "./bench";

/** Each reason to skip a payment, and how it goes. */
const REASONS: Record<
  string,
  {
    given: Partial<Payment>;
    before?: Partial<QueueSyncOptions>;
    after?: Partial<QueueSyncOptions>;
    goes(bench: Bench): Promise<void>;
  }
> = {
  "not-mapped": {
    given: { accountId: "bank:3" },
    after: { mapping: [...MAPPING, { bank: "bank:3", budget: "memory:a1" }] },
    goes: async () => {},
  },
  "before-start-date": {
    given: {},
    before: { startDate: "2026-02-11" },
    after: { startDate: "2026-02-10" },
    goes: async () => {},
  },
  pending: {
    given: { status: "pending" },
    goes: async ({ store }) => void (await store.collection(payments).upsertMany([payment("1")])),
  },
  "zero-amount": {
    given: { amount: 0 },
    goes: async ({ store }) => void (await store.collection(payments).upsertMany([payment("1")])),
  },
  "currency-mismatch": {
    given: { currency: "USD" },
    goes: async ({ budget }) => {
      const extract = budget.extract.bind(budget);
      budget.extract = async () => {
        const delta = await extract();
        return { ...delta, budget: { ...delta.budget, currency: "USD" } };
      };
    },
  },
  "account-closed": {
    given: {},
    goes: async ({ budget }) => budget.closed.clear(),
  },
};

describe("skipped payments", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
    const third = { ...ACCOUNTS[0]!, id: "bank:3", iban: "NL02ABNA0123456789", name: "Later" };
    await bench.store.collection(bankAccounts).upsertMany([third]);
  });
  afterEach(() => bench.store.close());

  for (const [reason, { given, before = {}, after = {}, goes }] of Object.entries(REASONS)) {
    it(`are written once the reason goes: ${reason}`, async () => {
      if (reason === "account-closed") bench.budget.closed.add("memory:a1");
      await bench.arrive(payment("1", given));
      await bench.classify();
      for (let pass = 0; pass < 2; pass++) await bench.sync(before);
      assert.deepEqual(
        [(await bench.item("1")).state, (await bench.item("1")).skipReason],
        ["skipped", reason],
      );
      await goes(bench);
      // The settings are seen by queue sync first, and then by a whole pass.
      for (let pass = 0; pass < 3 && bench.budget.rows.length === 0; pass++) {
        bench.clock.advance(3_600_000);
        await bench.pass(after);
      }
      assert.equal(bench.budget.rows.length, 1);
      assert.equal((await bench.item("1")).state, "synced");
    });
  }

  it("that come back are compared with the budget before they are sent", async () => {
    await bench.arrive(payment("1", { accountId: "bank:3" }));
    bench.byHand();
    const mapping = [...MAPPING, { bank: "bank:3", budget: "memory:a1" }];
    await bench.sync({ mapping });
    assert.equal((await bench.item("1")).state, "new");
    await bench.classify();
    assert.equal((await bench.sync({ mapping })).counts["waiting"], 1);
    await bench.match();
    await bench.sync({ mapping });
    assert.equal((await bench.item("1")).skipReason, "already-in-budget");
    assert.equal(bench.budget.rows.length, 1);
  });

  it("are skipped for the reason that holds now", async () => {
    await bench.arrive(payment("1", { accountId: "bank:3", status: "pending" }));
    await bench.sync();
    assert.equal((await bench.item("1")).skipReason, "not-mapped");
    await bench.sync({ mapping: [...MAPPING, { bank: "bank:3", budget: "memory:a1" }] });
    assert.equal((await bench.item("1")).skipReason, "pending");
  });
});
