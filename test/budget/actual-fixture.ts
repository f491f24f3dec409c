import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { openActual, type ActualOptions, type ActualProvider } from "../../lib/budget/actual";
import type { Transaction } from "../../lib/store";
import { makeId, ownId, type Id } from "../../lib/values";
import type { ActualServer } from "../servers/actual";
import type { ActualClient, CreatedBudget } from "../servers/actual-client";
import type { Fixture, Person } from "./fixture";

/** A budget on a real server, with a person who uses it through a client of their own. */
export interface ActualFixture extends Fixture {
  provider: ActualProvider;
  created: CreatedBudget;
  options: ActualOptions;
  client: ActualClient;
  /** What stands in the budget now and did not when this fixture was given. */
  fresh(): Promise<Transaction[]>;
}

const id = (own: string): Id => makeId("actual", own);

let counter = 0;

/** Options for a provider on this server, with a data folder of its own. */
export function optionsFor(server: ActualServer, fields: Partial<ActualOptions> = {}): ActualOptions {
  counter += 1;
  return {
    serverUrl: server.url,
    password: server.password,
    dataDir: path.join(server.dataDir, `provider-${counter}`),
    modulePath: server.modulePath,
    currency: "EUR",
    ...fields,
  };
}

/** Make a budget and open it both ways. */
export async function actualFixture(
  server: ActualServer,
  client: ActualClient,
  openBy: "syncId" | "fileId" = "syncId",
): Promise<ActualFixture> {
  const created = await client.createBudget({
    name: `Household ${counter + 1}`,
    accounts: [{ name: "Current" }, { name: "Savings" }],
    categories: { Daily: ["Groceries", "Fun"], Home: ["Rent"] },
  });
  const options = optionsFor(server, { syncId: created[openBy] });
  const provider = await openActual(options);
  return fixtureOf(server, client, created, options, provider, () => provider.close());
}

/** A budget that many tests use one after the other, opened once. */
export interface SharedBudget {
  /** Two accounts and three categories that nothing has happened to yet, in the budget of all. */
  fixture(): Promise<ActualFixture>;
  close(): Promise<void>;
}

/** Make a budget for many tests, when the first of them asks; the client must have no other budget open meanwhile. */
export function sharedBudget(server: () => ActualServer, client: () => ActualClient): SharedBudget {
  let first: Promise<ActualFixture> | undefined;
  let turn = 0;
  return {
    async fixture() {
      first ??= actualFixture(server(), client());
      const { created, options, provider } = await first;
      const suffix = ` ${++turn}`;
      const [accounts, categories] = await freshBooks(client(), suffix);
      return fixtureOf(
        server(),
        client(),
        { ...created, accounts, categories },
        options,
        provider,
        async () => undefined,
      );
    },
    close: async () => (await first)?.close(),
  };
}

async function freshBooks(
  client: ActualClient,
  suffix: string,
): Promise<[accounts: Record<string, string>, categories: Record<string, string>]> {
  const add = async (method: string, ...args: unknown[]) => (await client.call(method, ...args)) as string;
  const accounts: Record<string, string> = {};
  for (const name of ["Current", "Savings"])
    accounts[name] = await add("createAccount", { name: name + suffix }, 0);
  const categories: Record<string, string> = {};
  for (const [group, names] of Object.entries({ Daily: ["Groceries", "Fun"], Home: ["Rent"] })) {
    const group_id = await add("createCategoryGroup", { name: group + suffix });
    for (const name of names) categories[name] = await add("createCategory", { name, group_id });
  }
  await client.sync();
  return [accounts, categories];
}

async function fixtureOf(
  server: ActualServer,
  client: ActualClient,
  created: CreatedBudget,
  options: ActualOptions,
  provider: ActualProvider,
  close: () => Promise<void>,
): Promise<ActualFixture> {
  const others: ActualProvider[] = [];
  const category = (name: string) => id(created.categories[name]!);
  const all = () => everything(client, provider.budgetId);
  const before = new Set((await all()).map((row) => row.id));
  return {
    provider,
    created,
    options,
    client,
    async reopen() {
      const other = await openActual({ ...optionsFor(server), syncId: created.syncId });
      others.push(other);
      return other;
    },
    accountIds: { current: id(created.accounts["Current"]!), savings: id(created.accounts["Savings"]!) },
    categoryIds: { groceries: category("Groceries"), rent: category("Rent"), fun: category("Fun") },
    currency: "EUR",
    today: "2026-06-15",
    person: personOf(client),
    all,
    fresh: async () => (await all()).filter((row) => !before.has(row.id)),
    capabilities: {
      deltas: true,
      tombstones: true,
      deletedImportIdsStayTaken: true,
      findsDeleted: true,
      approval: false,
    },
    close: async () => {
      await Promise.all(others.map((one) => one.close()));
      await close();
    },
  };
}

function personOf(client: ActualClient): Person {
  const batch = async (change: unknown) => {
    await client.sync();
    await client.send("transactions-batch-update", change);
    await client.sync();
  };
  return {
    async add({ accountId, date, amount, payeeName, categoryId, memo, split }) {
      const payee = (await client.call("createPayee", { name: payeeName })) as string;
      const row = { account: ownId(accountId), date, amount, payee, notes: memo ?? null, cleared: true };
      const own = randomUUID();
      const parts = (split ?? []).map((part, index) => ({
        id: randomUUID(),
        ...row,
        amount: part.amount,
        notes: part.memo ?? null,
        category: part.categoryId ? ownId(part.categoryId) : null,
        is_child: true,
        parent_id: own,
        sort_order: -index,
      }));
      const parent = {
        id: own,
        ...row,
        category: categoryId ? ownId(categoryId) : null,
        is_parent: parts.length > 0,
      };
      await batch({ added: [parent, ...parts] });
      return id(own);
    },
    edit: (row, { amount, date, memo, categoryId }) =>
      batch({
        updated: [
          {
            id: ownId(row),
            ...(amount === undefined ? {} : { amount }),
            ...(date === undefined ? {} : { date }),
            ...(memo === undefined ? {} : { notes: memo }),
            ...(categoryId === undefined ? {} : { category: ownId(categoryId) }),
          },
        ],
      }),
    remove: (row) => batch({ deleted: [{ id: ownId(row) }] }),
    async renameCategory(category, name) {
      await client.call("updateCategory", ownId(category), { name });
      await client.sync();
    },
    async deleteCategory(category) {
      await client.call("deleteCategory", ownId(category));
      await client.sync();
    },
  };
}

interface Row {
  id: string;
  account: string;
  date: number;
  amount: number;
  category: string | null;
  notes: string | null;
  payee: string | null;
  payee_name: string | null;
  transfer_acct: string | null;
  cleared: number;
  imported_id: string | null;
  is_parent: number;
  parent_id: string | null;
  sort_order: number;
}

/** What stands in the budget, by plain SQL on the other client's database. */
async function everything(client: ActualClient, budgetId: Id): Promise<Transaction[]> {
  await client.sync();
  const rows = await client.sql<Row>(
    `SELECT t.id, t.account, t.date, t.amount, t.category, t.notes, t.payee, t.cleared, t.imported_id, t.is_parent,
       t.parent_id, t.sort_order, p.transfer_acct, COALESCE(a.name, p.name) AS payee_name
     FROM v_transactions_internal_alive t
     LEFT JOIN payees p ON p.id = t.payee LEFT JOIN accounts a ON a.id = p.transfer_acct`,
  );
  const category = (row: Row) => (row.category ? id(row.category) : null);
  const children = rows.filter((row) => row.parent_id !== null);
  return rows
    .filter((row) => row.parent_id === null)
    .map((row) => {
      const date = String(row.date);
      const parts = children
        .filter((part) => part.parent_id === row.id)
        .sort((a, b) => b.sort_order - a.sort_order)
        .map((part) => ({ amount: part.amount, categoryId: category(part) }));
      return {
        id: id(row.id),
        budgetId,
        accountId: id(row.account),
        date: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`,
        amount: row.amount,
        currency: "EUR",
        ...(row.payee_name === null ? {} : { payeeName: row.payee_name }),
        categoryId: row.is_parent ? null : category(row),
        ...(row.notes === null ? {} : { memo: row.notes }),
        cleared: row.cleared ? ("cleared" as const) : ("uncleared" as const),
        // Actual has no approval of its own: what we wrote waits for a person until it is reconciled.
        approved: !row.imported_id?.startsWith("TF1:"),
        ...(row.imported_id === null ? {} : { importId: row.imported_id }),
        ...(row.transfer_acct === null ? {} : { transferAccountId: id(row.transfer_acct) }),
        ...(row.is_parent ? { split: parts } : {}),
        deleted: false,
      };
    });
}

/** Is this process still there? */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
    return false;
  }
}

/** Wait until it holds; fails the test after ten seconds. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${what} did not happen within ten seconds`);
}
