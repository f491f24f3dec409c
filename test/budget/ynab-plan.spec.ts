import assert from "node:assert/strict";
import fc from "fast-check";
import { listYnabPlans, type NewTransaction } from "../../lib/budget";
import { toMilliunits, toMinor } from "../../lib/budget/ynab/money";
import { cut, memoText, payeeText } from "../../lib/budget/ynab/text";
import { TallyError } from "../../lib/values";
import type { YnabTwin } from "../../simulators/ynab";
import { openOn, smallHousehold, startTwin } from "../support/ynab";
import { isWellFormed } from "./fixture";

describe("YNAB provider and its plan", () => {
  let twin: YnabTwin;
  beforeEach(async () => {
    twin = await startTwin();
  });
  afterEach(() => twin.stop());

  const item = (number: number, fields: Partial<NewTransaction> = {}): NewTransaction => ({
    importId: `TF1:plan-${number}`,
    accountId: `ynab:${twin.accountIds["current"]}`,
    date: "2025-07-10",
    amount: -number,
    payeeName: `Shop ${number % 300}`,
    categoryId: `ynab:${twin.categoryIds["groceries"]}`,
    cleared: "cleared",
    approved: false,
    ...fields,
  });

  it("lists plans with their currencies", async () => {
    const expected = [{ id: twin.planId, name: "Household", currency: "EUR" }];
    assert.deepEqual(await openOn(twin).plans(), expected);
    assert.deepEqual(await listYnabPlans({ token: twin.token, url: twin.url }), expected);
  });

  it("writes and reads 10,000 payments within YNAB's hour, in fewer than 150 calls", async () => {
    const provider = openOn(twin);
    const first = await provider.extract({ cursor: null });
    for (let at = 0; at < 10_000; at += provider.limits.bulk) {
      const items = Array.from({ length: provider.limits.bulk }, (_, n) => item(at + n + 1));
      const outcomes = await provider.create(items);
      assert.ok(outcomes.every(({ status }) => status === "created"));
    }
    const delta = await provider.extract({ cursor: first.cursor });
    assert.equal(delta.transactions.length, 10_000);
    assert.equal(
      delta.transactions.reduce((sum, row) => sum + row.amount, 0),
      -50_005_000,
    );
    assert.ok(provider.calls < 30, `${provider.calls} calls`);
  }).timeout(20_000);

  it("tells internal categories from those that a transaction may have", async () => {
    const { categories } = await openOn(twin).extract({ cursor: null });
    const byName = new Map(categories.map((category) => [category.name, category]));
    assert.equal(byName.get("Inflow: Ready to Assign")?.internal, undefined);
    assert.equal(byName.get("Uncategorized")?.internal, true);
    assert.equal(byName.get("Credit card")?.internal, true);
    assert.equal(byName.get("Groceries")?.internal, undefined);
    assert.equal(byName.get("Groceries")?.group, "Daily");
  });

  it("shows hidden categories, and all categories of a group that was renamed", async () => {
    const provider = openOn(twin);
    const first = await provider.extract({ cursor: null });
    twin.control.hideCategory(twin.categoryIds["fun"]!);
    const second = await provider.extract({ cursor: first.cursor });
    assert.deepEqual(
      second.categories.map(({ name, hidden }) => [name, hidden]),
      [["Fun", true]],
    );
    const group = twin.control.categories().find(({ name }) => name === "Groceries")!.groupId;
    twin.control.renameGroup(group, "Every day");
    twin.control.deleteCategory(twin.categoryIds["rent"]!);
    const third = await provider.extract({ cursor: second.cursor });
    const groups = new Map(third.categories.map((category) => [category.name, category]));
    assert.equal(groups.get("Groceries")?.group, "Every day");
    assert.equal(groups.get("Fun")?.hidden, true);
    assert.equal(groups.get("Rent")?.deleted, true);
    assert.equal((await provider.extract({ cursor: third.cursor })).categories.length, 0);
  });

  it("loads everything when the plan's knowledge is older than the cursor", async () => {
    const provider = openOn(twin);
    await provider.create([item(1)]);
    await provider.create([item(2)]);
    const { cursor } = await provider.extract({ cursor: null });
    const fresh = await startTwin();
    const delta = await openOn(fresh).extract({ cursor });
    assert.equal(delta.full, true);
    assert.equal(delta.transactions.length, fresh.control.all().length);
    await fresh.stop();
  });

  it("does not call what is before the first date deleted", async () => {
    const provider = openOn(twin);
    const first = await provider.extract({ cursor: null, since: "2025-06-15" });
    assert.equal(first.full, false);
    assert.ok(first.transactions.every(({ date }) => date >= "2025-06-15"));
    const more = await provider.extract({ cursor: first.cursor });
    assert.equal(more.full, true, "more history than the cursor covers is a full load");
    assert.equal(more.transactions.length, twin.control.all().length);
  });

  it("does not let a stranger's name turn a payment into a transfer", async () => {
    const provider = openOn(twin);
    const names = ["Transfer : Rainy day", "transfer  : Rainy day", "Transfer\t:\nRainy day"];
    const before = twin.control.all().length;
    await provider.create(names.map((payeeName, n) => item(n + 1, { payeeName })));
    const rows = twin.control.all();
    assert.equal(rows.length, before + names.length);
    const mine = rows.filter((row) => row.importId);
    assert.ok(mine.every((row) => row.transferAccountId === null && row.categoryId));
  });

  it("deletes many with one look at what still stands", async () => {
    const provider = openOn(twin);
    const outcomes = await provider.create(Array.from({ length: 20 }, (_, n) => item(n + 1)));
    const ids = outcomes.flatMap((outcome) => (outcome.status === "created" ? outcome.transactionId : []));
    await provider.delete(ids.slice(0, 18));
    const before = provider.calls;
    await provider.delete(ids);
    assert.equal(provider.calls - before, 3);
    assert.equal(twin.control.all().filter((row) => row.importId).length, 0);
  });

  for (const currency of ["JPY", "EUR", "KWD"]) {
    it(`writes and reads ${currency} exactly`, async () => {
      const household = smallHousehold();
      for (const account of household.accounts) account.currency = currency;
      const other = await startTwin({ household });
      const provider = openOn(other);
      const [outcome] = await provider.create([
        { ...item(1, { amount: -1234 }), accountId: `ynab:${other.accountIds["current"]}` },
      ]);
      const delta = await provider.extract({ cursor: null });
      assert.equal(delta.budget.currency, currency);
      assert.ok(outcome?.status === "created");
      const read = delta.transactions.find(({ id }) => id === outcome.transactionId);
      assert.deepEqual([read?.amount, read?.currency], [-1234, currency]);
      const factor = { JPY: 1000, EUR: 10, KWD: 1 }[currency]!;
      assert.equal(other.control.all().find((row) => row.importId)?.amount, -1234 * factor);
      await other.stop();
    });
  }
});

describe("YNAB's milliunits and texts", () => {
  it("goes from minor units to milliunits and back without a change", () => {
    const amounts = fc.integer({ min: -9e11, max: 9e11 });
    fc.assert(
      fc.property(amounts, fc.constantFrom("EUR", "JPY", "KWD", "HUF"), (amount, currency) => {
        assert.equal(toMinor(toMilliunits(amount, currency), currency), amount || 0);
      }),
    );
    assert.throws(
      () => toMilliunits(Number.MAX_SAFE_INTEGER, "EUR"),
      (error) => error instanceof TallyError && error.code === "MONEY_INVALID",
    );
  });

  it("cuts any text to whole characters within the limit", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        (text, limit) => {
          const short = cut(text, limit);
          assert.ok(short.length <= limit && isWellFormed(short));
          if (text.length <= limit && isWellFormed(text)) assert.equal(short, text);
          assert.ok(text.length <= limit || short.length >= limit - 1);
        },
      ),
    );
  });

  it("makes one clean line of a payee name and keeps the lines of a memo", () => {
    assert.equal(payeeText("  A\u0000B\r\nC  "), "A B C");
    assert.equal(payeeText("Transfer : Savings"), "Transfer: Savings");
    assert.equal(payeeText("Transferwise: x"), "Transferwise: x");
    assert.equal(memoText("a\nb\tc\u0000\u0007"), "a\nb\tc");
  });
});
