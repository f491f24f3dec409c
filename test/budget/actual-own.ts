import assert from "node:assert/strict";
import { existsSync, mkdtempSync, statSync } from "node:fs";
import path from "node:path";
import { listActualBudgets, openActual, type ActualProvider } from "../../lib/budget/actual";
import { makeId, ownId, TallyError, type ErrorCode } from "../../lib/values";
import type { ActualServer } from "../servers/actual";
import { startClient, type ActualClient, type CreatedBudget } from "../servers/actual-client";
import { optionsFor, sharedBudget, type ActualFixture } from "./actual-fixture";
import { createdId, newItem, rowOf } from "./fixture";

const fails = (code: ErrorCode, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TallyError, String(error));
  assert.equal(error.code, code, error.message);
  if (text) assert.match(error.message, text);
  return true;
};

/** What Actual has and other budgets have not. */
export function actualOwn(server: () => ActualServer, client: () => ActualClient): void {
  describe("Actual: accounts, rules and transfers of its own", () => {
    const shared = sharedBudget(server, client);
    let fixture: ActualFixture;
    beforeEach(async () => {
      fixture = await shared.fixture();
    });
    afterEach(() => fixture.close());
    after(() => shared.close());
    const addAccount = async (account: unknown) => {
      const own = (await client().call("createAccount", account, 0)) as string;
      await client().sync();
      return makeId("actual", own);
    };

    it("rejects items of a closed account only", async () => {
      const closed = await addAccount({ name: "Old" });
      await client().call("updateAccount", ownId(closed), { closed: true });
      await client().sync();
      const items = [newItem(fixture), newItem(fixture, { accountId: closed }), newItem(fixture)];
      const outcomes = await fixture.provider.create(items);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["created", "rejected", "created"],
      );
      assert.match(JSON.stringify(outcomes[1]), /"Old\\" is closed/);
      const delta = await fixture.provider.extract({ cursor: null });
      assert.equal(delta.accounts.find((account) => account.id === closed)?.closed, true);
    });

    it("gives rows of an account off the budget no category, and a transfer to it one", async () => {
      const house = await addAccount({ name: "House", offbudget: true });
      const off = newItem(fixture, { accountId: house });
      const transfer = newItem(fixture, { amount: -9000, transferAccountId: house });
      const back = newItem(fixture, {
        accountId: house,
        amount: -10,
        transferAccountId: fixture.accountIds.current,
      });
      await fixture.provider.create([off, transfer, back]);
      assert.equal((await rowOf(fixture, off.importId)).categoryId, null);
      assert.equal((await rowOf(fixture, transfer.importId)).categoryId, fixture.categoryIds.groceries);
      assert.equal((await rowOf(fixture, back.importId)).categoryId, null);
      const other = (await fixture.fresh()).find((row) => row.amount === 10);
      assert.equal(other?.categoryId, fixture.categoryIds.groceries);
    });

    it("links both sides of a transfer as Actual does, so that a person's edit reaches both", async () => {
      const { current, savings } = fixture.accountIds;
      const item = newItem(fixture, { amount: -2500, transferAccountId: savings });
      createdId((await fixture.provider.create([item]))[0]);
      const row = await rowOf(fixture, item.importId);
      await fixture.person.edit(row.id, { amount: -2600 });
      const other = (await fixture.fresh()).find((one) => one.accountId === savings);
      assert.equal(other?.amount, 2600);
      assert.equal(other.transferAccountId, current);
      await fixture.person.remove(row.id);
      assert.deepEqual(await fixture.fresh(), []);
    });

    it("marks the category of opening balances as internal, and no other", async () => {
      const { categories } = await fixture.provider.extract({ cursor: null });
      assert.deepEqual(
        categories.filter((category) => category.internal).map((category) => category.name),
        ["Starting Balances"],
      );
      assert.equal(categories.find((category) => category.name === "Income")?.group, "Income");
    });

    it("shows transactions of merged and renamed payees in the next delta", async () => {
      const items = [newItem(fixture, { payeeName: "AH" }), newItem(fixture, { payeeName: "Albert Heijn" })];
      const [first] = (await fixture.provider.create(items)).map(createdId);
      const before = await fixture.provider.extract({ cursor: null });
      const own = (name: string) => ownId(before.payees.find((payee) => payee.name === name)!.id);
      await client().sync();
      await client().call("mergePayees", own("Albert Heijn"), [own("AH")]);
      await client().sync();
      const merged = await fixture.provider.extract({ cursor: before.cursor });
      assert.equal(merged.full, false);
      assert.equal(merged.transactions.find((row) => row.id === first)?.payeeName, "Albert Heijn");
      await client().call("updatePayee", own("Albert Heijn"), { name: "Appie" });
      await client().sync();
      const renamed = await fixture.provider.extract({ cursor: merged.cursor });
      assert.equal(renamed.transactions.find((row) => row.id === first)?.payeeName, "Appie");
    });

    it("lets rules rename payees and fill gaps, but not change money or a given category", async () => {
      const payee = (await client().call("createPayee", { name: "Bakery Jansen" })) as string;
      const action = (field: string, value: unknown) => ({ op: "set", field, value });
      const rule = (await client().call("createRule", {
        stage: "pre",
        conditionsOp: "and",
        conditions: [{ op: "contains", field: "imported_payee", value: "jansen" }],
        actions: [
          action("payee", payee),
          action("category", ownId(fixture.categoryIds.fun)),
          action("amount", -1),
          action("notes", "by rule"),
        ],
      })) as { id: string };
      await client().sync();
      const given = newItem(fixture, { payeeName: "CCV*JANSEN AMSTERDAM", amount: -350 });
      const open = newItem(fixture, { payeeName: "CCV*JANSEN UTRECHT", amount: -450, categoryId: null });
      await fixture.provider.create([given, open]);
      const rows = [await rowOf(fixture, given.importId), await rowOf(fixture, open.importId)];
      assert.deepEqual(
        rows.map((row) => [row.payeeName, row.amount, row.memo, row.categoryId]),
        [
          ["Bakery Jansen", -350, "by rule", fixture.categoryIds.groceries],
          ["Bakery Jansen", -450, "by rule", fixture.categoryIds.fun],
        ],
      );
      const none = await openActual({
        ...optionsFor(server()),
        syncId: fixture.created.syncId,
        rules: "none",
      });
      const plain = newItem(fixture, { payeeName: "CCV*JANSEN DELFT" });
      await none.create([plain]);
      await none.close();
      assert.equal((await rowOf(fixture, plain.importId)).payeeName, "CCV*JANSEN DELFT");
      const all = await openActual({ ...optionsFor(server()), syncId: fixture.created.syncId, rules: "all" });
      const ruled = newItem(fixture, { payeeName: "CCV*JANSEN GOUDA" });
      await all.create([ruled]);
      await all.close();
      assert.equal((await rowOf(fixture, ruled.importId)).categoryId, fixture.categoryIds.fun);
      await client().call("deleteRule", rule.id);
      await client().sync();
    });

    it("never claims a row that a person entered with the same amount and date", async () => {
      const item = newItem(fixture, { amount: -777, payeeName: "Kiosk" });
      await fixture.person.add({
        accountId: item.accountId,
        date: item.date,
        amount: -777,
        payeeName: "Kiosk",
      });
      createdId((await fixture.provider.create([item]))[0]);
      assert.equal((await fixture.fresh()).filter((row) => row.amount === -777).length, 2);
    });

    it("writes the same rows when two who have not heard of each other write at once", async () => {
      const other = await fixture.reopen();
      const items = Array.from({ length: 20 }, (_, index) =>
        newItem(fixture, index % 4 === 0 ? { transferAccountId: fixture.accountIds.savings } : {}),
      );
      await Promise.all([fixture.provider.create(items), other.create(items)]);
      assert.equal((await fixture.fresh()).length, 25);
    });

    it("reports changes of what is gone after it has made the others", async () => {
      const [id] = (await fixture.provider.create([newItem(fixture)])).map(createdId);
      const gone = makeId("actual", "00000000-0000-4000-8000-000000000000");
      await assert.rejects(
        fixture.provider.update([
          { id: gone, memo: "x" },
          { id: id!, memo: "kept" },
        ]),
        fails("NOT_FOUND", /00000000/),
      );
      assert.equal((await fixture.fresh())[0]?.memo, "kept");
    });

    it("keeps the local copy readable by its user only", function () {
      if (process.platform === "win32") this.skip();
      const mode = statSync(fixture.options.dataDir).mode;
      assert.equal(mode & 0o077, 0, mode.toString(8));
    });

    it("works on a local budget without a server, in place", async () => {
      const folder = mkdtempSync(path.join(server().dataDir, "local-"));
      const offline = await startClient(server().modulePath, folder);
      const created = await offline.createBudget({
        name: "Offline",
        accounts: [{ name: "Cash" }],
        categories: { Daily: ["Food"] },
      });
      await offline.close();
      const budgetFile = path.join(folder, created.localId);
      assert.ok(existsSync(path.join(budgetFile, "db.sqlite")));
      const { serverUrl: _url, password: _password, ...rest } = optionsFor(server(), { budgetFile });
      const item = newItem(fixture, {
        accountId: makeId("actual", created.accounts["Cash"]!),
        categoryId: makeId("actual", created.categories["Food"]!),
      });
      let provider: ActualProvider = await openActual(rest);
      createdId((await provider.create([item]))[0]);
      await provider.close();
      provider = await openActual(rest);
      const delta = await provider.extract({ cursor: null });
      assert.deepEqual(
        delta.transactions.map((row) => [row.importId, row.amount]),
        [[item.importId, item.amount]],
      );
      assert.deepEqual(await provider.budgets(), []);
      await provider.close();
    });
  });

  describe("Actual: settings that are wrong", () => {
    const open = (fields: Parameters<typeof optionsFor>[1]) => openActual(optionsFor(server(), fields));
    let created: CreatedBudget;
    before(async () => {
      created = await client().createBudget({ name: "Known one", accounts: [{ name: "A" }], categories: {} });
    });

    it("says which budgets there are when the sync id is unknown or missing", async () => {
      const known = new RegExp(`Known one \\(${created.syncId}\\)`);
      await assert.rejects(
        open({ syncId: "11111111-2222-4333-8444-555555555555" }),
        fails("NOT_FOUND", known),
      );
      await assert.rejects(open({}), fails("CONFIG_INVALID", known));
      const listed = await listActualBudgets(optionsFor(server()));
      assert.ok(
        listed.some((one) => one.syncId === created.syncId && one.name === "Known one" && !one.encrypted),
      );
    });

    it("takes the file id for the sync id, and gives the same budget id", async () => {
      const [one, two] = [await open({ syncId: created.syncId }), await open({ syncId: created.fileId })];
      assert.equal(one.budgetId, makeId("actual", created.fileId));
      assert.equal(two.budgetId, one.budgetId);
      await Promise.all([one.close(), two.close()]);
    });

    it("tells a wrong password without showing it", async () => {
      await assert.rejects(open({ syncId: "x", password: "hunter2-wrong" }), (error) => {
        fails("AUTH_FAILED", /refused the password/)(error);
        assert.ok(!JSON.stringify(error).includes("hunter2-wrong"));
        return true;
      });
    });

    it("tells a server that is not there, and one that is no Actual server", async () => {
      await assert.rejects(
        open({ syncId: "x", serverUrl: "http://127.0.0.1:9" }),
        (error) => fails("PROVIDER_UNAVAILABLE")(error) && (error as TallyError).retryable,
      );
      for (const serverUrl of ["ftp://x", "nonsense", "http://user:secret@host:5006"]) {
        await assert.rejects(open({ syncId: "x", serverUrl }), fails("CONFIG_INVALID"));
      }
    });

    it("tells a currency other than the one set in the budget", async () => {
      await client().send("preferences/save", { id: "defaultCurrencyCode", value: "USD" });
      await client().sync();
      await assert.rejects(open({ syncId: created.syncId }), fails("CURRENCY_MISMATCH", /USD.*EUR/));
      const provider = await open({ syncId: created.syncId, currency: "USD" });
      await provider.close();
    });

    // The last one, for it opens another budget in the client.
    it("tells a missing or wrong encryption password, and opens with the right one", async () => {
      const created = await client().createBudget({
        name: "Secret",
        accounts: [{ name: "A" }],
        categories: {},
      });
      const before = await open({ syncId: created.fileId });
      const { budgetId } = before;
      await before.extract({ cursor: null });
      await client().send("key-make", { password: "open sesame" });
      await client().sync();
      await assert.rejects(before.extract({ cursor: null }), fails("CONFIG_INVALID", /encrypted/));
      await before.close();
      await assert.rejects(open({ syncId: created.fileId }), fails("CONFIG_INVALID", /encryption password/));
      await assert.rejects(
        open({ syncId: created.fileId, encryptionPassword: "wrong" }),
        fails("AUTH_FAILED", /encryption password/),
      );
      const provider = await open({ syncId: created.fileId, encryptionPassword: "open sesame" });
      assert.equal(provider.budgetId, budgetId);
      assert.equal((await provider.extract({ cursor: null })).accounts.length, 1);
      await provider.close();
    });
  });
}
