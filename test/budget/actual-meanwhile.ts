import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import path from "node:path";
import { openActual } from "../../lib/budget/actual";
import { ownId, TallyError } from "../../lib/values";
import type { ActualServer } from "../servers/actual";
import type { ActualClient } from "../servers/actual-client";
import { actualFixture, optionsFor, sharedBudget, type ActualFixture } from "./actual-fixture";
import { createdId, newItem, rowOf, statuses } from "./fixture";

/** What a person did in Actual's own client while we were at work, and what must not be touched. */
export function actualMeanwhile(server: () => ActualServer, client: () => ActualClient): void {
  describe("Actual: what a person did meanwhile", () => {
    const shared = sharedBudget(server, client);
    let fixture: ActualFixture;
    beforeEach(async () => {
      fixture = await shared.fixture();
    });
    afterEach(() => fixture.close());
    after(() => shared.close());
    const byPerson = async (id: string, fields: Record<string, unknown>) => {
      await client().send("transactions-batch-update", { updated: [{ id: ownId(id), ...fields }] });
      await client().sync();
    };
    const row = async (id: string) => (await fixture.fresh()).find((one) => one.id === id);

    it("keeps a category that was chosen between our look and our change", async () => {
      const { fun, rent, groceries } = fixture.categoryIds;
      const items = [newItem(fixture, { categoryId: null }), newItem(fixture, { categoryId: null })];
      const [chosen, open] = (await fixture.provider.create(items)).map(createdId);
      const seen = await fixture.provider.read([chosen!, open!]);
      assert.deepEqual(
        seen.map((one) => one.categoryId),
        [null, null],
      );
      await fixture.person.edit(chosen!, { categoryId: rent });
      const onlyIf = { categoryId: null };
      await fixture.provider.update([
        { id: chosen!, categoryId: fun, onlyIf },
        { id: open!, categoryId: groceries, onlyIf },
      ]);
      assert.deepEqual([(await row(chosen!))?.categoryId, (await row(open!))?.categoryId], [rent, groceries]);
    });

    it("keeps an amount, a date and a memo that were corrected, whatever we write next", async () => {
      const item = newItem(fixture);
      const id = createdId((await fixture.provider.create([item]))[0]);
      await fixture.person.edit(id, { amount: -4321, date: "2026-06-01", memo: "mine" });
      assert.deepEqual(statuses(await fixture.provider.create([item, newItem(fixture)])), [
        "duplicate",
        "created",
      ]);
      await fixture.provider.update([{ id, categoryId: fixture.categoryIds.fun }]);
      const now = await row(id);
      assert.deepEqual([now?.amount, now?.date, now?.memo], [-4321, "2026-06-01", "mine"]);
    });

    it("does not bring back what was deleted, and changes the others", async () => {
      const items = [newItem(fixture), newItem(fixture)];
      const [gone, kept] = (await fixture.provider.create(items)).map(createdId);
      await fixture.person.remove(gone!);
      assert.deepEqual(statuses(await fixture.provider.create(items)), ["duplicate", "duplicate"]);
      await assert.rejects(
        fixture.provider.update([
          { id: gone!, memo: "x" },
          { id: kept!, memo: "y" },
        ]),
        (error) => error instanceof TallyError && error.code === "NOT_FOUND",
      );
      assert.deepEqual(
        (await fixture.fresh()).map((one) => [one.id, one.memo]),
        [[kept, "y"]],
      );
    });

    it("leaves a reconciled row as it is", async () => {
      const item = newItem(fixture);
      const id = createdId((await fixture.provider.create([item]))[0]);
      await byPerson(id, { cleared: true, reconciled: true });
      await fixture.provider.update([{ id, categoryId: fixture.categoryIds.fun, memo: "ours" }]);
      const now = await row(id);
      assert.deepEqual([now?.categoryId, now?.memo], [item.categoryId, item.memo]);
      assert.equal((await fixture.provider.read([id]))[0]?.cleared, "reconciled");
    });

    it("leaves the parts of a split alone, also when it was split after our look", async () => {
      const { fun, rent } = fixture.categoryIds;
      const item = newItem(fixture, { amount: -1000, categoryId: null });
      const id = createdId((await fixture.provider.create([item]))[0]);
      const { accountId, date } = item;
      const part = (amount: number, category: string, index: number) => ({
        id: randomUUID(),
        account: ownId(accountId),
        date,
        amount,
        category: ownId(category),
        is_child: true,
        parent_id: ownId(id),
        sort_order: -index,
      });
      await client().send("transactions-batch-update", {
        added: [part(-600, rent, 0), part(-400, fun, 1)],
        updated: [{ id: ownId(id), is_parent: true, category: null }],
      });
      await client().sync();
      const change = { id, categoryId: fixture.categoryIds.groceries, onlyIf: { categoryId: null } };
      await fixture.provider.update([change]);
      const [now] = await fixture.provider.read([id]);
      assert.deepEqual(
        now?.split?.map((one) => [one.amount, one.categoryId]),
        [
          [-600, rent],
          [-400, fun],
        ],
      );
      assert.equal(now.categoryId, null);
    });

    it("gives no category that was hidden, by itself or with its group", async () => {
      const { fun, rent, groceries } = fixture.categoryIds;
      await client().call("updateCategory", ownId(fun), { name: "Fun", hidden: true });
      const groups = (await client().call("getCategoryGroups")) as {
        id: string;
        name: string;
        categories: { id: string }[];
      }[];
      const home = groups.find(({ categories }) => categories.some(({ id }) => id === ownId(rent)))!;
      await client().call("updateCategoryGroup", home.id, { name: home.name, hidden: true });
      await client().sync();
      const items = [fun, rent, groceries].map((categoryId) => newItem(fixture, { categoryId }));
      const outcomes = await fixture.provider.create(items);
      assert.deepEqual(statuses(outcomes), ["rejected", "rejected", "created"]);
      for (const outcome of outcomes)
        if (outcome.status === "rejected") assert.equal(outcome.error.code, "CATEGORY_GONE");
      const id = (await rowOf(fixture, items[2]!.importId)).id;
      await assert.rejects(
        fixture.provider.update([{ id, categoryId: fun }]),
        (error) => error instanceof TallyError && error.code === "CATEGORY_GONE",
      );
    });
  });

  describe("Actual: budgets of another kind", () => {
    it("writes to an end-to-end encrypted budget what the person's client then reads", async () => {
      const fixture = await actualFixture(server(), client());
      await client().send("key-make", { password: "open sesame" });
      await client().sync();
      await fixture.provider.close();
      const provider = await openActual(
        optionsFor(server(), { syncId: fixture.created.fileId, encryptionPassword: "open sesame" }),
      );
      const item = newItem(fixture, { transferAccountId: fixture.accountIds.savings, categoryId: null });
      createdId((await provider.create([item]))[0]);
      await provider.close();
      const rows = await fixture.fresh();
      assert.deepEqual(
        rows.map((one) => one.amount).sort((a, b) => a - b),
        [item.amount, -item.amount].sort((a, b) => a - b),
      );
    });

    it("says what a folder without a budget lacks", async () => {
      const budgetFile = mkdtempSync(path.join(server().dataDir, "empty-"));
      const { serverUrl: _url, password: _password, ...rest } = optionsFor(server(), { budgetFile });
      await assert.rejects(
        openActual(rest),
        (error) =>
          error instanceof TallyError && error.code === "NOT_FOUND" && /db\.sqlite/.test(error.message),
      );
    });
  });
}
