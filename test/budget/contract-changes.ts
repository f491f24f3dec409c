import assert from "node:assert/strict";
import type { BudgetDelta } from "../../lib/budget";
import type { Transaction } from "../../lib/store";
import { addDays, TallyError, type Id, type Json } from "../../lib/values";
import { createdId, newItem, rowOf, unknownId, type Fixture } from "./fixture";

/** The second half of the contract: reading, changes by people, find, update and delete. */
export function changesContract(use: () => Fixture): void {
  reading(use);
  deltas(use);
  finding(use);
  readingAgain(use);
  changing(use);
}

const byId = (rows: readonly Transaction[]) =>
  new Map([...rows].sort((a, b) => (a.id < b.id ? -1 : 1)).map((row) => [row.id, row]));

/** The fields that both ways of reading must agree on. */
const essence = (row: Transaction) => ({
  id: row.id,
  accountId: row.accountId,
  date: row.date,
  amount: row.amount,
  currency: row.currency,
  categoryId: row.categoryId ?? null,
  payeeName: row.payeeName ?? "",
  memo: row.memo ?? "",
  importId: row.importId ?? null,
  transferAccountId: row.transferAccountId ?? null,
  approved: row.approved,
  split: row.split?.map((part) => [part.amount, part.categoryId ?? null]) ?? null,
});

async function assertFull(fixture: Fixture, delta: BudgetDelta): Promise<void> {
  assert.equal(delta.full, true);
  const standing = delta.transactions.filter((row) => !row.deleted);
  const read = [...byId(standing).values()].map(essence);
  const truth = [...byId(await fixture.all()).values()].map(essence);
  assert.deepEqual(read, truth);
}

/** Apply a delta as the store does: upsert by id, keep tombstones, and drop what a full load lacks. */
function apply(state: Map<Id, Transaction>, delta: BudgetDelta): Map<Id, Transaction> {
  const next = delta.full ? new Map<Id, Transaction>() : new Map(state);
  for (const row of delta.transactions) {
    if (row.deleted) next.delete(row.id);
    else next.set(row.id, row);
  }
  return next;
}

function reading(use: () => Fixture): void {
  it("reads accounts, categories, payees and transactions of the budget", async () => {
    const fixture = use();
    await fixture.provider.create([newItem(fixture), newItem(fixture, { amount: 4200 })]);
    const delta = await fixture.provider.extract({ cursor: null });
    const { budgetId } = fixture.provider;
    assert.equal(delta.budget.id, budgetId);
    assert.equal(delta.budget.currency, fixture.currency);
    const accounts = new Map(delta.accounts.map((account) => [account.id, account]));
    assert.equal(accounts.get(fixture.accountIds.current)?.closed, false);
    assert.equal(accounts.get(fixture.accountIds.savings)?.deleted, false);
    const categories = new Map(delta.categories.map((category) => [category.id, category]));
    for (const id of Object.values(fixture.categoryIds)) {
      const category = categories.get(id);
      assert.ok(category && !category.hidden && !category.deleted && !category.internal, id);
      assert.ok(category.name.length > 0 && category.group);
    }
    const payees = new Map(delta.payees.map((payee) => [payee.id, payee]));
    for (const row of delta.transactions) {
      if (row.payeeId && !row.deleted) assert.ok(payees.has(row.payeeId), `payee ${row.payeeId}`);
      if (row.categoryId && !row.deleted) assert.ok(categories.has(row.categoryId), row.categoryId);
    }
    for (const doc of [...delta.accounts, ...delta.categories, ...delta.payees, ...delta.transactions]) {
      assert.equal(doc.budgetId, budgetId);
    }
    await assertFull(fixture, delta);
  });

  it("reads the whole history at first, and less when a first date is given", async () => {
    const fixture = use();
    const { current } = fixture.accountIds;
    const old = addDays(fixture.today, -3 * 365);
    const id = await fixture.person.add({
      accountId: current,
      date: old,
      amount: -77,
      payeeName: "Long ago",
    });
    const everything = await fixture.provider.extract({ cursor: null });
    assert.ok(everything.transactions.some((row) => row.id === id));
    const recent = await fixture.provider.extract({ cursor: null, since: addDays(fixture.today, -30) });
    assert.ok(!recent.transactions.some((row) => row.id === id));
  });

  it("reads a split as its parent with parts that add up", async () => {
    const fixture = use();
    const { groceries, rent } = fixture.categoryIds;
    const id = await fixture.person.add({
      accountId: fixture.accountIds.current,
      date: addDays(fixture.today, -2),
      amount: -3000,
      payeeName: "Warehouse",
      split: [
        { amount: -1800, categoryId: groceries, memo: "food" },
        { amount: -1200, categoryId: rent },
      ],
    });
    const delta = await fixture.provider.extract({ cursor: null });
    const rows = delta.transactions.filter((row) => row.payeeName === "Warehouse" || row.id === id);
    assert.equal(rows.length, 1, "the parts are no transactions of their own");
    assert.equal(rows[0]!.amount, -3000);
    assert.deepEqual(
      rows[0]!.split?.map((part) => [part.amount, part.categoryId]),
      [
        [-1800, groceries],
        [-1200, rent],
      ],
    );
    assert.equal(rows[0]!.split?.[0]?.memo, "food");
  });

  it("throws CANCELLED when the signal is aborted", async () => {
    const fixture = use();
    await assert.rejects(
      fixture.provider.extract({ cursor: null, signal: AbortSignal.abort() }),
      (error) => error instanceof TallyError && error.code === "CANCELLED",
    );
  });
}

function deltas(use: () => Fixture): void {
  it("yields what people added, changed and deleted since the cursor", async () => {
    const fixture = use();
    const { current } = fixture.accountIds;
    const date = addDays(fixture.today, -5);
    const add = (payeeName: string, amount: number) =>
      fixture.person.add({ accountId: current, date, amount, payeeName });
    const [kept, changed, removed] = [
      await add("Kept", -100),
      await add("Changed", -200),
      await add("Gone", -300),
    ];
    const first = await fixture.provider.extract({ cursor: null });
    let state = apply(new Map(), first);
    await fixture.person.edit(changed, { amount: -250, memo: "corrected" });
    await fixture.person.remove(removed);
    const added = await add("Added", -400);

    const second = await fixture.provider.extract({ cursor: first.cursor });
    const seen = byId(second.transactions);
    assert.equal(seen.get(changed)?.amount, -250);
    assert.equal(seen.get(added)?.amount, -400);
    if (fixture.capabilities.deltas) {
      assert.equal(second.full, false);
      assert.ok(!seen.has(kept), "what did not change is not sent again");
    }
    if (fixture.capabilities.tombstones) assert.equal(seen.get(removed)?.deleted, true);
    state = apply(state, second);
    assert.deepEqual(
      [...byId([...state.values()]).values()].map(essence),
      [...byId(await fixture.all()).values()].map(essence),
    );

    const third = await fixture.provider.extract({ cursor: second.cursor });
    if (fixture.capabilities.deltas) assert.deepEqual(third.transactions, []);
  });

  it("yields changes of transactions of years ago", async () => {
    const fixture = use();
    const date = addDays(fixture.today, -900);
    const { current } = fixture.accountIds;
    const id = await fixture.person.add({ accountId: current, date, amount: -100, payeeName: "Old" });
    const first = await fixture.provider.extract({ cursor: null });
    await fixture.person.edit(id, { memo: "late remark" });
    const second = await fixture.provider.extract({ cursor: first.cursor });
    assert.equal(byId(second.transactions).get(id)?.memo, "late remark");
  });

  it("can go on from the same cursor twice", async () => {
    const fixture = use();
    const first = await fixture.provider.extract({ cursor: null });
    const item = newItem(fixture);
    const id = createdId((await fixture.provider.create([item]))[0]);
    const again = JSON.parse(JSON.stringify(first.cursor)) as Json;
    for (const cursor of [first.cursor, again]) {
      const delta = await fixture.provider.extract({ cursor });
      assert.ok(delta.transactions.some((row) => row.id === id));
    }
  });

  it("loads everything when the cursor is lost or unreadable", async () => {
    const fixture = use();
    await fixture.provider.create([newItem(fixture), newItem(fixture)]);
    await fixture.provider.extract({ cursor: null });
    for (const cursor of [null, "nonsense", { a: "b" }, 17, []] as Json[]) {
      await assertFull(fixture, await fixture.provider.extract({ cursor }));
    }
  });

  it("shows a renamed category under its new name and the same id", async () => {
    const fixture = use();
    const { fun } = fixture.categoryIds;
    const first = await fixture.provider.extract({ cursor: null });
    await fixture.person.renameCategory(fun, "Leisure & play");
    const second = await fixture.provider.extract({ cursor: first.cursor });
    assert.equal(second.categories.find((category) => category.id === fun)?.name, "Leisure & play");
    const full = await fixture.provider.extract({ cursor: null });
    assert.equal(full.categories.find((category) => category.id === fun)?.name, "Leisure & play");
  });

  it("shows a deleted category as deleted, or leaves it out of a full load", async () => {
    const fixture = use();
    const { fun } = fixture.categoryIds;
    const first = await fixture.provider.extract({ cursor: null });
    await fixture.person.deleteCategory(fun);
    const second = await fixture.provider.extract({ cursor: first.cursor });
    const seen = second.categories.find((category) => category.id === fun);
    if (second.full) assert.ok(seen === undefined || seen.deleted);
    else assert.equal(seen?.deleted, true);
    const full = await fixture.provider.extract({ cursor: null });
    assert.ok(full.categories.find((category) => category.id === fun)?.deleted ?? true);
  });
}

function finding(use: () => Fixture): void {
  it("finds by import id what stands in the budget", async () => {
    const fixture = use();
    const { current, savings } = fixture.accountIds;
    const items = [
      newItem(fixture),
      newItem(fixture, { accountId: savings, amount: 900 }),
      newItem(fixture, { date: addDays(fixture.today, -40) }),
    ];
    const ids = (await fixture.provider.create(items)).map(createdId);
    const other = await fixture.reopen();
    const missing = newItem(fixture).importId;
    const found = await other.find([...items.map((item) => item.importId), missing], {
      from: addDays(fixture.today, -60),
      accountIds: [current, savings],
    });
    await other.close();
    assert.deepEqual(
      items.map((item) => found.get(item.importId)),
      ids,
    );
    assert.equal(found.has(missing), false);
  });

  it("finds nothing for no ids", async () => {
    const fixture = use();
    const range = { from: addDays(fixture.today, -10), accountIds: [fixture.accountIds.current] };
    assert.equal((await fixture.provider.find([], range)).size, 0);
  });

  it("finds a deleted transaction where the budget remembers it", async () => {
    const fixture = use();
    const item = newItem(fixture);
    const id = createdId((await fixture.provider.create([item]))[0]);
    await fixture.person.remove(id);
    const range = { from: addDays(item.date, -1), accountIds: [item.accountId] };
    const found = await fixture.provider.find([item.importId], range);
    assert.equal(found.get(item.importId), fixture.capabilities.findsDeleted ? id : undefined);
    const [outcome] = await fixture.provider.create([item]);
    assert.equal(outcome?.status, fixture.capabilities.deletedImportIdsStayTaken ? "duplicate" : "created");
  });
}

function readingAgain(use: () => Fixture): void {
  it("reads what stands of given ids, and leaves out what was deleted or never was", async () => {
    const fixture = use();
    const { current, savings } = fixture.accountIds;
    const items = Array.from({ length: 5 }, () => newItem(fixture));
    const moved = newItem(fixture, { amount: -700, transferAccountId: savings, categoryId: null });
    const ids = (await fixture.provider.create([...items, moved])).map(createdId);
    const transfer = ids.pop()!;
    await fixture.person.edit(ids[0]!, { memo: "by hand", categoryId: fixture.categoryIds.fun });
    await fixture.person.remove(ids[1]!);
    const truth = byId(await fixture.all());
    for (const asked of [ids.slice(0, 2), ids, [...ids, unknownId(ids[0]!)]]) {
      const wanted = asked.filter((id) => truth.has(id)).sort();
      const rows = await fixture.provider.read(asked);
      assert.deepEqual(rows.map((row) => row.id).sort(), wanted);
      for (const row of rows) assert.deepEqual(essence(row), essence(truth.get(row.id)!));
    }
    const [own] = await fixture.provider.read([transfer]);
    const [other] = await fixture.provider.read([own!.transferTransactionId!]);
    assert.deepEqual([other?.accountId, other?.amount, other?.transferAccountId], [savings, 700, current]);
    assert.deepEqual(await fixture.provider.read([]), []);
    assert.deepEqual(await fixture.provider.read([unknownId(ids[0]!)]), []);
  });

  it("writes a deleted transaction again under the next occurrence of its import id", async () => {
    const fixture = use();
    const item = newItem(fixture);
    const id = createdId((await fixture.provider.create([item]))[0]);
    await fixture.provider.delete([id]);
    const again = { ...item, importId: newItem(fixture).importId };
    const next = createdId((await fixture.provider.create([again]))[0]);
    assert.notEqual(next, id);
    assert.deepEqual(
      (await fixture.provider.read([id, next])).map((row) => row.importId),
      [again.importId],
    );
  });
}

function changing(use: () => Fixture): void {
  it("changes category, memo and approval of many at once and nothing else", async () => {
    const fixture = use();
    const items = [newItem(fixture), newItem(fixture), newItem(fixture)];
    const [first, second, third] = (await fixture.provider.create(items)).map(createdId);
    const before = byId(await fixture.all());
    await fixture.provider.update([
      { id: first!, categoryId: fixture.categoryIds.rent, approved: true },
      { id: second!, memo: "looked at it" },
      { id: third!, categoryId: null },
    ]);
    const after = byId(await fixture.all());
    const approved = fixture.capabilities.approval ? true : after.get(first!)!.approved;
    assert.deepEqual(essence(after.get(first!)!), {
      ...essence(before.get(first!)!),
      categoryId: fixture.categoryIds.rent,
      approved,
    });
    assert.deepEqual(essence(after.get(second!)!), {
      ...essence(before.get(second!)!),
      memo: "looked at it",
    });
    assert.deepEqual(essence(after.get(third!)!), { ...essence(before.get(third!)!), categoryId: null });
  });

  it("changes date, amount, payee and clearing to what was booked, and keeps the rest", async () => {
    const fixture = use();
    const date = addDays(fixture.today, -1);
    const item = newItem(fixture, { cleared: "uncleared", memo: "blocked", payeeName: "Hotel Pending" });
    const id = createdId((await fixture.provider.create([item]))[0]);
    const before = byId(await fixture.all()).get(id)!;
    await fixture.provider.update([
      { id, date, amount: item.amount - 123, cleared: "cleared", payeeName: "Hotel Booked" },
    ]);
    const after = byId(await fixture.all()).get(id)!;
    assert.deepEqual(essence(after), {
      ...essence(before),
      date,
      amount: item.amount - 123,
      payeeName: "Hotel Booked",
    });
    assert.equal((await fixture.provider.read([id]))[0]?.cleared, "cleared");
    await fixture.provider.update([{ id, cleared: "uncleared" }]);
    assert.equal((await fixture.provider.read([id]))[0]?.cleared, "uncleared");
  });

  it("leaves the parts of a split alone when it changes the parent", async () => {
    const fixture = use();
    const { groceries, rent } = fixture.categoryIds;
    const id = await fixture.person.add({
      accountId: fixture.accountIds.current,
      date: addDays(fixture.today, -2),
      amount: -1000,
      payeeName: "Split shop",
      approved: false,
      split: [
        { amount: -600, categoryId: groceries },
        { amount: -400, categoryId: rent },
      ],
    });
    await fixture.provider.update([{ id, memo: "checked", approved: true }]);
    const row = (await fixture.all()).find((found) => found.id === id);
    assert.equal(row?.memo, "checked");
    assert.deepEqual(
      row?.split?.map((part) => [part.amount, part.categoryId]),
      [
        [-600, groceries],
        [-400, rent],
      ],
    );
  });

  it("deletes, and deleting again or deleting what never was is no error", async () => {
    const fixture = use();
    const items = [newItem(fixture), newItem(fixture)];
    const [first, second] = (await fixture.provider.create(items)).map(createdId);
    await fixture.provider.delete([first!]);
    await fixture.provider.delete([first!, unknownId(first!)]);
    const standing = byId(await fixture.all());
    assert.equal(standing.has(first!), false);
    assert.equal(standing.has(second!), true);
  });

  it("deletes both sides of a transfer", async () => {
    const fixture = use();
    const { savings } = fixture.accountIds;
    const item = newItem(fixture, { amount: -8000, transferAccountId: savings, categoryId: null });
    await fixture.provider.create([item]);
    const before = (await fixture.all()).length;
    await fixture.provider.delete([(await rowOf(fixture, item.importId)).id]);
    assert.equal((await fixture.all()).length, before - 2);
  });

  it("shows what it deleted as gone in the next delta", async () => {
    const fixture = use();
    const item = newItem(fixture);
    const id = createdId((await fixture.provider.create([item]))[0]);
    const first = await fixture.provider.extract({ cursor: null });
    await fixture.provider.delete([id]);
    const second = await fixture.provider.extract({ cursor: first.cursor });
    const state = apply(apply(new Map(), first), second);
    assert.equal(state.has(id), false);
  });
}
