import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Household } from "../../simulators/household/types";
import { transactionIdOf, type YnabTwin, type YnabTwinOptions } from "../../simulators/ynab";
import { smallHousehold, startTwin } from "../support/ynab";

describe("YNAB twin: state, household, control", () => {
  let folder: string;
  let stateFile: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "ynab-twin-"));
    stateFile = path.join(folder, "plan.jsonl");
  });
  const started: YnabTwin[] = [];
  const start = async (options: YnabTwinOptions = {}) => {
    const twin = await startTwin(options);
    started.push(twin);
    return twin;
  };
  afterEach(async () => {
    for (const twin of started.splice(0)) await twin.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function post(twin: Pick<YnabTwin, "url" | "token" | "planId">, transactions: unknown[]) {
    const response = await fetch(`${twin.url}/plans/${twin.planId}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${twin.token}` },
      body: JSON.stringify({ transactions }),
    });
    return (await response.json()) as {
      data: { transaction_ids: string[]; duplicate_import_ids: string[]; server_knowledge: number };
    };
  }
  const items = (account: string, batch: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({
      account_id: account,
      date: "2025-07-10",
      amount: -1000 - n,
      payee_name: `Shop ${n}`,
      import_id: `S:${batch}:${n}`,
    }));

  it("is the same after a restart: transactions, knowledge, names, taken import ids", async () => {
    const first = await start({ stateFile });
    const account = first.accountIds["current"]!;
    const { data } = await post(first, items(account, 1, 20));
    first.control.deleteTransaction(data.transaction_ids[3]!);
    first.control.renameCategory(first.categoryIds["rent"]!, "Mortgage");
    const before = first.control.all({ deleted: true });
    const knowledge = first.control.serverKnowledge;
    await first.stop();

    const second = await start({ stateFile });
    assert.deepEqual(second.control.all({ deleted: true }), before);
    assert.equal(second.control.serverKnowledge, knowledge);
    assert.ok(second.control.categories().some(({ name }) => name === "Mortgage"));
    const again = await post(second, items(account, 1, 20));
    assert.equal(again.data.duplicate_import_ids.length, 20);
    assert.equal(again.data.server_knowledge, knowledge);
    await second.stop();
    const third = await start({ stateFile });
    assert.deepEqual(third.control.all({ deleted: true }), before);
    await third.stop();
  });

  it("drops a last change that was cut short, and goes on after it", async () => {
    const first = await start({ stateFile });
    await post(first, items(first.accountIds["current"]!, 1, 5));
    const before = first.control.all();
    await first.stop();
    appendFileSync(stateFile, '{"k":99,"puts":[["transaction",{"id":"torn');
    const second = await start({ stateFile });
    assert.deepEqual(second.control.all(), before);
    await post(second, items(second.accountIds["current"]!, 2, 5));
    await second.stop();
    const third = await start({ stateFile });
    assert.equal(third.control.all().length, before.length + 5);
    await third.stop();
  });

  it("loses nothing that was acknowledged when it is killed", async function () {
    this.timeout(20_000);
    const script = path.join(folder, "twin.cjs");
    const dist = path.resolve(__dirname, "../..");
    writeFileSync(
      script,
      `const { startYnabTwin } = require(${JSON.stringify(path.join(dist, "simulators/ynab"))});
       const { smallHousehold, NOW } = require(${JSON.stringify(path.join(dist, "test/support/ynab"))});
       startYnabTwin({ household: smallHousehold(), now: () => NOW, rateLimit: 1e6,
         stateFile: ${JSON.stringify(stateFile)} })
         .then(({ url, token, planId, accountIds }) =>
           console.log(JSON.stringify({ url, token, planId, accountIds })));`,
    );
    const acknowledged = new Set<string>();
    let batch = 0;
    for (const killAfter of [40, 5, 90]) {
      const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
      const gone = once(child, "exit");
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const twin = JSON.parse(line) as YnabTwin;
      let doomed = false;
      for (;;) {
        batch += 1;
        const sent = items(twin.accountIds["current"]!, batch, 40);
        const answer = await post(twin, sent).catch(() => undefined);
        if (!answer?.data) break;
        for (const { import_id } of sent) acknowledged.add(import_id);
        if (!doomed) setTimeout(() => child.kill("SIGKILL"), killAfter);
        doomed = true;
      }
      child.kill("SIGKILL");
      await gone;
    }
    const twin = await start({ stateFile });
    const standing = twin.control.all().map((row) => row.importId);
    const there = new Set(standing);
    assert.ok(acknowledged.size > 0, "something was acknowledged before the kills");
    for (const importId of acknowledged) assert.ok(there.has(importId), importId);
    const written = standing.filter((importId) => importId !== null);
    assert.equal(new Set(written).size, written.length);
    await twin.stop();
  });

  it("renames and deletes categories when their time has come", async () => {
    const household = smallHousehold();
    household.categories[0]!.renamed = { at: "2025-07-10T00:00:00Z", to: "Food" };
    household.categories[1]!.deletedAt = "2025-07-12T00:00:00Z";
    let now = Date.parse("2025-07-09T00:00:00Z");
    const twin = await start({ household, now: () => now });
    const groups = async (query = "") => {
      const response = await fetch(`${twin.url}/plans/${twin.planId}/categories${query}`, {
        headers: { authorization: `Bearer ${twin.token}` },
      });
      const { data } = (await response.json()) as {
        data: {
          category_groups: { categories: { name: string; deleted: boolean }[] }[];
          server_knowledge: number;
        };
      };
      const all = data.category_groups.flatMap(({ categories }) => categories);
      return {
        names: all.map(({ name, deleted }) => (deleted ? `${name}!` : name)),
        at: data.server_knowledge,
      };
    };
    const first = await groups();
    assert.ok(first.names.includes("Groceries") && first.names.includes("Rent"));
    now = Date.parse("2025-07-15T00:00:00Z");
    assert.deepEqual((await groups(`?last_knowledge_of_server=${first.at}`)).names.sort(), ["Food", "Rent!"]);
    const rent = twin.control.all().find((row) => row.amount === -950_000);
    assert.equal(rent?.categoryId, null);
    await twin.stop();
  });

  it("seeds each transfer once, whether the people's entries name one side or both", async () => {
    const household = withTransfers();
    const twin = await start({ household });
    const transfers = twin.control.all().filter((row) => row.transferAccountId);
    assert.equal(transfers.length, 4);
    for (const row of transfers) {
      const other = transfers.find(({ id }) => id === row.transferTransactionId);
      assert.equal(other?.amount, -row.amount);
      assert.equal(other?.transferTransactionId, row.id);
    }
    assert.equal(
      transfers.find(({ id }) => id === transactionIdOf(household, 10))?.transferTransactionId,
      transactionIdOf(household, 11),
    );
    await twin.stop();
  });

  it("serves the control route only when it is turned on", async () => {
    const closed = await start();
    assert.equal((await fetch(closed.controlUrl, { method: "POST", body: "{}" })).status, 404);
    await closed.stop();
    const twin = await start({ controlRoute: true });
    const call = async (name: string, ...args: unknown[]) => {
      const body = JSON.stringify({ call: name, args });
      const response = await fetch(twin.controlUrl, { method: "POST", body });
      return { status: response.status, body: (await response.json()) as { result: unknown } };
    };
    const given = {
      accountId: twin.accountIds["current"],
      date: "2025-07-01",
      amount: -1000,
      payeeName: "Kiosk",
    };
    const added = await call("addTransaction", given);
    assert.equal(twin.control.all().find(({ id }) => id === added.body.result)?.payeeName, "Kiosk");
    await call("setFault", { kind: "status", status: 503 });
    const headers = { authorization: `Bearer ${twin.token}` };
    assert.equal((await fetch(`${twin.url}/user`, { headers })).status, 503);
    assert.equal((await fetch(`${twin.url}/user`, { headers })).status, 200);
    assert.equal((await call("record", {})).status, 400);
    assert.equal((await call("deleteTransaction", "nonsense")).status, 404);
    await twin.stop();
  });
});

function withTransfers(): Household {
  const household = smallHousehold();
  const side = (sequence: number, account: string, amount: number, transferOf: number) => ({
    sequence,
    account,
    status: "booked" as const,
    instant: "2025-06-26T10:00:00Z",
    date: "2025-06-26",
    amount,
    counterparty: { name: "Own account" },
    description: "",
    type: "transfer",
    transferOf,
  });
  const entry = (payment: number, account: string, amount: number, transferTo: string) => ({
    account,
    date: "2025-06-26",
    amount,
    payee: "Own account",
    transferTo,
    approved: true,
    payment,
  });
  household.payments = [side(10, "current", -5000, 11), side(11, "savings", 5000, 10)];
  household.entries.push(entry(10, "current", -5000, "savings"), entry(11, "savings", 5000, "current"));
  return household;
}
