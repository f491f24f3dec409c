import assert from "node:assert/strict";
import fc from "fast-check";
import { bankExtract, type BankProvider } from "../../lib/bank";
import { budgetExtract } from "../../lib/budget";
import { matchStep } from "../../lib/matching";
import { moveItems, queueSync } from "../../lib/queue";
import { queue, type Payment, type Store } from "../../lib/store";
import { ACCOUNTS, MAPPING, memoryStore, payment, stepContext, TestClock } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import { MemoryBudget, type Fault } from "../support/memory-budget";

/** A bank whose pages hold three payments each. */
function bankOf(rows: readonly Payment[]): BankProvider {
  return {
    kind: "test",
    source: "bank",
    calls: 0,
    accounts: async () => ACCOUNTS,
    async *payments(account, { cursor }) {
      const own = rows.filter((row) => row.accountId === account.id);
      for (let start = Math.max(0, Number(cursor ?? 0) - 2); start < own.length; start += 3) {
        const page = own.slice(start, start + 3);
        yield { payments: page, errors: [], cursor: start + page.length };
      }
    },
    close: async () => {},
  };
}

/** One pass of the main job, with a classifier that knows one category. */
async function pass(
  store: Store,
  bank: BankProvider,
  budget: MemoryBudget,
  worker: string,
  clock: TestClock,
): Promise<void> {
  const context = stepContext(store, clock);
  await bankExtract(context, bank, { budgetIds: [budget.budgetId] });
  await budgetExtract(context, budget);
  await matchStep(context, { budgetId: budget.budgetId, mapping: MAPPING });
  const { items } = await store
    .collection(queue)
    .find({ index: "byState", equals: [budget.budgetId, "new"] });
  await moveItems(
    store,
    items.map((item) => ({ item, to: "classified", set: { categoryId: "memory:food" } })),
    clock.now(),
  );
  await queueSync(context, budget, { worker, isGone: (other) => other !== worker, mapping: MAPPING });
}

const OWN = [ACCOUNTS[0]!.iban!, ACCOUNTS[1]!.iban!] as const;
const ROWS = [
  ...Array.from({ length: 8 }, (_, n) =>
    payment(`p${n}`, { amount: -100 * (1 + (n % 3)), date: `2026-02-0${1 + (n % 4)}` }),
  ),
  payment("equal1", { amount: -700 }),
  payment("equal2", { amount: -700 }),
  payment("out", { amount: -5000, counterparty: { iban: OWN[1] } }),
  payment("in", { amount: 5000, accountId: "bank:2", counterparty: { iban: OWN[0] } }),
  payment("s1", { accountId: "bank:2", amount: 12 }),
];

/** What must stand in the budget: every payment once; the two sides of the transfer are one write. */
function assertExactlyOnce(budget: MemoryBudget): void {
  const written = budget.rows.map((row) => `${row.accountId} ${row.date} ${row.amount}`).sort();
  const wanted = ROWS.map((row) => `memory:a${row.accountId.at(-1)} ${row.date} ${row.amount}`).sort();
  assert.deepEqual(written, wanted);
}

describe("the main job under kills and faults", () => {
  it("writes every payment once wherever it is killed, and completes with the next pass", async function () {
    this.timeout(120_000);
    const whole = crashingStore(await memoryStore(), Infinity, "before");
    await pass(whole, bankOf(ROWS), new MemoryBudget(), "here#0", new TestClock());
    assert.ok(whole.writes > 20, "the pass makes enough writes to be killed at");
    for (let dieAt = 1; dieAt <= whole.writes; dieAt++) {
      for (const when of ["before", "after"] as const) {
        const store = await memoryStore();
        const budget = new MemoryBudget();
        const clock = new TestClock();
        await assert.rejects(
          pass(crashingStore(store, dieAt, when), bankOf(ROWS), budget, "here#1", clock),
          `${when} write ${dieAt}`,
        );
        clock.advance(1000);
        await pass(store, bankOf(ROWS), budget, "here#2", clock);
        assertExactlyOnce(budget);
        const calls = budget.rows.length;
        await pass(store, bankOf(ROWS), budget, "here#2", clock);
        assert.equal(budget.rows.length, calls, "a further pass writes nothing");
        await store.close();
      }
    }
  });

  it("writes every payment once under any sequence of kills and budget faults", async function () {
    this.timeout(600_000);
    const faults = fc.array(
      fc.constantFrom<Fault>("none", "refuse-all", "drop-before", "drop-after", "drop-half", "rate-limit"),
      { maxLength: 4 },
    );
    const kills = fc.array(
      fc.record({
        dieAt: fc.integer({ min: 1, max: 40 }),
        when: fc.constantFrom("before" as const, "after" as const),
      }),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(
        faults,
        kills,
        fc.integer({ min: 1, max: ROWS.length }),
        async (budgetFaults, deaths, first) => {
          const store = await memoryStore();
          const budget = new MemoryBudget();
          const clock = new TestClock();
          budget.faults = [...budgetFaults];
          // The bank shows some payments first and the others later.
          const early = bankOf(ROWS.slice(0, first));
          let session = 0;
          for (const { dieAt, when } of deaths) {
            await pass(crashingStore(store, dieAt, when), early, budget, `here#${session++}`, clock).catch(
              () => clock.advance(5000),
            );
          }
          for (let tries = 0; tries < budgetFaults.length + 2; tries++) {
            await pass(store, bankOf(ROWS), budget, `here#${session}`, clock).catch(() =>
              clock.advance(120_000),
            );
          }
          assertExactlyOnce(budget);
          await store.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});
