import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseCommand } from "../../../cli/parse";
import { fixture, fixtureText } from "./support";

async function run(argv: string[], stdin?: string) {
  let stdout = "";
  let stderr = "";
  const code = await parseCommand(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    ...(stdin === undefined
      ? {}
      : {
          stdin: (async function* () {
            yield Buffer.from(stdin);
          })(),
        }),
  });
  return { code, stdout, stderr };
}

describe("tallyflow parse", () => {
  it("prints JSON in minor units, the other party as a text, and no raw rows", async () => {
    const { code, stdout, stderr } = await run([fixture("mt940/abnamro-sepa.sta"), "--json"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.deepEqual(JSON.parse(stdout), {
      format: "mt940",
      accounts: [
        {
          id: "417164300",
          currency: "EUR",
          statementId: "00501/1",
          openingBalance: 50000,
          openingDate: "2025-12-31",
          closingBalance: 44535,
          closingDate: "2026-01-02",
          payments: [
            {
              date: "2026-01-02",
              valueDate: "2025-12-31",
              amount: -4590,
              currency: "EUR",
              status: "booked",
              counterparty: "ENERGIE DIRECT B.V.",
              counterpartyIban: "NL20INGB0001234560",
              counterpartyBic: "INGBNL2A",
              description: "TERMIJN JANUARI 2026",
              type: "sepa incasso algemeen doorlopend",
              reference: "INC0099",
              mandateId: "E-4711",
              creditorId: "NL22ZZZ332005960000",
              line: 8,
            },
            {
              date: "2026-01-02",
              valueDate: "2026-01-02",
              amount: -875,
              currency: "EUR",
              status: "booked",
              counterparty: "KIOSK AMSTERDAM CS",
              description: "BEA, BETAALPAS KIOSK AMSTERDAM CS,PAS012 NR:5K1234, 02.01.26/08:15 AMSTERDAM",
              type: "card",
              line: 12,
            },
          ],
        },
      ],
      errors: [],
    });
  });

  it("prints errors of rows with line and reason, and still answers 0", async () => {
    const { code, stdout } = await run([fixture("mt940/odd.sta"), "--json"]);
    const { errors } = JSON.parse(stdout) as { errors: { line: number; reason: string }[] };
    assert.equal(code, 0);
    assert.deepEqual(Object.keys(errors[0]!).sort(), ["line", "reason"]);
    assert.equal(errors[0]!.line, 8);
  });

  it("reads the standard input, and prints a table for people without control characters", async () => {
    const { code, stdout } = await run(
      ["-"],
      fixtureText("mt940/ing-sepa.sta").replace("J JANSEN", "J\u001b[31m JANSEN"),
    );
    assert.equal(code, 0);
    assert.match(stdout, /2026-01-05 {9}-25\.50 EUR {2}BAKKERIJ DE KORENAAR +Factuur 77 brood/);
    assert.match(stdout, /closing balance {2}2026-01-05 {8}1362\.50 EUR/);
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/);
  });

  it("takes currency and account", async () => {
    const text = ":20:X\n:61:240115C100,NTRFNONREF\n-";
    const { stdout } = await run(["-", "--json", "--currency", "chf", "--account", "123456"], text);
    assert.equal((JSON.parse(stdout) as { accounts: { currency: string }[] }).accounts[0]!.currency, "CHF");
    const wrong = await run([fixture("mt940/ing-sepa.sta"), "--json", "--account", "NL91ABNA0417164300"]);
    const parsed = JSON.parse(wrong.stdout) as { accounts: unknown[]; errors: { reason: string }[] };
    assert.deepEqual(parsed.accounts, []);
    assert.match(
      parsed.errors[0]!.reason,
      /statement of account NL02INGB0001234567, not of NL91ABNA0417164300/,
    );
  });

  describe("files that cannot be read", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "parse-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const write = (name: string, content: string | Uint8Array) => {
      writeFileSync(path.join(folder, name), content);
      return path.join(folder, name);
    };

    it("answers 1 with the reason on stderr and nothing on stdout", async () => {
      const huge = write("huge.sta", "");
      truncateSync(huge, 2 * 1024 ** 3);
      const cases: [argv: string[], reason: RegExp][] = [
        [[write("empty.sta", "")], /empty/],
        [[write("a.pdf", "%PDF-1.4")], /PDF/],
        [[huge], /2048 MiB/],
        [[path.join(folder, "missing")], /no such file/],
        [[folder], /folder/],
        [[fixture("mt940/odd.sta"), "--currency", "euro"], /not a currency code/],
        [[fixture("mt940/odd.sta"), "--mapping", write("mapping.json", "{")], /not JSON/],
      ];
      for (const [argv, reason] of cases) {
        for (const json of [[], ["--json"]]) {
          const { code, stdout, stderr } = await run([...argv, ...json]);
          assert.equal(code, 1, argv.join(" "));
          assert.equal(stdout, "");
          assert.match(stderr, reason);
        }
      }
    });

    it("answers 2 for a wrong command line", async () => {
      assert.equal((await run([])).code, 2);
      assert.equal((await run(["a", "b"])).code, 2);
      assert.equal((await run(["a", "--nonsense"])).code, 2);
      assert.equal((await run(["--help"])).code, 0);
    });
  });

  it("is a command of the program", () => {
    const program = path.resolve(__dirname, "../../../cli/tallyflow.js");
    const done = spawnSync(process.execPath, [program, "parse", fixture("camt/batch.xml"), "--json"], {
      encoding: "utf8",
    });
    assert.equal(done.status, 0, done.stderr);
    assert.equal((JSON.parse(done.stdout) as { format: string }).format, "camt.053");
    assert.equal(
      spawnSync(process.execPath, [program, "parse", "/nonexistent"], { encoding: "utf8" }).status,
      1,
    );
    assert.equal(spawnSync(process.execPath, [program, "nonsense"], { encoding: "utf8" }).status, 2);
  });
});
