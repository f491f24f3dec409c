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
  /** Kill a pass before and after each of its writes; the next one completes it, and a further one writes nothing. */
  async function killedAnywhere(
    rows: readonly Payment[],
    open: () => MemoryBudget,
    assertWritten: (budget: MemoryBudget) => void,
  ): Promise<void> {
    const whole = crashingStore(await memoryStore(), Infinity, "before");
    await pass(whole, bankOf(rows), open(), "here#0", new TestClock());
    assert.ok(whole.writes > 20, "the pass makes enough writes to be killed at");
    for (let dieAt = 1; dieAt <= whole.writes; dieAt++) {
      for (const when of ["before", "after"] as const) {
        const store = await memoryStore();
        const budget = open();
        const clock = new TestClock();
        await assert.rejects(
          pass(crashingStore(store, dieAt, when), bankOf(rows), budget, "here#1", clock),
          `${when} write ${dieAt}`,
        );
        clock.advance(1000);
        await pass(store, bankOf(rows), budget, "here#2", clock);
        assertWritten(budget);
        const written = structuredClone(budget.rows);
        await pass(store, bankOf(rows), budget, "here#2", clock);
        assert.deepEqual(budget.rows, written, "a further pass writes nothing");
        await store.close();
      }
    }
  }

  it("writes every payment once wherever it is killed, and completes with the next pass", async function () {
    this.timeout(120_000);
    await killedAnywhere(ROWS, () => new MemoryBudget(), assertExactlyOnce);
  });

  it("keeps payments apart from what a person entered for others, wherever it is killed", async function () {
    this.timeout(120_000);
    const rows = [
      ...["2026-02-02", "2026-02-06", "2026-02-06", "2026-02-09"].map((date, n) =>
        payment(`e${n}`, { date, amount: -700 }),
      ),
      payment("f", { date: "2026-02-09", amount: -300 }),
    ];
    const open = () => {
      const budget = new MemoryBudget();
      budget.limits.ownMatchDays = 10;
      budget.enter({ accountId: "memory:a1", date: "2026-02-01", amount: -700 });
      // The nearest amounts to step aside to are taken as well.
      budget.enter({ accountId: "memory:a1", date: "2026-02-01", amount: -701 });
      return budget;
    };
    await killedAnywhere(rows, open, (budget) =>
      assert.deepEqual(
        budget.rows.map((row) => [row.date, row.amount, row.cleared]),
        [
          ["2026-02-01", -700, undefined],
          ["2026-02-01", -701, undefined],
          ["2026-02-06", -700, "cleared"],
          ["2026-02-06", -700, "cleared"],
          ["2026-02-09", -700, "cleared"],
          ["2026-02-09", -300, "cleared"],
        ],
      ),
    );
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
            await pass(store, bankOf(ROWS), budget, `here#${session}`, clock).catch(() => {});
            // What was refused waits for its time, also where the pass as a whole went well.
            clock.advance(6 * 3_600_000);
          }
          assertExactlyOnce(budget);
          await store.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});
