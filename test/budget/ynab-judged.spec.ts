import assert from "node:assert/strict";
import { openYnab, type NewTransaction } from "../../lib/budget";
import { OPERATIONS } from "../../lib/budget/ynab/operations";
import type { TwinExchange } from "../../simulators/twin-server";
import type { YnabTwin } from "../../simulators/ynab";
import { loadOpenApi, type OpenApi } from "../support/openapi";
import { sharedPath, skipWithout } from "../support/shared";
import { openOn, startTwin } from "../support/ynab";

/** Every call that the client makes, held against the official description, and none that it does not know. */
describe("YNAB provider, judged by the official OpenAPI description", () => {
  let spec: OpenApi;
  let twin: YnabTwin;
  const faults: string[] = [];
  const seen = new Set<string>();

  before(async function () {
    const file = sharedPath("data", "api_specs", "ynab", "open_api_spec.yaml");
    if (!file) skipWithout(this, "the OpenAPI description of YNAB");
    spec = loadOpenApi(file, { closed: false });
    twin = await startTwin({ matching: "one", onExchange: judge });
  });
  after(() => twin?.stop());

  function judge({ method, path, requestBody, status, responseBody }: TwinExchange): void {
    const request = requestBody ? { body: JSON.parse(requestBody) as unknown } : {};
    faults.push(...spec.checkRequest({ method, path, ...request }));
    const body = JSON.parse(responseBody) as unknown;
    faults.push(
      ...(status >= 400
        ? spec.checkSchema("ErrorResponse", body)
        : spec.checkResponse({ method, path, status, body })),
    );
    const operation = spec.find(method, path);
    if (operation) seen.add(`${method} ${operation.template}`);
    else faults.push(`${method} ${path} is not described`);
  }

  let number = 0;
  const item = (fields: Partial<NewTransaction> = {}): NewTransaction => ({
    importId: `TF1:judged-${++number}`,
    accountId: `ynab:${twin.accountIds["current"]}`,
    date: "2025-07-10",
    amount: -1234 - number,
    payeeName: "Bakery 😀",
    categoryId: `ynab:${twin.categoryIds["groceries"]}`,
    memo: "two loaves",
    cleared: "cleared",
    approved: false,
    ...fields,
  });

  it("sends what is described, and the twin answers as described, whatever it is asked to do", async () => {
    const provider = openOn(twin);
    await provider.plans();
    const first = await provider.extract({ cursor: null });
    await provider.extract({ cursor: null, since: "2025-06-01" });
    const savings = `ynab:${twin.accountIds["savings"]}`;
    const outcomes = await provider.create([
      item(),
      item({ transferAccountId: savings, categoryId: null }),
      item({ payeeName: "x".repeat(400), memo: "😀".repeat(700), cleared: "uncleared", approved: true }),
      item({ categoryId: null, memo: "" }),
      item({ amount: -4523, date: "2025-06-04" }),
      item({ accountId: "ynab:00000000-0000-4000-8000-00000000dead" }),
      item(),
      item(),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["created", "created", "created", "created", "created", "rejected", "created", "created"],
    );
    const ids = outcomes.flatMap((one) => (one.status === "created" ? one.transactionId : []));
    await provider.create([item({ importId: outcomes[0]!.importId })]);
    const range = { from: "2025-06-01", accountIds: [`ynab:${twin.accountIds["current"]}`] };
    await provider.find([outcomes[0]!.importId, "TF1:none"], range);
    await provider.find(["TF1:none"], { ...range, accountIds: [...range.accountIds, savings] });
    await provider.read(ids.slice(0, 2));
    await provider.read(ids);
    await provider.update([
      { id: ids[0]!, categoryId: `ynab:${twin.categoryIds["fun"]}`, memo: "m".repeat(600), approved: true },
      { id: ids[2]!, categoryId: null },
    ]);
    await provider.extract({ cursor: first.cursor });
    await provider.delete(ids.slice(0, 2));
    await provider.delete(ids);
    await assert.rejects(
      openYnab({ token: "wrong", plan: twin.planId, url: twin.url }).extract({ cursor: null }),
    );
    assert.deepEqual(faults, []);
  });

  for (const [name, { method, path }] of Object.entries(OPERATIONS)) {
    it(`has seen ${name}: ${method} ${path}`, () => {
      assert.ok(seen.has(`${method} ${path}`), `seen: ${[...seen].join(", ")}`);
    });
  }

  it("makes no call beside its list of operations", () => {
    const listed = new Set(Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`));
    assert.deepEqual(
      [...seen].filter((operation) => !listed.has(operation)),
      [],
    );
  });
});
