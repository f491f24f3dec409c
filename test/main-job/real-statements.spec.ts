import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openStatementFiles, parseStatement } from "../../lib/bank/statements";
import type { Payment } from "../../lib/store";
import type { SyncResult } from "../../cli/sync";
import { startActualServer, type ActualServer } from "../servers/actual";
import type { ActualClient, CreatedBudget } from "../servers/actual-client";
import { sharedPath } from "../support/shared";
import { camt, changesOf, household, rowsOf, type Booking, type Household } from "./real-support";

const TIME_ZONE = "Europe/Amsterdam";
const START = "2007-01-01";
const OWN_IBAN = "NL02ABNA0123456789";

/** Made for this test; the two rows of the second day are equal and yet two payments. */
const FIRST: Booking[] = [
  { date: "2026-01-05", amount: -1250, name: "Bakery De Korenbloem", text: "bread" },
  { date: "2026-01-06", amount: -330, name: "City Parking", text: "ticket" },
  { date: "2026-01-06", amount: -330, name: "City Parking", text: "ticket" },
  { date: "2026-01-25", amount: 250_000, name: "Employer & Sons", text: "salary January" },
];
/** Overlaps with the first from the 25th on. */
const SECOND: Booking[] = [FIRST[3]!, { date: "2026-02-02", amount: -4_599, name: "Grocer", text: "weekly" }];

interface Bank {
  id: string;
  currency: string;
  payments: Payment[];
}

/** What a folder holds, by a reading of its own outside of any flow. */
async function survey(folder: string): Promise<Bank[]> {
  const provider = openStatementFiles({ folder, timeZone: TIME_ZONE, settleMs: 0 });
  const banks: Bank[] = [];
  for (const account of await provider.accounts()) {
    const found = new Map<string, Payment>();
    for await (const page of provider.payments(account, { cursor: null }))
      for (const payment of page.payments) found.set(payment.id, payment);
    banks.push({ id: account.id, currency: account.currency, payments: [...found.values()] });
  }
  await provider.close();
  return banks;
}

describe("main job: statement files into a real Actual budget", function () {
  this.timeout(240_000);
  let server: ActualServer;
  let client: ActualClient;
  let home: Household;
  let created: CreatedBudget;
  let banks: Bank[];
  let config: Record<string, unknown>;
  let first: SyncResult;

  const isEuro = (bank: Bank) => bank.currency === "EUR";
  const nameOf = (bank: Bank) => (isEuro(bank) ? bank.id : "Foreign money");

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
    const data = sharedPath("data", "statements");
    if (data) copyStatements(data, home.statements);
    else console.log("      shared/data/statements is absent: only the statements of this test are used");
    writeFileSync(path.join(home.statements, "own.xml"), camt({ iban: OWN_IBAN, currency: "EUR" }, FIRST));
    writeFileSync(
      path.join(home.statements, "own-dollars.xml"),
      camt({ iban: OWN_IBAN, currency: "USD" }, [{ date: "2026-01-07", amount: -700, name: "Bookshop" }]),
    );
    writeFileSync(
      path.join(home.statements, "own-old.xml"),
      camt({ iban: OWN_IBAN, currency: "EUR" }, [{ date: "2006-12-31", amount: -100, name: "Too old" }]),
    );
    writeFileSync(path.join(home.statements, "a-broken.xml"), '<?xml version="1.0"?><Document><BkTo');
    writeFileSync(path.join(home.statements, "a-picture.pdf"), "%PDF-1.7\n\u0000\u0001\u0002");
    banks = await survey(home.statements);
    const names = [...new Set(banks.map(nameOf))];
    created = await client.createBudget({
      name: "Real statements",
      accounts: names.map((name) => ({ name })),
      categories: { Daily: ["Groceries", "Fun"] },
    });
    config = {
      bank: { kind: "files", folder: "statements", timeZone: TIME_ZONE },
      budget: {
        kind: "actual",
        url: server.url,
        password: server.password,
        syncId: created.syncId,
        currency: "EUR",
        modulePath: server.modulePath,
      },
      accounts: banks.map((bank) => ({ bank: bank.id, budget: nameOf(bank) })),
      startDate: START,
      policy: "suggest",
    };
  });

  after(async () => {
    await server?.stop();
    home?.remove();
  });

  /** The payments of a bank account that are to be in the budget. */
  const due = (bank: Bank) =>
    bank.payments.filter(({ status, date, amount }) => status === "booked" && date >= START && amount !== 0);

  it("writes every booked payment of the budget's currency once and tells of everything else", async () => {
    first = await home.pass(config);
    const rows = await rowsOf(client);
    // The other side of a transfer to an own account whose statement is missing is made by Actual itself.
    const ours = rows.filter((row) => row.importId !== null);
    assert.ok(rows.filter((row) => row.importId === null).every((row) => row.transfer));
    assert.ok(rows.length - ours.length <= ours.filter((row) => row.transfer).length);
    for (const bank of banks.filter(isEuro)) {
      const account = ours.filter((row) => row.account === created.accounts[bank.id]);
      const [count, sum] = [due(bank).length, due(bank).reduce((total, { amount }) => total + amount, 0)];
      assert.equal(account.length, count, `rows of ${bank.id}`);
      assert.equal(
        account.reduce((total, row) => total + row.amount, 0),
        sum,
        `sum of ${bank.id}`,
      );
    }
    const all = banks.filter(isEuro).flatMap(due).length;
    assert.equal(ours.length, all, "nothing else stands in the budget");
    assert.equal(first.synced, all);
    assert.equal(new Set(ours.map((row) => row.importId)).size, all, "each under an import id of its own");
    assert.ok(
      rows.every((row) => row.category === null),
      "without labels there is nothing to categorise by",
    );
    const everything = banks.flatMap((bank) => bank.payments.map((payment) => ({ bank, payment })));
    const count = (wanted: (one: (typeof everything)[number]) => boolean) => everything.filter(wanted).length;
    const expected = {
      pending: count(({ payment }) => payment.status === "pending"),
      "before-start-date": count(({ payment }) => payment.status === "booked" && payment.date < START),
      "currency-mismatch": count(
        ({ bank, payment }) => payment.status === "booked" && payment.date >= START && !isEuro(bank),
      ),
      "zero-amount": count(
        ({ bank, payment }) =>
          payment.status === "booked" && payment.date >= START && isEuro(bank) && payment.amount === 0,
      ),
    };
    assert.deepEqual(first.skipped, Object.fromEntries(Object.entries(expected).filter(([, n]) => n > 0)));
    assert.ok(expected["currency-mismatch"] >= 1 && expected["before-start-date"] >= 1);
    assert.equal(first.payments, everything.length, "nothing is lost on the way");
    assert.deepEqual([first.review, first.retry, first.dead], [0, 0, 0]);
    const skipped = Object.entries(first.skipped).map(([reason, n]) => `${n} ${reason}`);
    console.log(
      `      ${readdirSync(home.statements).length} files, ${banks.length} accounts: ${ours.length} written, ${skipped.join(", ")}; ${first.seconds} s`,
    );
  });

  it("has the statement of this test to the cent, with two equal rows as two", async () => {
    const bank = banks.find(({ id, currency }) => id.includes(OWN_IBAN) && currency === "EUR")!;
    const rows = (await rowsOf(client)).filter((row) => row.account === created.accounts[bank.id]);
    const plain = ({ date, amount }: { date: string; amount: number }) => `${date} ${amount}`;
    assert.deepEqual(rows.map(plain).sort(), FIRST.map(plain).sort());
  });

  it("has each row of each file, read without ids", async () => {
    const standing = new Set(
      (await rowsOf(client)).map(({ account, date, amount }) => `${account} ${date} ${amount}`),
    );
    let checked = 0;
    for (const name of readdirSync(home.statements)) {
      const content = readFileSync(path.join(home.statements, name));
      for (const account of readOrNothing(content, name)) {
        const plain = (account.iban ?? account.id ?? "").replace(/[^A-Za-z0-9]/g, "").toUpperCase();
        const bank = banks.find(({ id }) => id === `files:${plain.replace(/^0+/, "")}/${account.currency}`);
        if (!bank || !isEuro(bank)) continue;
        for (const { status, currency, date, amount } of account.payments) {
          if (status !== "booked" || currency !== "EUR" || date < START || amount === 0) continue;
          checked++;
          assert.ok(
            standing.has(`${created.accounts[bank.id]} ${date} ${amount}`),
            `${name}: the row of ${date} is not in the budget`,
          );
        }
      }
    }
    assert.ok(checked >= FIRST.length);
  });

  it("reports files that cannot be read, and goes on with the rest", () => {
    for (const name of ["a-broken.xml", "a-picture.pdf"])
      assert.ok(
        first.problems.some((text) => text.includes(`${name}: `)),
        `${name} is not reported`,
      );
    assert.ok(first.badRows >= 2);
  });

  it("writes nothing when the same files come again", async () => {
    const before = await changesOf(client);
    const again = await home.pass(config);
    assert.deepEqual([again.new, again.synced, again.payments], [0, 0, first.payments]);
    assert.deepEqual(again.skipped, first.skipped);
    assert.equal(await changesOf(client), before, "changes in Actual's own log");
  });

  it("writes only what is new when files are renamed and overlapping ones are added", async () => {
    const before = await rowsOf(client);
    for (const name of readdirSync(home.statements)) {
      const { dir, base } = path.parse(path.join(home.statements, name));
      renameSync(path.join(dir, base), path.join(dir, `renamed-${base}`));
    }
    writeFileSync(
      path.join(home.statements, "february.xml"),
      camt({ iban: OWN_IBAN, currency: "EUR" }, SECOND),
    );
    const again = await home.pass(config);
    assert.deepEqual([again.new, again.synced], [1, 1]);
    const key = (row: (typeof before)[number]) => row.importId;
    const known = new Set(before.map(key));
    const fresh = (await rowsOf(client)).filter((row) => !known.has(key(row)));
    assert.deepEqual(
      fresh.map(({ date, amount }) => [date, amount]),
      [["2026-02-02", -4_599]],
    );
  });
});

function readOrNothing(content: Buffer, fileName: string): ReturnType<typeof parseStatement>["accounts"] {
  try {
    return parseStatement(content, { fileName }).accounts;
  } catch (thrown) {
    assert.equal((thrown as { code?: string }).code, "STATEMENT_UNREADABLE");
    return [];
  }
}

/** The published statements, side by side in one folder; what belongs to them but is no statement stays. */
function copyStatements(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    const file = path.join(from, name);
    if (!statSync(file).isFile() || /\.(yml|json|md)$|LICENSE/.test(name)) continue;
    writeFileSync(path.join(to, name.split(path.sep).join("_")), readFileSync(file));
  }
}
