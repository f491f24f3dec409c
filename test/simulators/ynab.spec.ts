import assert from "node:assert/strict";
import type { YnabTwin } from "../../simulators/ynab";
import { JudgedClient } from "../support/judged-ynab";
import { loadOpenApi, type OpenApi } from "../support/openapi";
import { sharedPath, skipWithout } from "../support/shared";
import { startTwin } from "../support/ynab";

interface Row {
  id: string;
  amount: number;
  deleted: boolean;
  import_id: string | null;
  category_id: string | null;
  account_id: string;
  transfer_account_id: string | null;
  transfer_transaction_id: string | null;
  subtransactions: { amount: number }[];
}
type Saved = {
  data: {
    transaction_ids: string[];
    duplicate_import_ids: string[];
    server_knowledge: number;
    transactions: Row[];
    transaction: Row;
  };
};
type List = { data: { transactions: Row[]; server_knowledge: number } };
type Failure = { error: { id: string; name: string; detail: string } };

describe("YNAB twin, judged by the official OpenAPI description", () => {
  let spec: OpenApi;
  let twin: YnabTwin;
  let client: JudgedClient;
  let plan: string;
  let account: string;
  let category: string;

  before(function () {
    const file = sharedPath("data", "api_specs", "ynab", "open_api_spec.yaml");
    if (!file) skipWithout(this, "the OpenAPI description of YNAB");
    spec = loadOpenApi(file);
  });
  beforeEach(async () => {
    twin = await startTwin();
    client = new JudgedClient(twin.url, twin.token, spec);
    plan = `/plans/${twin.planId}`;
    account = twin.accountIds["current"]!;
    category = twin.categoryIds["groceries"]!;
  });
  afterEach(() => twin.stop());

  const item = (fields: Record<string, unknown> = {}) => ({
    account_id: account,
    date: "2025-07-10",
    amount: -12_340,
    payee_name: "Bakery",
    category_id: category,
    ...fields,
  });
  const create = async (...items: unknown[]) =>
    (await client.send<Saved>("POST", `${plan}/transactions`, { body: { transactions: items } })).body.data;

  it("answers every reading operation as described", async () => {
    const { transaction_ids } = await create(
      item({ import_id: "A:1" }),
      item({
        category_id: null,
        subtransactions: [{ amount: -12_000, category_id: category }, { amount: -340 }],
      }),
    );
    const scheduled = { account_id: account, date: "2025-08-01", amount: -5000, frequency: "monthly" };
    await client.send("POST", `${plan}/scheduled_transactions`, {
      body: { scheduled_transaction: scheduled },
    });
    const payee = twin.control.payees().find(({ name }) => name === "Bakery")!.id;
    const group = twin.control.categories().find(({ id }) => id === category)!.groupId;
    for (const path of [
      "/user",
      "/plans",
      "/plans?include_accounts=true",
      plan,
      "/plans/last-used",
      "/plans/default/settings",
      `${plan}?last_knowledge_of_server=1`,
      `${plan}/settings`,
      `${plan}/accounts`,
      `${plan}/accounts?last_knowledge_of_server=0`,
      `${plan}/accounts/${account}`,
      `${plan}/accounts/${account}/transactions?since_date=2020-01-01`,
      `${plan}/categories`,
      `${plan}/categories?last_knowledge_of_server=1`,
      `${plan}/categories/${category}`,
      `${plan}/categories/${category}/transactions`,
      `${plan}/payees`,
      `${plan}/payees/${payee}`,
      `${plan}/payees/${payee}/transactions`,
      `${plan}/payee_locations`,
      `${plan}/payees/${payee}/payee_locations`,
      `${plan}/months`,
      `${plan}/months/current`,
      `${plan}/months/2025-07-01`,
      `${plan}/months/2025-07-01/categories/${category}`,
      `${plan}/months/2025-07-01/transactions`,
      `${plan}/months/2025-07-01/money_movements`,
      `${plan}/money_movements`,
      `${plan}/money_movement_groups`,
      `${plan}/transactions`,
      `${plan}/transactions?type=unapproved&since_date=2025-01-01&until_date=2025-12-31`,
      `${plan}/transactions?type=uncategorized`,
      `${plan}/transactions/${transaction_ids[0]}`,
      `${plan}/scheduled_transactions`,
    ]) {
      // "current" is a month by the description's words, though its schema says date.
      assert.equal((await client.send("GET", path, { wrong: path.endsWith("current") })).status, 200, path);
    }
    const rename = { category: { name: "Food" } };
    await client.send("PATCH", `${plan}/categories/${category}`, { body: rename });
    await client.send("PATCH", `${plan}/months/2025-07-01/categories/${category}`, {
      body: { category: { budgeted: 400_000 } },
    });
    await client.send("POST", `${plan}/categories`, {
      body: { category: { name: "Pets", category_group_id: group } },
    });
    await client.send("POST", `${plan}/category_groups`, { body: { category_group: { name: "Garden" } } });
    await client.send("PATCH", `${plan}/payees/${payee}`, { body: { payee: { name: "The bakery" } } });
    await client.send("POST", `${plan}/payees`, { body: { payee: { name: "Butcher" } } });
    await client.send("POST", `${plan}/accounts`, {
      body: { account: { name: "Cash", type: "cash", balance: 20_000 } },
    });
    await client.send("POST", `${plan}/transactions/import`);
    assert.ok(client.judged >= 44, `${client.judged} answers judged`);
  });

  it("keeps balances of accounts, categories and months", async () => {
    await client.send("PATCH", `${plan}/months/2025-07-01/categories/${category}`, {
      body: { category: { budgeted: 100_000 } },
    });
    type Category = { data: { category: { budgeted: number; activity: number; balance: number } } };
    type Account = { data: { account: { balance: number; uncleared_balance: number } } };
    const at = await client.send<Account>("GET", `${plan}/accounts/${account}`);
    await create(item(), item({ cleared: "cleared" }));
    const seen = (await client.send<Category>("GET", `${plan}/categories/${category}`)).body.data.category;
    assert.deepEqual([seen.budgeted, seen.activity, seen.balance], [100_000, -24_680, 30_090]);
    const then = await client.send<Account>("GET", `${plan}/accounts/${account}`);
    assert.equal(then.body.data.account.balance - at.body.data.account.balance, -24_680);
    assert.equal(then.body.data.account.uncleared_balance, -12_340);
  });

  it("skips duplicate import ids of an account in a bulk, and answers 409 to a single one", async () => {
    const first = await create(item({ import_id: "A:1" }));
    assert.deepEqual(first.duplicate_import_ids, []);
    const second = await create(
      item({ import_id: "A:1" }),
      item({ import_id: "A:2" }),
      item({ import_id: "A:2" }),
    );
    assert.deepEqual(second.duplicate_import_ids, ["A:1", "A:2"]);
    assert.equal(second.transaction_ids.length, 1);
    const elsewhere = await create(item({ import_id: "A:1", account_id: twin.accountIds["savings"] }));
    assert.equal(elsewhere.transaction_ids.length, 1);
    const single = { transaction: item({ import_id: "A:1" }) };
    const refused = await client.send<Failure>("POST", `${plan}/transactions`, { body: single });
    assert.deepEqual([refused.status, refused.body.error.name], [409, "conflict"]);
    const fresh = await client.send<Saved>("POST", `${plan}/transactions`, {
      body: { transaction: item({ import_id: "A:9" }) },
    });
    assert.deepEqual([fresh.status, fresh.body.data.transaction.import_id], [201, "A:9"]);
  });

  it("keeps the import id of a deleted transaction taken", async () => {
    const { transaction_ids } = await create(item({ import_id: "A:1" }));
    const gone = await client.send<Saved>("DELETE", `${plan}/transactions/${transaction_ids[0]}`);
    assert.equal(gone.body.data.transaction.deleted, true);
    assert.equal((await client.send("DELETE", `${plan}/transactions/${transaction_ids[0]}`)).status, 404);
    assert.deepEqual((await create(item({ import_id: "A:1" }))).duplicate_import_ids, ["A:1"]);
  });

  it("refuses a whole bulk for one bad item and names its index", async () => {
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ import_id: "x".repeat(37) }, /import_id is too long/],
      [{ payee_name: "x".repeat(201) }, /payee_name is too long/],
      [{ memo: "x".repeat(501) }, /memo is too long/],
      [{ date: "2025-07-16" }, /date must not be in the future or over 5 years ago/],
      [{ date: "2020-07-14" }, /date must not be in the future or over 5 years ago/],
      [{ date: "2025-02-30" }, /date is not valid/],
      [{ amount: 1.5 }, /amount must be an integer/],
      [{ amount: undefined }, /amount is missing/],
      [{ payee_id: "Gezamenlijk" }, /payee must be formatted as a uuid/],
      [{ account_id: "00000000-0000-4000-8000-000000000000" }, /account does not exist/],
      [{ category_id: "00000000-0000-4000-8000-000000000000" }, /category does not exist/],
      [{ cleared: "maybe" }, /cleared must be/],
      [{ category_id: null, subtransactions: [{ amount: -1 }] }, /must add up/],
    ];
    const before = twin.control.all().length;
    for (const [fields, detail] of cases) {
      const body = { transactions: [item(), item(fields), item()] };
      const { status, body: answer } = await client.send<Failure>("POST", `${plan}/transactions`, {
        body,
        wrong: true,
      });
      assert.equal(status, 400);
      assert.deepEqual([answer.error.id, answer.error.name], ["400", "bad_request"]);
      assert.match(answer.error.detail, detail);
      assert.match(answer.error.detail, /\(index: 1\)$/);
    }
    assert.equal(twin.control.all().length, before);
    const limits = { import_id: "x".repeat(36), payee_name: "😀".repeat(200), memo: "😀".repeat(500) };
    assert.equal((await create(item(limits), item({ date: "2020-07-15" }))).transaction_ids.length, 2);
  });

  it("makes both sides of a transfer, changes them together, and deletes them together", async () => {
    const savings = twin.accountIds["savings"]!;
    const { transfer_payee_id } = (
      await client.send<{ data: { account: { transfer_payee_id: string } } }>(
        "GET",
        `${plan}/accounts/${savings}`,
      )
    ).body.data.account;
    const transfer = item({ payee_id: transfer_payee_id, payee_name: undefined, import_id: "T:1" });
    const [row] = (await create(transfer)).transactions;
    assert.deepEqual([row!.transfer_account_id, row!.category_id], [savings, null]);
    const path = `${plan}/transactions/${row!.transfer_transaction_id}`;
    const other = (await client.send<Saved>("GET", path)).body.data.transaction;
    assert.deepEqual([other.amount, other.account_id, other.transfer_account_id], [12_340, savings, account]);
    await client.send("PUT", `${plan}/transactions/${row!.id}`, { body: { transaction: { amount: -500 } } });
    assert.equal((await client.send<Saved>("GET", path)).body.data.transaction.amount, 500);
    await client.send("DELETE", `${plan}/transactions/${row!.id}`);
    assert.equal((await client.send("GET", path)).status, 404);
  });

  it("counts server knowledge up with each change and lists tombstones in deltas only", async () => {
    const [kept, gone] = (await create(item(), item({ amount: -1 }))).transactions;
    const list = async (query = "") =>
      (await client.send<List>("GET", `${plan}/transactions${query}`)).body.data;
    const before = (await list()).server_knowledge;
    await client.send("DELETE", `${plan}/transactions/${gone!.id}`);
    const delta = await list(`?last_knowledge_of_server=${before}`);
    assert.equal(delta.server_knowledge, before + 1);
    assert.deepEqual(
      delta.transactions.map((row) => [row.id, row.deleted]),
      [[gone!.id, true]],
    );
    const whole = await list();
    assert.ok(whole.transactions.some((row) => row.id === kept!.id));
    assert.ok(!whole.transactions.some((row) => row.id === gone!.id));
    assert.deepEqual((await list(`?last_knowledge_of_server=${delta.server_knowledge}`)).transactions, []);
  });

  it("leaves out what is older than a year unless a first date is given", async () => {
    const date = "2024-07-01";
    const id = twin.control.addTransaction({ accountId: account, date, amount: -1000, payeeName: "Old" });
    const ids = async (query: string) =>
      (await client.send<List>("GET", `${plan}/transactions${query}`)).body.data.transactions.map(
        (row) => row.id,
      );
    assert.ok(!(await ids("")).includes(id));
    assert.ok((await ids("?since_date=2024-07-01")).includes(id));
    assert.ok(!(await ids("?since_date=2024-06-01&until_date=2024-06-30")).includes(id));
  });

  it("changes many by id or import id, and leaves splits as they are", async () => {
    const split = item({
      category_id: null,
      amount: -300,
      subtransactions: [{ amount: -100 }, { amount: -200 }],
    });
    const rows = (await create(item({ import_id: "A:1" }), split)).transactions;
    const { status, body } = await client.send<Saved>("PATCH", `${plan}/transactions`, {
      body: {
        transactions: [
          { import_id: "A:1", approved: true, memo: "seen" },
          { id: rows[1]!.id, amount: -999, category_id: category, memo: "parent" },
        ],
      },
    });
    assert.equal(status, 209);
    const [first, second] = body.data.transactions;
    assert.equal(first!.id, rows[0]!.id);
    assert.deepEqual([second!.amount, second!.category_id], [-300, null]);
    assert.deepEqual(
      second!.subtransactions.map((part) => part.amount),
      [-100, -200],
    );
    const unknown = { id: "00000000-0000-4000-8000-000000000000", memo: "x" };
    const refused = await client.send<Failure>("PATCH", `${plan}/transactions`, {
      body: { transactions: [{ id: rows[0]!.id, memo: "not kept" }, unknown] },
    });
    assert.equal(refused.status, 400);
    assert.match(refused.body.error.detail, /\(index: 1\)/);
    assert.equal(twin.control.all().find((row) => row.id === rows[0]!.id)?.memo, "seen");
  });

  it("knows the older paths, and nothing beside its plan", async () => {
    const send = (path: string) =>
      fetch(twin.url + path, { headers: { authorization: `Bearer ${twin.token}` } });
    const older = (await (await send("/budgets")).json()) as { data: { budgets: { id: string }[] } };
    assert.equal(older.data.budgets[0]!.id, twin.planId);
    assert.equal((await send(`/budgets/${twin.planId}/transactions`)).status, 200);
    for (const path of ["/plans/00000000-0000-4000-8000-000000000000", "/nothing", `${plan}/nothing`]) {
      assert.equal((await send(path)).status, 404, path);
    }
  });

  it("refuses a wrong token and the 201st request of an hour", async () => {
    const wrong = await client.send<Failure>("GET", "/plans", { token: "other" });
    assert.equal(wrong.status, 401);
    for (let n = 1; n <= 200; n++) {
      const { status, headers } = await client.send("GET", "/user");
      assert.deepEqual([status, headers.get("x-rate-limit")], [200, `${n}/200`]);
    }
    const refused = await client.send<Failure>("GET", "/user");
    assert.deepEqual([refused.status, refused.body.error.name], [429, "too_many_requests"]);
    twin.control.resetRateLimit();
    assert.equal((await client.send("GET", "/user")).status, 200);
  });
});
