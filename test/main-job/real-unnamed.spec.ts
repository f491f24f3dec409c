import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startActualServer, type ActualServer } from "../servers/actual";
import type { ActualClient, CreatedBudget } from "../servers/actual-client";
import { household, rowsOf, type Household } from "./real-support";

/** CSV and QIF exports seldom name their account: the configuration does, and the mapping goes by that name. */

const CSV = `Date,Description,Amount
2026-01-13,Grocer weekly,-45.99
2026-01-14,City Parking,-3.30
2026-01-14,City Parking,-3.30
2026-01-31,Salary,2500.00
`;
const QIF = `!Type:Bank
D15/02/2026
T-12.50
PBakery
^
D28/02/2026
T2500.00
PSalary
^
`;
const EXPECTED = [
  "2026-01-13 -4599",
  "2026-01-14 -330",
  "2026-01-14 -330",
  "2026-01-31 250000",
  "2026-02-15 -1250",
  "2026-02-28 250000",
];

describe("main job: files that do not name their account", function () {
  this.timeout(240_000);
  let server: ActualServer;
  let client: ActualClient;
  let home: Household;
  let created: CreatedBudget;

  before(async function () {
    const started = await startActualServer();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
    client = await server.client();
    home = household();
    mkdirSync(home.statements);
    writeFileSync(path.join(home.statements, "january.csv"), CSV);
    writeFileSync(path.join(home.statements, "february.qif"), QIF);
    created = await client.createBudget({
      name: "Unnamed",
      accounts: [{ name: "Current" }],
      categories: { Daily: ["Groceries"] },
    });
  });

  after(async () => {
    await server?.stop();
    home?.remove();
  });

  const config = (bank: Record<string, unknown>) => ({
    bank: { kind: "files", folder: "statements", timeZone: "Europe/Amsterdam", ...bank },
    budget: {
      kind: "actual",
      url: server.url,
      password: server.password,
      syncId: created.syncId,
      currency: "EUR",
      modulePath: server.modulePath,
    },
    accounts: [{ bank: "current-1", budget: "Current" }],
    policy: "suggest",
  });

  it("does not lose them without a word while no account is set", async () => {
    await assert.rejects(home.pass(config({ currency: "EUR" })), (error: Error) => {
      assert.match(
        error.message,
        /january\.csv: The file does not name its account, so its 4 rows were left out/,
      );
      assert.match(error.message, /february\.qif: /);
      return true;
    });
    assert.deepEqual(await rowsOf(client), []);
  });

  it("writes each of their payments once to the account that is set, and once only", async () => {
    const set = config({ account: "current-1", currency: "EUR" });
    const first = await home.pass(set);
    assert.equal(first.synced, EXPECTED.length);
    const again = await home.pass(set);
    assert.deepEqual([again.new, again.synced], [0, 0]);
    const rows = await rowsOf(client);
    assert.ok(rows.every(({ account }) => account === created.accounts["Current"]));
    assert.deepEqual(rows.map(({ date, amount }) => `${date} ${amount}`).sort(), EXPECTED);
  });
});
