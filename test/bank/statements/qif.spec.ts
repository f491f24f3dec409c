import assert from "node:assert/strict";
import fc from "fast-check";
import { qifReader } from "../../../lib/bank/statements/qif";
import { formatAmount } from "../../../lib/values";

const read = (lines: string[], options = {}) =>
  qifReader.read(lines.join("\n") + "\n", { currency: "EUR", ...options });

describe("QIF", () => {
  it("reads every field of a bank record", () => {
    const { accounts, errors, format } = read([
      "!Type:Bank",
      "D13/02/2024",
      "T-1,234.56",
      "PBakery",
      "MCake",
      "LFood:Bread/Home",
      "N101",
      "CX",
      "AStreet 1",
      "ATown",
      "SFood",
      "EBread",
      "$-1,000.00",
      "SHome",
      "$-234.56",
      "^",
      "D14/02/2024",
      "T50.00",
      "L[Savings]",
      "^",
    ]);
    assert.deepEqual(errors, []);
    assert.equal(format, "qif");
    const [first, second] = accounts[0]!.payments;
    assert.equal(first!.date, "2024-02-13");
    assert.equal(first!.amount, -123456);
    assert.equal(first!.category, "Food:Bread/Home");
    assert.equal(first!.reference, "101");
    assert.equal(first!.line, 2);
    assert.equal(first!.raw["A2"], "Town");
    assert.equal(first!.raw["$2"], "-234.56");
    assert.equal(second!.type, "transfer");
    assert.equal(second!.counterparty?.account, "Savings");
  });

  it("reads dates in every form", () => {
    const forms: [string, string][] = [
      ["1/15' 4", "2004-01-15"],
      ["1/15'04", "2004-01-15"],
      ["01/15/2004", "2004-01-15"],
      ["1/15/04", "2004-01-15"],
      ["15.1.04", "2004-01-15"],
      ["2004-01-15", "2004-01-15"],
      ["15-01-2004", "2004-01-15"],
      [" 1/15'2004", "2004-01-15"],
    ];
    for (const [text, date] of forms) {
      const { accounts, errors } = read(["!Type:Cash", `D${text}`, "T1.00", "^"]);
      assert.deepEqual(errors, [], text);
      assert.equal(accounts[0]!.payments[0]!.date, date, text);
    }
  });

  it("decides day and month over the whole file, and says so where it cannot", () => {
    const lines = (second: string) => ["!Type:Bank", "D03/04/2024", "T1.00", "^", `D${second}`, "T1.00", "^"];
    const dates = (second: string, options = {}) =>
      read(lines(second), options).accounts[0]!.payments[0]!.date;
    assert.equal(dates("13/04/2024"), "2024-04-03");
    assert.equal(dates("04/13/2024"), "2024-03-04");
    assert.equal(dates("05/06/2024", { dayFirst: true }), "2024-04-03");
    assert.match(read(lines("05/06/2024")).errors[0]!.reason, /day or month/);
    assert.deepEqual(read(lines("05/06/2024"), { dayFirst: false }).errors, []);
  });

  it("keeps accounts apart, skips lists and reports investments", () => {
    const { accounts, errors } = read([
      "!Option:AutoSwitch",
      "!Account",
      "NChecking",
      "TBank",
      "^",
      "NCard",
      "TCCard",
      "^",
      "!Clear:AutoSwitch",
      "!Type:Cat",
      "NFood",
      "^",
      "!Account",
      "NChecking",
      "TBank",
      "^",
      "!Type:Bank",
      "D2024-02-01",
      "T100.00",
      "POpening Balance",
      "L[Checking]",
      "^",
      "D2024-02-02",
      "T-5.00",
      "^",
      "!Account",
      "NCard",
      "^",
      "!Type:CCard",
      "D2024-02-03",
      "T-7.00",
      "^",
      "!Type:Invst",
      "D2024-02-04",
      "NBuy",
      "YACME",
      "T900.00",
      "^",
    ]);
    assert.deepEqual(
      accounts.map((account) => [account.name, account.payments.map((p) => p.amount)]),
      [
        ["Checking", [-500]],
        ["Card", [-700]],
      ],
    );
    assert.equal(accounts[0]!.openingBalance?.amount, 10000);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!.reason, /Investment transaction Buy/);
    assert.equal(errors[0]!.line, 34);
  });

  it("reports a bad row, a split that does not add up and an assumed currency", () => {
    const text = "!Type:Bank\nDnever\nT1.00\n^\nD2024-02-02\nT-5.00\n$-4.00\n^\nD2024-02-03\nT-12.";
    const { accounts, errors } = qifReader.read(text, {});
    assert.deepEqual(
      accounts[0]!.payments.map((p) => p.amount),
      [-500],
    );
    assert.deepEqual(
      errors.map((error) => [error.line, /currency|no date|add up|ends in the middle/.test(error.reason)]),
      [
        [undefined, true],
        [2, true],
        [5, true],
        [9, true],
      ],
    );
    assert.throws(() => qifReader.read("Date,Amount", {}), { code: "STATEMENT_UNREADABLE" });
    assert.equal(qifReader.detect("Date,Amount"), 0);
    assert.ok(qifReader.detect(text) > 0.9);
  });

  it("gives back what was written, and nothing more after damage", () => {
    const row = fc.record({
      day: fc.integer({ min: 1, max: 28 }),
      month: fc.integer({ min: 1, max: 12 }),
      amount: fc.integer({ min: -9_999_999, max: 9_999_999 }),
      payee: fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,12}$/),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (rows, dayFirst, comma, cut) => {
          const text =
            "!Type:Bank\r\n" +
            rows
              .map((r) => {
                const [a, b] = dayFirst ? [r.day, r.month] : [r.month, r.day];
                return `D${a}/${String(b).padStart(2, " ")}'24\r\nT${formatAmount(r.amount, "EUR").replace(".", comma ? "," : ".")}\r\nP${r.payee}\r\n^\r\n`;
              })
              .join("");
          const { accounts, errors } = qifReader.read(text, { currency: "EUR", dayFirst });
          assert.deepEqual(errors, []);
          const pad = (n: number) => String(n).padStart(2, "0");
          assert.deepEqual(
            accounts[0]!.payments.map((p) => [p.date, p.amount, p.counterparty?.name]),
            rows.map((r) => [`2024-${pad(r.month)}-${pad(r.day)}`, r.amount, r.payee]),
          );
          const part = qifReader.read(text.slice(0, 12 + (cut % (text.length - 11))), {
            currency: "EUR",
            dayFirst,
          });
          const kept = part.accounts.flatMap((account) => account.payments).map((p) => p.amount);
          assert.deepEqual(
            kept,
            rows.slice(0, kept.length).map((r) => r.amount),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});
