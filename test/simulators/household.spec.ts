import assert from "node:assert/strict";
import fc from "fast-check";
import { addDays, contentHash, daysBetween, isIban, localDate } from "../../lib/values";
import {
  HOSTILE_NAMES,
  makeHousehold,
  type Household,
  type HouseholdPayment,
} from "../../simulators/household";

const booked = (household: Household) => household.payments.filter(({ status }) => status === "booked");

/** Everything that must hold for every household, whatever its seed, size and years. */
function assertInvariants(household: Household): void {
  const { payments, accounts, categories, entries, options } = household;
  const of = (sequence: number | undefined) => payments[(sequence ?? 0) - 1]!;
  const keys = new Set(categories.map(({ key }) => key));
  let last = "";
  payments.forEach((payment, at) => {
    assert.equal(payment.sequence, at + 1);
    assert.ok(payment.instant >= last, "in the order of time");
    last = payment.instant;
    assert.equal(payment.date, localDate(payment.instant, "Europe/Amsterdam"));
    assert.ok(payment.date >= options.from && payment.date <= options.until);
    assert.ok(Number.isSafeInteger(payment.amount) && payment.amount !== 0);
    assert.ok(payment.counterparty.iban === undefined || isIban(payment.counterparty.iban));
    assert.equal(payment.category === undefined, payment.transferOf !== undefined);
    assert.ok(payment.category === undefined || keys.has(payment.category));
    if (payment.transferOf !== undefined) {
      const other = of(payment.transferOf);
      assert.equal(other.transferOf, payment.sequence);
      assert.equal(other.amount, -payment.amount);
      assert.notEqual(other.account, payment.account);
      assert.ok(Math.abs(daysBetween(payment.date, other.date)) <= 1);
      assert.equal(payment.counterparty.iban, accounts.find(({ key }) => key === other.account)!.iban);
    }
    if (payment.bookedAs !== undefined) {
      assert.equal(payment.status, "pending");
      assert.equal(of(payment.bookedAs).status, "booked");
      assert.ok(of(payment.bookedAs).date > payment.date);
    }
    if (payment.refundOf !== undefined) {
      assert.ok(payment.amount > 0 && payment.amount <= -of(payment.refundOf).amount);
      assert.ok(payment.date > of(payment.refundOf).date);
    }
  });
  for (const entry of entries) {
    assert.ok(entry.date <= options.budgetedUntil && entry.date >= options.from);
    assert.ok(entry.category === undefined || keys.has(entry.category));
    if (entry.payment !== 0) assert.equal(of(entry.payment).account, entry.account);
  }
}

describe("household", () => {
  const household = makeHousehold();

  it("holds its invariants for any seed, size and years", () => {
    assertInvariants(household);
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer(),
          months: fc.integer({ min: 3, max: 18 }),
          scale: fc.constantFrom(0.2, 1, 1.37, 3),
        }),
        ({ seed, months, scale }) => {
          const until = "2025-04-15";
          assertInvariants(makeHousehold({ seed, until, from: addDays(until, -30 * months), scale }));
        },
      ),
      { numRuns: 12 },
    );
  });

  it("is the same for the same seed and another for another", () => {
    assert.equal(contentHash(makeHousehold({ seed: 7 })), contentHash(makeHousehold({ seed: 7 })));
    assert.notEqual(contentHash(makeHousehold({ seed: 7 })), contentHash(makeHousehold({ seed: 8 })));
  });

  it("has the size that is asked for", () => {
    const close = (got: number, wanted: number) => assert.ok(Math.abs(got / wanted - 1) < 0.15, `${got}`);
    close(household.payments.length, 3000);
    assert.ok(makeHousehold({ scale: 4.5 }).payments.length > 10_000);
    assert.ok(makeHousehold({ scale: 48 }).payments.length > 100_000);
  });

  it("keeps plausible balances, and pays the card off with what was spent on it", () => {
    for (const account of household.accounts) {
      assert.ok(isIban(account.iban));
      const own = booked(household).filter(({ account: key }) => key === account.key);
      let balance = account.openingBalance;
      for (const { amount } of own) balance += amount;
      if (account.type === "credit") assert.ok(balance <= 0 && balance > -500_000, `card at ${balance}`);
      else assert.ok(balance > 0, `${account.key} at ${balance}`);
    }
    const settlement = booked(household).find(({ description }) => /creditcard 2024-05/.test(description))!;
    const spent = booked(household)
      .filter(
        ({ account, date, transferOf }) => account === "card" && date.startsWith("2024-05") && !transferOf,
      )
      .reduce((sum, { amount }) => sum + amount, 0);
    assert.equal(Math.abs(settlement.amount), -spent);
  });

  describe("has every odd case", () => {
    const has = (what: string, count: number, is: (payment: HouseholdPayment) => boolean) =>
      it(what, () => {
        for (const seed of [1, 2, 3]) {
          const found = makeHousehold({ seed }).payments.filter(is).length;
          assert.ok(found >= count, `seed ${seed}: ${found} found, ${count} wanted`);
        }
      });
    has("dates that differ in UTC", 100, ({ date, instant }) => instant.slice(0, 10) !== date);
    has("refunds", 5, ({ refundOf }) => refundOf !== undefined);
    has("transfers", 120, ({ transferOf }) => transferOf !== undefined);
    has("pending that is booked later", 10, ({ bookedAs }) => bookedAs !== undefined);
    has("pending at the end", 2, ({ status, bookedAs }) => status === "pending" && bookedAs === undefined);
    has("a cent", 2, ({ amount }) => Math.abs(amount) === 1);
    has("a fortune", 1, ({ amount }) => amount > 10_000_000);
    has("cash machines", 20, ({ type }) => type === "cash");
    has("hostile names", HOSTILE_NAMES.length, ({ counterparty }) =>
      HOSTILE_NAMES.includes(counterparty.name),
    );
    has("no description", 1, ({ description }) => description === "");

    it("pending under another amount when it is booked", () => {
      const changed = household.payments.filter(
        ({ bookedAs, amount }) =>
          bookedAs !== undefined && household.payments[bookedAs - 1]!.amount !== amount,
      );
      assert.ok(changed.length >= 1);
    });

    it("rows equal in all but their id, some in the same second", () => {
      const groups = new Map<string, HouseholdPayment[]>();
      for (const payment of booked(household)) {
        const { account, date, amount, counterparty, description } = payment;
        const key = JSON.stringify([account, date, amount, counterparty, description]);
        groups.set(key, [...(groups.get(key) ?? []), payment]);
      }
      const equal = [...groups.values()].filter(({ length }) => length > 1);
      assert.ok(equal.length >= 2);
      assert.ok(equal.some((group) => new Set(group.map(({ instant }) => instant)).size < group.length));
    });

    it("a payee that changes its name and keeps its account", () => {
      const names = new Map<string, string[]>();
      for (const { counterparty, type } of booked(household)) {
        if (type !== "direct-debit" || !counterparty.iban) continue;
        const known = names.get(counterparty.iban) ?? [];
        if (known.at(-1) !== counterparty.name) names.set(counterparty.iban, [...known, counterparty.name]);
      }
      assert.ok([...names.values()].filter(({ length }) => length === 2).length >= 3);
    });

    it("a category that is renamed and one that is deleted, unused from then on", () => {
      assert.ok(household.categories.some(({ renamed }) => renamed));
      const gone = household.categories.find(({ deletedAt }) => deletedAt)!;
      const uses = booked(household).filter(({ category }) => category === gone.key);
      assert.ok(uses.length > 20);
      assert.ok(uses.every(({ instant }) => instant < gone.deletedAt!));
    });
  });

  it("has merchants under several spellings, some used for two categories, some never seen before", () => {
    const everyday = booked(household).filter(
      ({ type, refundOf }) => type === "card" && refundOf === undefined,
    );
    const byName = new Map<string, Set<string>>();
    for (const { counterparty, category } of everyday) {
      byName.set(counterparty.name, (byName.get(counterparty.name) ?? new Set()).add(category!));
    }
    const ambiguous = [...byName.values()].filter(({ size }) => size > 1).length;
    assert.ok(ambiguous >= 10, `${ambiguous} ambiguous`);
    const seen = new Set<string>();
    const firstsInMonth = new Map<string, number>();
    for (const { counterparty, date } of everyday) {
      if (!seen.has(counterparty.name)) {
        firstsInMonth.set(date.slice(0, 7), (firstsInMonth.get(date.slice(0, 7)) ?? 0) + 1);
      }
      seen.add(counterparty.name);
    }
    for (const count of firstsInMonth.values()) assert.ok(count >= 2, "new names in every month");
    assert.ok([...seen].filter((name) => /^(albert heijn|ah to go)/i.test(name)).length >= 5);
  });

  it("is learnable and not trivial: memory of counterparties alone is right for 78 to 90 % of the last quarter", () => {
    const share = (seed: number) => {
      const it = makeHousehold({ seed });
      const labels = new Map<string, Map<string, number>>();
      for (const { payment, category, approved } of it.entries) {
        const name = it.payments[payment - 1]?.counterparty.name;
        if (!approved || category === undefined || name === undefined) continue;
        const counts = labels.get(name) ?? new Map<string, number>();
        labels.set(name, counts.set(category, (counts.get(category) ?? 0) + 1));
      }
      const asked = booked(it).filter(({ date, category }) => category && date > it.options.budgetedUntil);
      const right = asked.filter(({ counterparty, category }) => {
        const counts = [...(labels.get(counterparty.name) ?? [])].sort((a, b) => b[1] - a[1]);
        const best = counts[0]?.[0];
        return category === (best === "coffee" ? "eating-out" : best);
      });
      return right.length / asked.length;
    };
    const shares = [1, 2, 3, 4].map(share);
    const mean = shares.reduce((sum, each) => sum + each, 0) / shares.length;
    assert.ok(mean > 0.78 && mean < 0.9, shares.join(" "));
  });

  it("has entries as people write them: most exact, some on another date, few wrong, few missing, few of cash", () => {
    const { entries, payments, options } = household;
    const due = booked(household).filter(({ date }) => date <= options.budgetedUntil);
    const real = entries.filter(({ payment }) => payment !== 0);
    const share = (is: (entry: (typeof real)[number], payment: HouseholdPayment) => boolean) =>
      real.filter((entry) => is(entry, payments[entry.payment - 1]!)).length / real.length;
    assert.ok(real.length < due.length && real.length > due.length * 0.97);
    assert.ok(new Set(real.map(({ payment }) => payment)).size === real.length);
    assert.ok(share((entry, payment) => entry.amount === payment.amount) > 0.99);
    const sameDay = share((entry, payment) => entry.date === payment.date);
    assert.ok(sameDay > 0.8 && sameDay < 0.95, `${sameDay}`);
    assert.equal(
      share((entry, payment) => Math.abs(daysBetween(entry.date, payment.date)) <= 3),
      1,
    );
    const sameCategory = share((entry, payment) => entry.category === payment.category);
    assert.ok(sameCategory > 0.97 && sameCategory < 1, `${sameCategory}`);
    assert.ok(share(({ approved }) => approved) > 0.94);
    assert.ok(entries.filter(({ payment }) => payment === 0).length >= 3);
    const transfer = real.find(({ transferTo }) => transferTo === "savings")!;
    assert.equal(transfer.account, "current");
  });
});
