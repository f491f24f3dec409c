import assert from "node:assert/strict";
import fc from "fast-check";
import { undoBatch } from "../../lib/queue";
import type { AccountRules, Payment } from "../../lib/store";
import { addDays } from "../../lib/values";
import { MAPPING, payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import { Bench } from "./bench";

const DAY_MS = 86_400_000;

describe("pending payments", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const rules = (own: AccountRules) => (bench.mapping = [{ ...MAPPING[0]!, rules: own }, MAPPING[1]!]);
  const waiting = (id: string, parts: Partial<Payment> = {}) => payment(id, { status: "pending", ...parts });
  /** One reading of the bank and a whole pass. */
  const see = async (...rows: Payment[]) => {
    await bench.extract(rows, { listsPending: true });
    return bench.pass();
  };
  /** The first pass makes the accounts known, so that their rules are. */
  const begin = async (own: AccountRules = { pending: "write" }) => {
    rules(own);
    await see();
  };
  const standing = () =>
    bench.budget.rows
      .filter((row) => !row.deleted)
      .map(({ date, amount, cleared, payeeName }) => [date, amount, cleared, payeeName]);

  it("are left until they are booked, when nothing else is said, and then written once", async () => {
    await see(waiting("1"));
    assert.deepEqual(standing(), []);
    await see(waiting("1"), waiting("2", { counterparty: { name: "Hotel" } }));
    await see(payment("1"), payment("9", { counterparty: { name: "Hotel" } }));
    await see();
    assert.deepEqual(standing(), [
      ["2026-02-10", -1000, "cleared", "Shop 1"],
      ["2026-02-10", -1000, "cleared", "Hotel"],
    ]);
    assert.equal((await bench.item("2")).skipReason, "superseded");
  });

  it("are written as uncleared where that is wanted, and the same row is cleared with what was booked", async () => {
    await begin();
    await see(waiting("1", { amount: -15000 }));
    assert.deepEqual(standing(), [["2026-02-10", -15000, "uncleared", "Shop 1"]]);
    await see(waiting("1", { amount: -14000 }));
    assert.deepEqual(standing(), [["2026-02-10", -14000, "uncleared", "Shop 1"]], "changed while pending");
    await see(payment("1", { amount: -6123, date: "2026-02-12", counterparty: { name: "Shop 1 Utrecht" } }));
    assert.deepEqual(standing(), [["2026-02-12", -6123, "cleared", "Shop 1 Utrecht"]]);
    const item = await bench.item("1");
    assert.deepEqual([item.state, item.uncleared, item.revises], ["synced", undefined, undefined]);
  });

  const links: Record<string, { pending: Partial<Payment>; booked: Partial<Payment> }> = {
    "the bank's own link": {
      pending: { bookedAs: "bank:booked" },
      booked: { amount: -77, counterparty: { name: "Somebody Else" } },
    },
    "date and party": { pending: {}, booked: { date: "2026-02-13" } },
    "a near amount, as of hotels": {
      pending: { amount: -12000 },
      booked: { amount: -10150, date: "2026-02-16" },
    },
    "any amount of the only one of that name, as of filling stations": {
      pending: { amount: -15000 },
      booked: { amount: -6123, date: "2026-02-12" },
    },
  };
  for (const [what, { pending, booked }] of Object.entries(links)) {
    it(`are one row when they are booked under another id: by ${what}`, async () => {
      await begin();
      const { bookedAs, ...first } = pending;
      const name = { counterparty: { name: "Tank Oost" }, description: "card 77" };
      await see(waiting("open", { ...name, ...first }));
      const later = payment("booked", { ...name, ...booked });
      await see(later, ...(bookedAs ? [waiting("open", { ...name, ...pending })] : []));
      for (let n = 0; n < 2; n++) await see(later);
      assert.deepEqual(standing(), [[later.date, later.amount, "cleared", later.counterparty!.name]]);
      assert.equal((await bench.item("open")).skipReason, "superseded");
      assert.equal((await bench.item("booked")).transactionId, bench.budget.rows[0]!.id);
    });
  }

  it("stay two where they only look alike: another name, other sign, too late, still listed", async () => {
    await begin();
    await see(waiting("a", { counterparty: { name: "Cafe" }, description: "x" }));
    await see(
      waiting("a", { counterparty: { name: "Cafe" }, description: "x" }),
      payment("b", { counterparty: { name: "Cafe" }, description: "x" }),
      payment("c", { counterparty: { name: "Kapper" }, description: "y" }),
      payment("d", { counterparty: { name: "Cafe" }, amount: 1000 }),
      payment("e", { counterparty: { name: "Cafe" }, date: "2026-02-28" }),
    );
    assert.equal(standing().length, 5);
  });

  it("keep what a person did to the row: category, memo, approval and payee", async () => {
    await begin();
    await see(waiting("1"));
    Object.assign(bench.budget.rows[0]!, {
      categoryId: "memory:rent",
      memo: "mine",
      approved: true,
      payeeName: "My shop",
    });
    await see(
      payment("booked", { amount: -1010, counterparty: { name: "Shop 1" }, description: "Card payment 1" }),
    );
    const { categoryId, memo, approved, payeeName, amount, cleared } = bench.budget.rows[0]!;
    assert.deepEqual(
      [categoryId, memo, approved, payeeName, amount, cleared],
      ["memory:rent", "mine", true, "My shop", -1010, "cleared"],
    );
    assert.equal(bench.budget.rows.length, 1);
  });

  it("are left alone when a person reconciled, split or deleted the row, and what does not tie is said", async () => {
    await begin();
    await see(waiting("1"), waiting("2"), waiting("3"));
    const [one, two, three] = bench.budget.rows;
    one!.cleared = "reconciled";
    two!.split = [{ amount: -1000, categoryId: "memory:food" }];
    three!.deleted = true;
    const booked = ["1", "2", "3"].map((id) => payment(id, { amount: -1234 }));
    const { problems } = await see(...booked);
    assert.match(
      problems.map(({ message }) => message).join("\n"),
      /reconciled by you(.|\n)*split by you|split by you(.|\n)*reconciled by you/,
    );
    await see(...booked);
    assert.deepEqual(
      bench.budget.rows.map(({ amount, deleted }) => [amount, deleted]),
      [
        [-1000, false],
        [-1000, false],
        [-1000, true],
      ],
    );
    assert.deepEqual((await bench.items()).map(({ state }) => state).sort(), ["dead", "synced", "synced"]);
  });

  it("take over what a person had entered by hand, or undone", async () => {
    await begin();
    bench.byHand();
    await see(waiting("1"));
    assert.equal((await bench.item("1")).skipReason, "already-in-budget");
    await see(payment("booked", { counterparty: { name: "Shop 1" }, description: "Card payment 1" }));
    assert.equal((await bench.item("booked")).skipReason, "already-in-budget");
    assert.equal(standing().length, 1);

    const { batchIds } = await see(waiting("2", { amount: -55 }));
    await undoBatch(bench.store, bench.budget, batchIds[0]!, { now: bench.clock.now });
    await see(
      payment("two", { amount: -55, counterparty: { name: "Shop 2" }, description: "Card payment 2" }),
    );
    assert.equal((await bench.item("two")).skipReason, "undone");
    assert.equal(standing().length, 1);
  });

  it("that the bank drops are deleted some days later, and kept with a word when a person touched them", async () => {
    await begin();
    await see(waiting("1"), waiting("2", { amount: -5000 }));
    bench.budget.rows[1]!.memo = "mine";
    await see();
    assert.equal(standing().length, 2, "the booking may come yet");
    bench.clock.advance(4 * DAY_MS);
    const { problems, counts } = await see();
    assert.deepEqual(standing().length, 1);
    assert.equal(counts["vanished"], 1);
    assert.match(problems[0]!.message, /dropped by the bank/);
    assert.equal((await bench.item("1")).skipReason, "vanished");
    assert.equal((await see()).problems.length, 0, "said once");
  });

  it("that the bank drops are kept where that is wanted; one that comes back is as it was", async () => {
    await begin({ pending: "write", vanished: "keep" });
    await see(waiting("1"), waiting("2"));
    await see(waiting("2"));
    await see(waiting("1"), waiting("2"));
    bench.clock.advance(4 * DAY_MS);
    await see(waiting("1"));
    assert.equal(standing().length, 2);
    bench.clock.advance(4 * DAY_MS);
    assert.equal((await see(payment("1"))).problems.length, 1);
    assert.deepEqual(
      standing().map(([, , cleared]) => cleared),
      ["cleared", "uncleared"],
    );
  });

  it("are booked late and find their row still", async () => {
    await begin();
    await see(waiting("1"));
    await see();
    bench.clock.advance(2 * DAY_MS);
    await see(
      payment("booked", {
        date: "2026-02-13",
        counterparty: { name: "Shop 1" },
        description: "Card payment 1",
      }),
    );
    assert.deepEqual(standing(), [["2026-02-13", -1000, "cleared", "Shop 1"]]);
  });

  it("are listed by a dry run as nothing to create", async () => {
    await begin();
    await see(waiting("1"));
    await bench.extract([
      payment("booked", { counterparty: { name: "Shop 1" }, description: "Card payment 1" }),
    ]);
    await bench.match();
    const { wouldWrite } = await bench.sync({ dryRun: true });
    assert.deepEqual(wouldWrite, []);
  });

  it("end as one row for each payment, whenever the machine dies and whatever the bank changes", async function () {
    this.timeout(180_000);
    const how = fc.record({
      sameId: fc.boolean(),
      days: fc.integer({ min: 0, max: 4 }),
      factor: fc.constantFrom(1, 1, 0.85),
      dieAt: fc.integer({ min: 0, max: 30 }),
      when: fc.constantFrom<"before" | "after">("before", "after"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(how, { minLength: 1, maxLength: 3 }), async (all) => {
        await bench.reset();
        await begin();
        const open = all.map((_, n) =>
          waiting(`p${n}`, {
            amount: -1000 * (n + 1),
            counterparty: { name: `Winkel ${"abc"[n]!.repeat(5)}` },
          }),
        );
        const booked = open.map((one, n): Payment => {
          const { sameId, days, factor } = all[n]!;
          return {
            ...one,
            status: "booked",
            id: sameId ? one.id : `bank:b${n}`,
            date: addDays(one.date, days),
            amount: one.amount * factor,
          };
        });
        const steps = [open, booked, booked, booked];
        for (const [n, rows] of steps.entries()) {
          const { dieAt, when } = all[n % all.length]!;
          const whole = bench.store;
          if (dieAt > 0 && n < 2) bench.store = crashingStore(whole, dieAt, when);
          await see(...rows).catch((error: Error) => assert.ok(error.message));
          bench.store = whole;
          bench.clock.advance(3_600_000);
        }
        assert.deepEqual(
          standing()
            .map(([date, amount, cleared]) => `${date} ${amount} ${cleared}`)
            .sort(),
          booked.map(({ date, amount }) => `${date} ${amount} cleared`).sort(),
        );
      }),
      { numRuns: 60 },
    );
  });
});
