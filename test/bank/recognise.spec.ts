import assert from "node:assert/strict";
import fc from "fast-check";
import { bankExtract, type BankProvider, type PaymentPage } from "../../lib/bank";
import { events, payments, type BankAccount, type Payment } from "../../lib/store";
import { addDays, type CalendarDate, type Json } from "../../lib/values";
import { Bench } from "../queue/bench";
import { ACCOUNTS, payment } from "../support/context";

/** A payment as it truly happened. */
interface Real {
  date: CalendarDate;
  amount: number;
  shop: string;
  /** The id that the bank gave it at first: of its own, that of an earlier payment, or none. */
  id: string;
}

/** Another row of a reading, and the id it has there. */
interface Shown {
  real: Real;
  id: string;
}

/** A bank that shows what it is told to, page by page, and goes on with whole days before the last one it showed. */
class ModelBank implements BankProvider {
  readonly kind = "model";
  readonly source = "bank";
  readonly ids = "changing" as const;
  calls = 0;
  shown: Shown[] = [];
  pageSize = 3;
  /** So many rows of a page are shown again by the next one. */
  overlap = 0;
  /** The reading is cut off after so many pages; never when absent. */
  dieAfter: number | undefined;

  accounts = async (): Promise<BankAccount[]> => [ACCOUNTS[0]!];

  async *payments(account: BankAccount, { cursor }: { cursor: Json }): AsyncIterable<PaymentPage> {
    const from = typeof cursor === "string" ? addDays(cursor, -5) : "0001-01-01";
    const rows = this.shown.filter(({ real }) => real.date >= from);
    let through = typeof cursor === "string" ? cursor : null;
    let pages = 0;
    for (let at = 0; at < rows.length; at += this.pageSize) {
      if (pages++ === this.dieAfter) throw new Error("The line went dead.");
      // A row without an id cannot be told from an equal one: such a bank does not show it twice.
      const again = rows.slice(Math.max(0, at - this.overlap), at).filter(({ id }) => id !== "");
      const page = [...again, ...rows.slice(at, at + this.pageSize)];
      const last = rows[at + this.pageSize];
      // Days are whole once a later one begins.
      const done = last ? addDays(last.real.date, -1) : page.at(-1)!.real.date;
      if (through === null || done > through) through = done;
      yield { payments: page.map((row) => rowOf(account, row)), errors: [], cursor: through };
    }
  }

  close = async (): Promise<void> => {};
}

function rowOf(account: BankAccount, { real, id }: Shown): Payment {
  const { date, amount, shop } = real;
  const counterparty = { name: shop };
  return {
    ...payment("x", { date, amount, counterparty, description: `${shop} Utrecht` }),
    accountId: account.id,
    id: `bank:${id}`,
  };
}

const FIRST = "2026-02-01";
const SHOPS = ["Coffee Bar", "Bookshop", "Station Kiosk"];

const real = fc.record({
  day: fc.integer({ min: 0, max: 12 }),
  amount: fc.constantFrom(-250, -250, -999),
  shop: fc.constantFrom(...SHOPS),
  naming: fc.constantFrom("own", "own", "blank", "recycled"),
});

/** Whether rows come under other ids, in which order and pages, and whether the line goes dead. */
const reading = fc.record({
  upToDay: fc.integer({ min: 0, max: 14 }),
  rotate: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
  pageSize: fc.integer({ min: 1, max: 6 }),
  overlap: fc.integer({ min: 0, max: 3 }),
  reversed: fc.boolean(),
  dieAfter: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

const essence = (rows: readonly { date: string; amount: number; name: string }[]) =>
  rows.map(({ date, amount, name }) => `${date} ${amount} ${name}`).sort();

describe("payments of banks whose ids do not last", () => {
  let bench: Bench;
  let bank: ModelBank;
  beforeEach(async () => {
    bench = await Bench.open();
    bank = new ModelBank();
  });
  afterEach(() => bench.store.close());

  const extract = () => bankExtract(bench.context(), bank, { budgetIds: [bench.budget.budgetId] });
  const show = async (...rows: [Partial<Real>, string][]) => {
    bank.shown = rows.map(([parts, id]) => ({
      id,
      real: { date: FIRST, amount: -250, shop: "Coffee Bar", id, ...parts },
    }));
    await extract();
    await bench.pass();
    return bench.budget.rows.length;
  };

  it("come under another id and are written once; equal ones stay two", async () => {
    assert.equal(await show([{}, "1"]), 1);
    assert.equal(await show([{}, "2"]), 1, "rotated");
    assert.equal(await show([{}, "3"], [{}, "4"]), 2, "a second coffee");
    assert.equal(await show([{}, "4"], [{}, "5"]), 2);
    assert.equal(await show([{}, ""], [{}, ""], [{}, ""]), 3, "without ids");
  });

  it("are new where an old id comes on another payment, and this is said", async () => {
    await show([{}, "1"]);
    const warned: string[] = [];
    const told: string[] = [];
    bank.shown = [{ id: "1", real: { date: addDays(FIRST, 9), amount: -999, shop: "Bookshop", id: "1" } }];
    const context = {
      ...bench.context(),
      log: (_level: string, text: string) => void warned.push(text),
      emit: async (type: string) => void told.push(type),
    };
    await bankExtract(context, bank, { budgetIds: [bench.budget.budgetId] });
    await bench.pass();
    assert.deepEqual(essence(bench.budget.rows.map((row) => ({ ...row, name: row.payeeName ?? "" }))), [
      `${FIRST} -250 Coffee Bar`,
      `${addDays(FIRST, 9)} -999 Bookshop`,
    ]);
    assert.match(warned[0]!, /had before/);
    assert.deepEqual(told, ["bank.recycled-ids"]);
    const stored = await bench.store.collection(payments).find({ index: "byAccount", equals: ["bank:1"] });
    assert.deepEqual(
      stored.items.map(({ note }) => note !== undefined),
      [false, true],
    );
    assert.equal(await bench.store.collection(events).count({ index: "byType" }), 0);
  });

  it("keep their id when the bank corrects text or date a little", async () => {
    await show([{}, "1"]);
    assert.equal(await show([{ date: addDays(FIRST, 1), shop: "Coffee Bar Centraal" }, "1"]), 1);
  });

  it("stand in the budget exactly once, whatever the bank does with its ids", async function () {
    this.timeout(180_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(real, { minLength: 1, maxLength: 14 }),
        fc.array(reading, { minLength: 1, maxLength: 5 }),
        async (drawn, readings) => {
          await bench.reset();
          bank = new ModelBank();
          const truth = happened(drawn);
          let serial = 0;
          const last = { ...readings[0]!, upToDay: 14, dieAfter: undefined };
          let day = 0;
          for (const { upToDay, rotate, reversed, dieAfter, ...paging } of [...readings, last, last]) {
            day = Math.max(day, upToDay);
            Object.assign(bank, paging, { dieAfter });
            const rows = truth.filter(({ date }) => date <= addDays(FIRST, day));
            bank.shown = rows.map((one, at) => ({
              real: one,
              id: one.id !== "" && rotate[at % rotate.length] ? `rotated-${serial++}` : one.id,
            }));
            if (reversed) bank.shown = withinDays(bank.shown);
            await extract().catch((error: Error) => assert.match(error.message, /line went dead/));
            await bench.pass();
          }
          assert.deepEqual(
            essence(bench.budget.rows.map((row) => ({ ...row, name: row.payeeName ?? "" }))),
            essence(truth.map((one) => ({ ...one, name: one.shop }))),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Payments in the order of days. An id is recycled from an earlier payment that differs in date, amount and shop. */
function happened(drawn: readonly { day: number; amount: number; shop: string; naming: string }[]): Real[] {
  const found: Real[] = [];
  for (const { day, amount, shop, naming } of [...drawn].sort((a, b) => a.day - b.day)) {
    const date = addDays(FIRST, day);
    const old = found.find(
      (one) =>
        one.id !== "" &&
        one.date !== date &&
        one.amount !== amount &&
        one.shop !== shop &&
        !found.some((other) => other !== one && other.id === one.id),
    );
    const id = naming === "blank" ? "" : naming === "recycled" && old ? old.id : `own-${found.length}`;
    found.push({ date, amount, shop, id });
  }
  return found;
}

/** The same days with the rows of each in the other order. */
function withinDays(rows: readonly Shown[]): Shown[] {
  const order = new Map(rows.map((row, at) => [row, at]));
  return [...rows].sort((a, b) =>
    a.real.date < b.real.date ? -1 : a.real.date > b.real.date ? 1 : order.get(b)! - order.get(a)!,
  );
}
