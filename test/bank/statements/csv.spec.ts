import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { csvReader, inferMapping } from "../../../lib/bank/statements/csv";
import { formatAmount } from "../../../lib/values";
import { sharedPath, skipWithout } from "../../support/shared";
import { documentedFiles, textOf } from "./shared-files";

const fixtures = path.resolve(__dirname, "../../../../test/fixtures/statements");
const read = (lines: string[], options = {}) => csvReader.read(lines.join("\n") + "\n", options);
const amounts = (lines: string[], options = {}) =>
  read(lines, options).accounts.flatMap((account) => account.payments.map((payment) => payment.amount));

describe("CSV profiles", () => {
  const profiles = JSON.parse(readFileSync(path.join(fixtures, "csv-profiles.json"), "utf8")) as Record<
    string,
    string[]
  >;
  for (const [name, lines] of Object.entries(profiles)) {
    it(name, () => {
      const result = read(lines);
      assert.equal(result.profile, name);
      assert.deepEqual(result.errors, []);
      const payment = result.accounts[0]!.payments[0]!;
      assert.equal(payment.date, "2024-02-13");
      assert.equal(payment.amount, -123456);
      assert.equal(payment.currency, "EUR");
      if (name !== "revolut") {
        assert.equal(payment.counterparty?.name, "Sportschool");
        if (name !== "wise-history") assert.equal(payment.counterparty?.iban, "NL44RABO0123456789");
        assert.match(payment.description, /Contributie/);
      }
      if (["ing-nl", "rabobank", "abn-amro"].includes(name)) {
        assert.equal(payment.mandateId, "M-1");
        assert.equal(payment.creditorId, "NL00ZZZ1");
        assert.equal(payment.valueDate, "2024-02-14");
        assert.equal(result.accounts[0]!.iban, "NL91ABNA0417164300");
      }
      if (payment.balanceAfter !== undefined)
        assert.equal(result.accounts[0]!.openingBalance?.amount, 133456);
      assert.equal(inferMapping(lines.join("\n")).profile, name);
    });
  }

  it("Revolut: what moved no money is left out with an entry, pending rows stay pending", () => {
    const { accounts, errors } = read([
      profiles["revolut"]![0]!,
      "CARD_PAYMENT,Current,2024-02-13 10:11:12,2024-02-14 10:11:12,Shop,-5.00,0.00,EUR,COMPLETED,95.00",
      "CARD_PAYMENT,Current,2024-02-14 10:11:12,,Hotel,-50.00,0.00,EUR,PENDING,",
      "CARD_PAYMENT,Current,2024-02-14 10:11:12,,Casino,-9.00,0.00,EUR,REVERTED,",
      "TRANSFER,Current,2024-02-15 10:11:12,2024-02-15 10:11:12,Friend,7.00,0.00,USD,COMPLETED,7.00",
    ]);
    assert.deepEqual(
      accounts.map((a) => [a.currency, a.payments.map((p) => [p.date, p.amount, p.status])]),
      [
        [
          "EUR",
          [
            ["2024-02-14", -500, "booked"],
            ["2024-02-14", -5000, "pending"],
          ],
        ],
        ["USD", [["2024-02-15", 700, "booked"]]],
      ],
    );
    assert.deepEqual(
      errors.map((error) => error.line),
      [4],
    );
  });
});

describe("CSV", () => {
  it("lets a mapping win", () => {
    const lines = ["junk", "when|what|out", "02/03/24|Shop|12,50", "05/03/24|Refund|-3,00"];
    const mapping = {
      delimiter: "|" as const,
      skip: 1,
      date: "when",
      dateFormat: "MM/DD/YY",
      amount: "out",
      negate: true,
      decimal: "," as const,
      description: ["what"],
    };
    const { accounts } = read(lines, { mapping, currency: "EUR" });
    assert.deepEqual(
      accounts[0]!.payments.map((p) => [p.date, p.amount, p.description]),
      [
        ["2024-02-03", -1250, "Shop"],
        ["2024-05-03", 300, "Refund"],
      ],
    );
    assert.throws(() => read(lines, { mapping: { ...mapping, amount: "no such" } }), {
      code: "CONFIG_INVALID",
    });
  });

  it("takes a mapping's mark of money out, the other one for money in, and guesses nothing of a third", () => {
    const mapping = {
      date: "Date",
      amount: "Amount",
      direction: { column: "Way", out: "weg" },
      description: ["What"],
    };
    const rows = ["weg", "her", "WEG ", "her", "", "credit", "debit", "terug"].map(
      (mark, index) => `2024-03-0${index + 1},${index + 1}.00,${mark},Row ${index + 1}`,
    );
    const { accounts, errors } = read(["Date,Amount,Way,What", ...rows], { mapping, currency: "EUR" });
    assert.deepEqual(
      accounts[0]!.payments.map(({ amount }) => amount),
      [-100, 200, -300, 400, 600],
    );
    assert.deepEqual(
      errors.map(({ line, reason }) => [line, /The direction ".*" is not known/.test(reason)]),
      [
        [6, true],
        [8, true],
        [9, true],
      ],
    );
  });

  it("proposes a mapping that reads the same", () => {
    const lines = [
      "Konto;1",
      "",
      "Datum;Soort;Code;Bedrag;Omschrijving;Saldo",
      "13-02-2024;pin;D;12,50;Shop;87,50",
      "14-02-2024;loon;C;100,00;Work;187,50",
    ];
    const text = lines.join("\n");
    const { mapping, confidence, sample, profile } = inferMapping(text, { currency: "EUR" });
    assert.equal(profile, undefined);
    assert.ok(confidence > 0.7);
    assert.deepEqual(
      sample.map((payment) => payment.amount),
      [-1250, 10000],
    );
    const again = csvReader.read(text, { mapping, currency: "EUR" });
    assert.deepEqual(
      again.accounts[0]!.payments.map((p) => p.amount),
      [-1250, 10000],
    );
    assert.deepEqual(again.errors, []);
  });

  it("says what it cannot know", () => {
    const reasons = (lines: string[], options = {}) =>
      read(lines, options)
        .errors.map((error) => error.reason)
        .join("\n");
    const rows = ["Date,Description,Amount", "01/02/2024,A,-1.00", "03/04/2024,B,2.00"];
    assert.match(reasons(rows), /day or month/);
    assert.match(reasons(rows), /currency; EUR was assumed/);
    assert.equal(reasons(rows, { currency: "EUR", dayFirst: true }), "");
    assert.equal(
      read(rows, { currency: "EUR", dayFirst: false }).accounts[0]!.payments[0]!.date,
      "2024-01-02",
    );
    assert.match(
      reasons(["Date;Text;Amount", "2024-01-02;A;1,234", "2024-01-03;B;-2,345"], { currency: "EUR" }),
      /decimal mark/,
    );
    assert.match(
      reasons(["Date;Text;Amount", "2024-01-02;A;1,20", "2024-01-03;B;2,30"], { currency: "EUR" }),
      /No amount has a sign/,
    );
  });

  it("never reads an amount against the decimal mark of its column", () => {
    const lines = ["Date;Text;Amount", "2024-01-02;A;-1,20", "2024-01-03;B;-2,30", "2024-01-04;C;-12.50"];
    assert.deepEqual(amounts(lines), [-120, -230]);
    assert.equal(read(lines, { currency: "EUR" }).errors[0]!.line, 4);
  });

  it("takes the direction of amounts without sign from the running balance", () => {
    const lines = [
      "Date;Text;Amount;Balance",
      "2024-01-02;A;10,00;110,00",
      "2024-01-03;B;30,00;80,00",
      "2024-01-04;C;5,00;85,00",
    ];
    const { accounts, errors } = read(lines, { currency: "EUR" });
    assert.deepEqual(
      accounts[0]!.payments.map((p) => p.amount),
      [-3000, 500],
    );
    assert.deepEqual(
      errors.map((error) => error.line),
      [2],
    );
  });

  it("does not take a payment to Total or New Balance for a total", () => {
    assert.deepEqual(
      amounts([
        "Date;Text;Amount",
        "2024-01-02;TOTAL 123;-1,20",
        "2024-01-03;New Balance Store;-2,30",
        ";Total;-3,50",
      ]),
      [-120, -230],
    );
  });

  it("reads quotes, breaks, a BOM, sep= and names lines of the file", () => {
    const lines = [
      "\ufeffsep=;",
      '"Date";"Text";"Amount"',
      '"2024-01-02";"A;',
      'b ""c""";"-1,00"',
      '"2024-01-99";"x";"-2,00"',
      '"2024-01-04";"y";"-3,00"',
    ];
    const { accounts, errors } = read(lines, { currency: "EUR" });
    assert.deepEqual(
      accounts[0]!.payments.map((p) => [p.line, p.amount, p.description]),
      [
        [3, -100, 'A; b "c"'],
        [6, -300, "y"],
      ],
    );
    assert.deepEqual(
      errors.map((error) => error.line),
      [5],
    );
  });

  it("leaves other formats alone", () => {
    for (const text of [
      "",
      "<html><table><tr><td>1</td></tr></table></html>",
      ":20:X\n:25:Y\n:61:2402140214D1,00N\n",
      "!Type:Bank\nD1/1/24\nT1,00\n^",
      "OFXHEADER:100\n<OFX>",
      "\u00d0\u00cf\u0011\u0000\u0000",
      "a,b\nc,d\n",
    ]) {
      assert.equal(csvReader.detect(text), 0, text.slice(0, 20));
    }
    assert.throws(() => csvReader.read("a,b\nc,d\n", {}), { code: "STATEMENT_UNREADABLE" });
  });

  const row = fc.record({
    day: fc.integer({ min: 1, max: 28 }),
    month: fc.integer({ min: 1, max: 12 }),
    amount: fc.integer({ min: -9_999_999, max: 9_999_999 }).filter((amount) => amount !== 0),
    name: fc.stringMatching(/^[a-z][a-z ;,"|é]{0,14}[a-z]$/).map((name) => name.replace(/ +/g, " ")),
  });
  const dialect = fc.record({
    delimiter: fc.constantFrom(";", ",", "\t", "|"),
    comma: fc.boolean(),
    thousands: fc.boolean(),
    date: fc.constantFrom("ymd", "dmy.", "dmy/", "compact"),
    shape: fc.constantFrom("signed", "pair", "mark"),
    newest: fc.boolean(),
    balance: fc.boolean(),
    preamble: fc.nat(3),
  });
  const pad = (n: number) => String(n).padStart(2, "0");

  function render(
    rows: { day: number; month: number; amount: number; name: string }[],
    d: {
      delimiter: string;
      comma: boolean;
      thousands: boolean;
      date: string;
      shape: string;
      newest: boolean;
      balance: boolean;
      preamble: number;
    },
  ): string[] {
    const money = (amount: number) => {
      const [whole, cents] = formatAmount(amount, "EUR").split(".") as [string, string];
      const grouped = d.thousands ? whole.replace(/\B(?=(\d{3})+$)/g, d.comma ? "." : ",") : whole;
      return `${grouped}${d.comma ? "," : "."}${cents}`;
    };
    const dates: Record<string, (r: { day: number; month: number }) => string> = {
      ymd: (r) => `2024-${pad(r.month)}-${pad(r.day)}`,
      "dmy.": (r) => `${pad(r.day)}.${pad(r.month)}.2024`,
      "dmy/": (r) => `${r.day}/${r.month}/2024`,
      compact: (r) => `2024${pad(r.month)}${pad(r.day)}`,
    };
    let balance = 100_000;
    const lines = rows.map((r) => {
      balance += r.amount;
      const cells = [dates[d.date]!(r), r.name, "EUR"];
      if (d.shape === "signed") cells.push(money(r.amount));
      else if (d.shape === "pair")
        cells.push(r.amount < 0 ? money(-r.amount) : "", r.amount > 0 ? money(r.amount) : "");
      else cells.push(money(Math.abs(r.amount)), r.amount < 0 ? "Debit" : "Credit");
      if (d.balance) cells.push(money(balance));
      return cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(d.delimiter);
    });
    if (d.newest) lines.reverse();
    const header = [
      "Booking date",
      "Description",
      "Currency",
      ...{ signed: ["Amount"], pair: ["Debit", "Credit"], mark: ["Amount", "Debit/Credit"] }[d.shape]!,
    ];
    if (d.balance) header.push("Balance");
    return [
      ...Array.from({ length: d.preamble }, (_, i) => `Report ${i}`),
      header.join(d.delimiter),
      ...lines,
    ];
  }

  it("gives back what was written, in every dialect", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 25 }), dialect, (rows, d) => {
        fc.pre(d.shape !== "signed" || rows.some((r) => r.amount < 0));
        const { accounts, errors } = read(render(rows, d), { dayFirst: true });
        const wanted = d.newest ? rows.toReversed() : rows;
        assert.deepEqual(
          accounts[0]!.payments.map((p) => [p.date, p.amount, p.description]),
          wanted.map((r) => [`2024-${pad(r.month)}-${pad(r.day)}`, r.amount, r.name]),
        );
        assert.deepEqual(errors, []);
        const { openingBalance, closingBalance } = accounts[0]!;
        if (openingBalance) {
          const sum = rows.reduce((total, r) => total + r.amount, 0);
          assert.equal(closingBalance!.amount - openingBalance.amount, sum);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never crashes on damage, never invents payments, and good rows beside a bad one survive", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 4, maxLength: 12 }),
        dialect,
        fc.nat(),
        fc.string({ maxLength: 6 }),
        fc.nat(3),
        (rows, d, where, junk, mode) => {
          fc.pre(d.shape !== "signed" || rows.some((r) => r.amount < 0));
          const lines = render(rows, d);
          const text = lines.join("\n") + "\n";
          const at = where % text.length;
          const damaged =
            mode === 0
              ? text.slice(0, at)
              : mode === 1
                ? text.slice(0, at) + junk + text.slice(at)
                : text.slice(0, at) + text.slice(at + 5);
          try {
            const payments = csvReader
              .read(damaged, { dayFirst: true })
              .accounts.flatMap((account) => account.payments);
            assert.ok(payments.length <= rows.length, damaged);
          } catch (error) {
            assert.equal((error as { code?: string }).code, "STATEMENT_UNREADABLE", String(error));
          }
          // One row of nonsense amounts among the good ones.
          const bad = 1 + d.preamble + (where % rows.length);
          const cells = lines[bad]!.split(`"${d.delimiter}"`);
          lines[bad] =
            `"2024-13-45"${d.delimiter}"${"x"}"${d.delimiter}"EUR"${d.delimiter}"1x,2"${cells.length > 4 ? `${d.delimiter}""`.repeat(cells.length - 4) : ""}`;
          const rest = rows.filter(
            (_r, i) => i !== (d.newest ? rows.length - 1 - (where % rows.length) : where % rows.length),
          );
          fc.pre(d.shape !== "signed" || rest.some((r) => r.amount < 0));
          const result = read(lines, { dayFirst: true });
          const found = result.accounts.flatMap((account) => account.payments.map((p) => p.amount));
          assert.deepEqual(
            d.newest ? found.toReversed() : found,
            rest.map((r) => r.amount),
          );
          assert.ok(
            result.errors.some((error) => error.line === bad + 1),
            JSON.stringify(result.errors),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reads 100,000 rows", () => {
    let balance = 0;
    const lines = Array.from({ length: 100_000 }, (_, i) => {
      const amount = ((i * 7919) % 20_001) - 10_000;
      balance += amount;
      return `2024-${pad(1 + (i % 12))}-${pad(1 + (i % 28))};Shop ${i};${formatAmount(amount, "EUR").replace(".", ",")};${formatAmount(balance, "EUR").replace(".", ",")}`;
    });
    const { accounts, errors } = read(["Datum;Omschrijving;Bedrag;Saldo", ...lines], { currency: "EUR" });
    assert.deepEqual(errors, []);
    assert.equal(accounts[0]!.payments.length, 100_000);
    assert.equal(accounts[0]!.closingBalance?.amount, balance);
    assert.equal(accounts[0]!.payments[99_999]!.line, 100_001);
  }).timeout(60_000);

  it("reads every file of the public samples as documented, both ways", function () {
    const folder = sharedPath("data", "statements", "csv", "bank2ynab");
    if (!folder) skipWithout(this, "CSV files of shared/data");
    const documented = documentedFiles("CSV samples");
    assert.deepEqual(documented.map((entry) => entry.file).sort(), readdirSync(folder).sort());
    for (const entry of documented) {
      const text = textOf(path.join(folder, entry.file));
      assert.ok(csvReader.detect(text) > 0, entry.file);
      const { accounts, errors } = csvReader.read(text, {});
      const payments = accounts.flatMap((account) => account.payments);
      assert.equal(text.split("\n").filter((line) => line.trim() !== "").length, entry.counted, entry.file);
      assert.equal(payments.length, entry.payments, entry.file);
      assert.equal(
        payments.reduce((sum, p) => sum + p.amount, 0),
        entry.sum,
        entry.file,
      );
      assert.deepEqual(
        accounts.flatMap((a) => (a.closingBalance ? [a.closingBalance.amount] : [])),
        entry.closing,
        entry.file,
      );
      assert.equal(errors.length, entry.errors, entry.file);
      assert.equal(
        entry.counted === entry.payments,
        entry.why === "-",
        `${entry.file}: a difference needs its reason`,
      );
    }
  });
});
