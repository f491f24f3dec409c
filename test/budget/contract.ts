import assert from "node:assert/strict";
import type { NewTransaction } from "../../lib/budget";
import { addDays, TallyError } from "../../lib/values";
import { changesContract } from "./contract-changes";
import { createdId, isWellFormed, newItem, rowOf, statuses, unknownId, type Fixture } from "./fixture";

/**
 * What every budget provider must do, whatever budget stands behind it. Each test has accounts and
 * categories that are new in the budget; other transactions may stand there.
 * @param open gives the accounts and categories of {@link Fixture}, in a budget of their own or not
 */
export function budgetContract(name: string, open: () => Promise<Fixture>): void {
  describe(`${name}: contract of budget providers`, () => {
    let fixture: Fixture;
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(async () => {
      await fixture.close();
    });
    const use = () => fixture;
    writing(use);
    bulk(use);
    texts(use);
    changesContract(use);
  });
}

function writing(use: () => Fixture): void {
  it("writes a transaction with every field as given", async () => {
    const fixture = use();
    const item = newItem(fixture, { amount: -1234, payeeName: "Bakery", memo: "two loaves" });
    const outcomes = await fixture.provider.create([item]);
    const row = await rowOf(fixture, item.importId);
    const [outcome] = outcomes;
    assert.ok(outcome?.status === "created" && outcomes.length === 1);
    assert.deepEqual([outcome.importId, outcome.transactionId], [item.importId, row.id]);
    assert.deepEqual(await fixture.provider.read([row.id]), [outcome.transaction], "stored as it says");
    assert.equal(row.budgetId, fixture.provider.budgetId);
    assert.equal(row.accountId, item.accountId);
    assert.equal(row.date, item.date);
    assert.equal(row.amount, -1234);
    assert.equal(row.currency, fixture.currency);
    assert.equal(row.payeeName, "Bakery");
    assert.equal(row.categoryId, item.categoryId);
    assert.equal(row.memo, "two loaves");
    assert.equal(row.cleared, "cleared");
    if (fixture.capabilities.approval) assert.equal(row.approved, false);
    assert.equal(row.deleted, false);
  });

  it("writes an uncleared, approved transaction without category, payee and memo", async () => {
    const fixture = use();
    const { importId, accountId, date, amount } = newItem(fixture);
    const item: NewTransaction = { importId, accountId, date, amount, cleared: "uncleared", approved: true };
    createdId((await fixture.provider.create([item]))[0]);
    const row = await rowOf(fixture, importId);
    assert.equal(row.categoryId ?? null, null);
    assert.equal(row.cleared, "uncleared");
    if (fixture.capabilities.approval) assert.equal(row.approved, true);
  });

  it("recognises what it wrote before, from another process too", async () => {
    const fixture = use();
    const item = newItem(fixture);
    await fixture.provider.create([item]);
    assert.deepEqual(statuses(await fixture.provider.create([item])), ["duplicate"]);
    const other = await fixture.reopen();
    assert.deepEqual(statuses(await other.create([item])), ["duplicate"]);
    await other.close();
    await rowOf(fixture, item.importId);
  });

  it("recognises a repeat whose other fields have changed", async () => {
    const fixture = use();
    const item = newItem(fixture);
    await fixture.provider.create([item]);
    const again = { ...item, memo: "other memo", payeeName: "Other payee", date: addDays(item.date, 1) };
    assert.deepEqual(statuses(await fixture.provider.create([again])), ["duplicate"]);
    const row = await rowOf(fixture, item.importId);
    assert.equal(row.memo, item.memo);
  });

  it("writes equal rows with other import ids both", async () => {
    const fixture = use();
    const first = newItem(fixture, { amount: -250, payeeName: "Coffee", memo: "same" });
    const second = { ...first, importId: `${first.importId}-b` };
    const third = { ...first, importId: `${first.importId}-c` };
    assert.deepEqual(statuses(await fixture.provider.create([first, second])), ["created", "created"]);
    assert.deepEqual(statuses(await fixture.provider.create([third])), ["created"]);
    const ids = [first, second, third].map((item) => item.importId);
    const rows = (await fixture.all()).filter((row) => ids.includes(row.importId ?? ""));
    assert.equal(new Set(rows.map((row) => row.id)).size, 3);
  });

  for (const amount of [0, 1, -1, 5, 10, -105, 123_456_789_01, -99_999_999_99]) {
    it(`writes and reads the amount ${amount} exactly`, async () => {
      const fixture = use();
      const item = newItem(fixture, { amount });
      const id = createdId((await fixture.provider.create([item]))[0]);
      assert.equal((await rowOf(fixture, item.importId)).amount, amount);
      const delta = await fixture.provider.extract({ cursor: null });
      assert.equal(delta.transactions.find((row) => row.id === id)?.amount, amount);
    });
  }

  it("writes a transfer between own accounts as one event with two sides", async () => {
    const fixture = use();
    const { current, savings } = fixture.accountIds;
    const sides = async () =>
      (await fixture.all()).filter((row) => row.transferAccountId === current && row.amount === 50_000);
    const before = (await sides()).length;
    const item = newItem(fixture, { amount: -50_000, transferAccountId: savings, categoryId: null });
    createdId((await fixture.provider.create([item]))[0]);
    const own = await rowOf(fixture, item.importId);
    assert.equal(own.transferAccountId, savings);
    const others = await sides();
    assert.equal(others.length, before + 1);
    assert.ok(others.some((row) => row.accountId === savings && row.date === item.date));
    assert.deepEqual(statuses(await fixture.provider.create([item])), ["duplicate"]);
    assert.equal((await sides()).length, before + 1);
  });

  it("stops before it sends anything when the signal is aborted", async () => {
    const fixture = use();
    const item = newItem(fixture);
    await assert.rejects(
      fixture.provider.create([item], AbortSignal.abort()),
      (error) => error instanceof TallyError && error.code === "CANCELLED",
    );
    assert.equal((await fixture.all()).filter((row) => row.importId === item.importId).length, 0);
  });

  it("does nothing for an empty list, and counts its calls", async () => {
    const fixture = use();
    assert.deepEqual(await fixture.provider.create([]), []);
    await fixture.provider.update([]);
    await fixture.provider.delete([]);
    const before = fixture.provider.calls;
    await fixture.provider.create([newItem(fixture)]);
    assert.ok(fixture.provider.calls > before);
  });
}

function bulk(use: () => Fixture): void {
  it("answers a mixed bulk item by item, in order", async () => {
    const fixture = use();
    const known = newItem(fixture);
    await fixture.provider.create([known]);
    const items = [newItem(fixture), known, newItem(fixture, { amount: 700 }), newItem(fixture)];
    const outcomes = await fixture.provider.create(items);
    assert.deepEqual(statuses(outcomes), ["created", "duplicate", "created", "created"]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.importId),
      items.map((item) => item.importId),
    );
    for (const [index, item] of items.entries()) {
      const row = await rowOf(fixture, item.importId);
      assert.equal(row.amount, item.amount);
      const outcome = outcomes[index]!;
      if (outcome.status === "created") assert.equal(outcome.transactionId, row.id);
    }
  });

  it("writes an import id once when the bulk names it twice", async () => {
    const fixture = use();
    const item = newItem(fixture);
    const outcomes = await fixture.provider.create([item, { ...item }]);
    assert.deepEqual(statuses(outcomes), ["created", "duplicate"]);
    await rowOf(fixture, item.importId);
  });

  it("isolates bad items so that all others are written", async () => {
    const fixture = use();
    const bad = { accountId: unknownId(fixture.accountIds.current) };
    const items = Array.from({ length: 12 }, (_, index) =>
      newItem(fixture, index === 4 || index === 11 ? bad : {}),
    );
    const outcomes = await fixture.provider.create(items);
    for (const [index, outcome] of outcomes.entries()) {
      const expected = index === 4 || index === 11 ? "rejected" : "created";
      assert.equal(outcome.status, expected, `item ${index}: ${JSON.stringify(outcome)}`);
      if (outcome.status === "rejected") {
        assert.equal(outcome.error.retryable, false);
        assert.ok(outcome.error.message.length > 10);
      }
    }
    const written = new Set((await fixture.all()).map((row) => row.importId));
    for (const [index, item] of items.entries()) {
      assert.equal(written.has(item.importId), index !== 4 && index !== 11, `item ${index}`);
    }
  });

  it("rejects an item whose category is gone with CATEGORY_GONE and writes the others", async () => {
    const fixture = use();
    await fixture.person.deleteCategory(fixture.categoryIds.fun);
    const items = [
      newItem(fixture),
      newItem(fixture, { categoryId: fixture.categoryIds.fun }),
      newItem(fixture, { categoryId: unknownId(fixture.categoryIds.fun) }),
      newItem(fixture),
    ];
    const outcomes = await fixture.provider.create(items);
    assert.deepEqual(statuses(outcomes), ["created", "rejected", "rejected", "created"]);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.equal(outcome.error.code, "CATEGORY_GONE");
    }
  });

  it("rejects every item of a bulk that is all bad, and writes nothing", async () => {
    const fixture = use();
    const before = (await fixture.all()).length;
    const bad = { accountId: unknownId(fixture.accountIds.current) };
    const outcomes = await fixture.provider.create([newItem(fixture, bad), newItem(fixture, bad)]);
    assert.deepEqual(statuses(outcomes), ["rejected", "rejected"]);
    assert.equal((await fixture.all()).length, before);
  });

  it("writes a full bulk", async () => {
    const fixture = use();
    const before = (await fixture.all()).length;
    const size = Math.min(fixture.provider.limits.bulk, 300);
    const items = Array.from({ length: size }, (_, index) => newItem(fixture, { amount: -index - 1 }));
    const outcomes = await fixture.provider.create(items);
    assert.deepEqual(new Set(statuses(outcomes)), new Set(["created"]));
    const rows = await fixture.all();
    assert.equal(rows.length, before + size);
    const amounts = new Map(rows.map((row) => [row.importId, row.amount]));
    for (const item of items) assert.equal(amounts.get(item.importId), item.amount);
  });
}

function texts(use: () => Fixture): void {
  it("cuts long texts to the budget's limits without breaking a character", async () => {
    const fixture = use();
    const { limits } = fixture.provider;
    const long = (limit: number) => `x${"😀".repeat(Math.min(limit, 3000) + 20)}`;
    const item = newItem(fixture, { payeeName: long(limits.payeeName), memo: long(limits.memo) });
    createdId((await fixture.provider.create([item]))[0]);
    const row = await rowOf(fixture, item.importId);
    for (const [stored, sent, limit] of [
      [row.payeeName, item.payeeName, limits.payeeName],
      [row.memo, item.memo, limits.memo],
    ] as const) {
      assert.ok(stored, "a text is stored");
      assert.ok(isWellFormed(stored), "no half of a character");
      assert.ok([...stored].length <= limit, `${[...stored].length} characters`);
      assert.ok(stored.length >= Math.min(limit, 3000) - 4, `only ${stored.length} units left`);
      assert.ok(sent!.startsWith(stored.replace(/…$/u, "")));
    }
  });

  it("keeps texts of exactly the limit whole", async () => {
    const fixture = use();
    const { limits } = fixture.provider;
    const payeeName = "p".repeat(Math.min(limits.payeeName, 3000));
    const memo = "m".repeat(Math.min(limits.memo, 3000));
    const item = newItem(fixture, { payeeName, memo });
    createdId((await fixture.provider.create([item]))[0]);
    const row = await rowOf(fixture, item.importId);
    assert.equal(row.payeeName, payeeName);
    assert.equal(row.memo, memo);
  });

  for (const text of [
    "Café Ñandú – Zürich",
    "日本語の店 🍣👩‍👩‍👧",
    "<script>alert('x')</script>",
    `"quotes" & 'apostrophes' \\ ; DROP TABLE payees;--`,
    "مقهى \u202eabc",
    "{{mustache}} ${template} %s",
  ]) {
    it(`keeps ${JSON.stringify(text)} as it is`, async () => {
      const fixture = use();
      const item = newItem(fixture, { payeeName: text, memo: text });
      const id = createdId((await fixture.provider.create([item]))[0]);
      const row = await rowOf(fixture, item.importId);
      assert.equal(row.payeeName, text);
      assert.equal(row.memo, text);
      const delta = await fixture.provider.extract({ cursor: null });
      assert.equal(delta.transactions.find((found) => found.id === id)?.memo, text);
    });
  }

  it("takes a lone surrogate without losing the items beside it", async () => {
    const fixture = use();
    const items = [newItem(fixture, { payeeName: "broken \ud83d name" }), newItem(fixture)];
    assert.deepEqual(statuses(await fixture.provider.create(items)), ["created", "created"]);
    assert.ok(isWellFormed((await rowOf(fixture, items[0]!.importId)).payeeName ?? "\ud83d"));
  });
}
