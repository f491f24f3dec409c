import assert from "node:assert/strict";
import { withRules } from "../../lib/queue";
import { bankAccounts, payments, type AccountRules, type Payment } from "../../lib/store";
import { MAPPING, payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import { Bench } from "./bench";

describe("the rules of a bank account", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const rules = (own?: AccountRules) =>
    (bench.mapping = [{ ...MAPPING[0]!, ...(own ? { rules: own } : {}) }, MAPPING[1]!]);
  const see = async (...rows: Payment[]) => {
    await bench.extract(rows);
    return bench.pass();
  };
  const rows = () => bench.budget.rows.map(({ date, amount }) => [date, amount]);

  it("start date: of one account, and what was before it is taken up by itself when it moves", async () => {
    rules({ startDate: "2026-02-15" });
    const other = payment("2", { accountId: "bank:2" });
    await see(payment("1"), other);
    assert.equal((await bench.item("1")).skipReason, "before-start-date");
    assert.deepEqual(rows(), [["2026-02-10", -1000]]);
    rules({ startDate: "2026-02-10" });
    await see(payment("1"), other);
    assert.equal((await bench.item("1")).state, "synced");
    assert.equal(bench.budget.rows.length, 2);
  });

  it("sign: turned round before the first write, and with all amounts of the payment", async () => {
    rules({ sign: "inverted" });
    const spent = payment("1", {
      amount: 1000,
      balanceAfter: 5000,
      original: { amount: 1100, currency: "USD" },
    });
    for (let n = 0; n < 3; n++) await see(spent);
    assert.deepEqual(rows(), [["2026-02-10", -1000]]);
    const [stored] = await bench.store.collection(payments).getMany(["bank:1"]);
    assert.deepEqual([stored?.amount, stored?.balanceAfter, stored?.original?.amount], [-1000, -5000, -1100]);
    rules();
    await bench.match();
    assert.equal((await bench.store.collection(payments).get("bank:1"))?.amount, 1000, "and back");
  });

  it("sign: every stored payment once, wherever the machine dies", async () => {
    const all = Array.from({ length: 5 }, (_, n) => payment(`${n}`, { amount: 100 + n }));
    for (let dieAt = 1; dieAt < 12; dieAt++)
      for (const when of ["before", "after"] as const) {
        await bench.reset();
        rules();
        await bench.extract(all);
        rules({ sign: "inverted" });
        const whole = bench.store;
        bench.store = crashingStore(whole, dieAt, when);
        await bench.match().catch((error: Error) => assert.ok(error.message));
        bench.store = whole;
        await bench.extract(all);
        await bench.match();
        const stored = await whole.collection(payments).getMany(all.map(({ id }) => id));
        assert.deepEqual(
          stored.map(({ amount }) => amount),
          all.map(({ amount }) => -amount),
        );
      }
  });

  it("time zone: half past midnight is the day of the account, stored payments too", async () => {
    const late = payment("1", { instant: "2026-02-10T23:30:00.000Z", date: "2026-02-11" });
    await bench.extract([late]);
    rules({ timeZone: "Europe/London" });
    await bench.pass();
    assert.deepEqual(rows(), [["2026-02-10", -1000]]);
    const given: string[] = [];
    await bench.extract([], {
      async *payments(account) {
        given.push(account.timeZone);
        yield { payments: [], errors: [], cursor: null };
      },
    });
    assert.deepEqual(given, ["Europe/London", "Europe/Amsterdam"], "the provider is given the zone");
    assert.equal((await bench.store.collection(bankAccounts).get("bank:1"))?.timeZone, "Europe/London");
  });

  it("are lines of account, setting and value, and a wrong one is named", () => {
    const line = (setting: string, value: string, bank = "bank:2") => ({ bank, setting, value });
    assert.deepEqual(withRules(MAPPING, [line("sign", "inverted"), line("pending", "write")])[1], {
      ...MAPPING[1],
      rules: { sign: "inverted", pending: "write" },
    });
    assert.deepEqual(withRules(MAPPING, []), MAPPING);
    for (const [bad, told] of [
      [line("colour", "red"), /no setting "colour"/],
      [line("sign", "minus"), /as-is or inverted/],
      [line("startDate", "2026-02-30"), /YYYY-MM-DD/],
      [line("timeZone", "Mars/Base"), /Europe\/Amsterdam/],
      [line("sign", "inverted", "bank:9"), /not in the account mapping/],
    ] as const)
      assert.throws(() => withRules(MAPPING, [bad]), { code: "CONFIG_INVALID", message: told });
  });
});
