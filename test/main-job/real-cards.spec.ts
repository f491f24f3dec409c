import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { cleanPayee } from "../../lib/values";
import { startActualServer, type ActualServer } from "../servers/actual";
import type { ActualClient, CreatedBudget } from "../servers/actual-client";
import { sharedPath, skipWithout } from "../support/shared";
import { camt, changesOf, household, rowsOf, type Household } from "./real-support";

/**
 * Real card payments with the categories that their holders chose: what people entered of the first years stands in
 * the budget, the bank's statement brings those years again and what came after, and Tallyflow has to categorise the
 * latter. Merchants of published records: none of them is printed.
 */

const CARDS = 3;
const KNOWN_SHARE = 0.8;

interface Row {
  card: string;
  date: string;
  merchant: string;
  /** Minor units, signed as on the account. */
  amount: number;
  label: string;
}

describe("main job: the busiest cards of a city through a real Actual budget", function () {
  this.timeout(300_000);
  let server: ActualServer;
  let client: ActualClient;
  let home: Household;
  let created: CreatedBudget;
  let config: Record<string, unknown>;
  let known: Row[];
  let later: Row[];

  before(async function () {
    const file = sharedPath("data", "payments", "birmingham_2014_2017.csv");
    if (!file) skipWithout(this, "shared/data/payments/birmingham_2014_2017.csv is not there");
    const started = await startActualServer();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
    client = await server.client();
    home = household();
    mkdirSync(home.statements);
    const cards = busiest(readRows(file), CARDS);
    known = cards.flatMap((rows) => rows.slice(0, Math.floor(rows.length * KNOWN_SHARE)));
    later = cards.flatMap((rows) => rows.slice(Math.floor(rows.length * KNOWN_SHARE)));
    const name = (at: number) => `Card ${at + 1}`;
    created = await client.createBudget({
      name: "Cards",
      accounts: cards.map((_, at) => ({ name: name(at) })),
      categories: { Published: [...new Set(known.map(({ label }) => label))] },
    });
    for (const [at, rows] of cards.entries()) {
      const mine = rows.slice(0, Math.floor(rows.length * KNOWN_SHARE));
      const entered = mine.map(({ date, amount, merchant, label }) => ({
        date,
        amount,
        payee_name: merchant,
        category: created.categories[label],
        cleared: true,
      }));
      await client.call("addTransactions", created.accounts[name(at)], entered, {
        learnCategories: false,
        runTransfers: false,
      });
      const bookings = rows.map(({ date, amount, merchant }) => ({ date, amount, name: merchant }));
      writeFileSync(
        path.join(home.statements, `card-${at + 1}.xml`),
        camt({ other: rows[0]!.card, currency: "GBP" }, bookings),
      );
    }
    await client.sync();
    config = {
      bank: { kind: "files", folder: "statements", timeZone: "Europe/London" },
      budget: {
        kind: "actual",
        url: server.url,
        password: server.password,
        syncId: created.syncId,
        currency: "GBP",
        modulePath: server.modulePath,
      },
      accounts: cards.map((rows, at) => ({ bank: `${rows[0]!.card.toUpperCase()}/GBP`, budget: name(at) })),
      policy: "suggest",
    };
  });

  after(async () => {
    await server?.stop();
    home?.remove();
  });

  it("finds what people entered, writes the rest once, and categorises it better than a dictionary of seen texts", async () => {
    const entered = await rowsOf(client);
    assert.equal(entered.length, known.length);
    const result = await home.pass(config);
    assert.deepEqual(result.skipped, { "already-in-budget": known.length });
    assert.deepEqual(
      [result.payments, result.synced, result.review, result.retry, result.dead],
      [known.length + later.length, later.length, 0, 0, 0],
    );
    const written = (await rowsOf(client)).filter((row) => row.importId !== null);
    assert.equal(written.length, later.length);
    const text = ({ date, amount, merchant }: { date: string; amount: number; merchant: string }) =>
      `${date}|${amount}|${merchant}`;
    const clean = (row: Row) => text({ ...row, merchant: cleanPayee(row.merchant) });
    assert.deepEqual(
      written.map((row) => text({ ...row, merchant: row.payee ?? "" })).sort(),
      later.map(clean).sort(),
      "date and amount as on the statement, and the payee without the number of the till",
    );

    // Equal rows of a day are told apart by nobody: each takes one of the labels that were given to them.
    const labels = new Map<string, string[]>();
    for (const row of later) labels.set(clean(row), [...(labels.get(clean(row)) ?? []), row.label]);
    const nameOf = new Map(Object.entries(created.categories).map(([name, id]) => [id, name]));
    let right = 0;
    for (const row of written) {
      const given = labels.get(text({ ...row, merchant: row.payee ?? "" }))!;
      const at = given.indexOf(nameOf.get(row.category ?? "") ?? "");
      if (at < 0) continue;
      given.splice(at, 1);
      right++;
    }
    const seen = share(
      later,
      dictionary(known, ({ merchant }) => merchant),
    );
    const perCard = share(
      later,
      dictionary(
        known,
        ({ card, merchant }) => `${card}|${merchant}`,
        ({ card }) => card,
      ),
    );
    const ours = right / later.length;
    const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
    console.log(
      `      ${later.length} later payments, ${known.length} known: right ${percent(ours)}, dictionary of seen texts ${percent(seen)}, the same for each card ${percent(perCard)}; ${result.seconds} s`,
    );
    assert.ok(ours > seen, `${percent(ours)} is not better than the dictionary's ${percent(seen)}`);
  });

  it("writes nothing when the statements come again", async () => {
    const before = await changesOf(client);
    const again = await home.pass(config);
    assert.deepEqual([again.new, again.synced], [0, 0]);
    assert.equal(await changesOf(client), before, "changes in Actual's own log");
  });
});

function readRows(file: string): Row[] {
  const records: Record<string, string>[] = parse(readFileSync(file), { columns: true, bom: true });
  return records.map((record) => ({
    card: record["card"]!,
    date: record["date"]!,
    // Blanks at the ends and doubled ones are not part of a name, for a bank as for Actual.
    merchant: record["merchant"]!.replace(/\s+/g, " ").trim(),
    // Published as spending; on the account it goes out.
    amount: -Math.round(Number(record["amount_gbp"]) * 100),
    label: record["category"]!,
  }));
}

/** The rows of the cards with the most of them, each by date. */
function busiest(rows: readonly Row[], count: number): Row[][] {
  const cards = new Map<string, Row[]>();
  for (const row of rows) {
    const list = cards.get(row.card);
    if (list) list.push(row);
    else cards.set(row.card, [row]);
  }
  return [...cards.values()]
    .sort((a, b) => b.length - a.length)
    .slice(0, count)
    .map((list) => list.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0)));
}

/** Most frequent label of a seen text, else the most frequent label of the wider key. */
function dictionary(
  rows: readonly Row[],
  key: (row: Row) => string,
  wider: (row: Row) => string = () => "",
): (row: Row) => string | undefined {
  const exact = counted(rows, key);
  const rest = counted(rows, wider);
  return (row) => exact.get(key(row)) ?? rest.get(wider(row));
}

function counted(rows: readonly Row[], key: (row: Row) => string): Map<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const labels = counts.get(key(row)) ?? new Map<string, number>();
    counts.set(key(row), labels.set(row.label, (labels.get(row.label) ?? 0) + 1));
  }
  return new Map([...counts].map(([text, labels]) => [text, [...labels].sort((a, b) => b[1] - a[1])[0]![0]]));
}

function share(rows: readonly Row[], guess: (row: Row) => string | undefined): number {
  return rows.filter((row) => guess(row) === row.label).length / rows.length;
}
