import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { ofxReader } from "../../../lib/bank/statements/ofx";
import { formatAmount } from "../../../lib/values";
import { sharedPath, skipWithout } from "../../support/shared";
import { documentedFiles, textOf } from "./shared-files";

const HEADER = "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nCHARSET:1252\r\n\r\n";

function statement(rows: string, extra = "", head = HEADER): string {
  return (
    `${head}<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR` +
    `<BANKACCTFROM><BANKID>ABNANL2A<ACCTID>NL91ABNA0417164300<ACCTTYPE>CHECKING</BANKACCTFROM>` +
    `<BANKTRANLIST><DTSTART>20240201<DTEND>20240229${rows}</BANKTRANLIST>${extra}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>`
  );
}

const payment = (fields: string) =>
  `<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240214<TRNAMT>-1.00${fields}</STMTTRN>`;

describe("OFX", () => {
  it("reads SGML without end tags, entities and unescaped ampersands", () => {
    const text = statement(
      "<STMTTRN><TRNTYPE>POS<DTPOSTED>20240214233000.000[-5:EST]<DTUSER>20240213<TRNAMT>-12,50<FITID>A1<CHECKNUM>0<REFNUM>R7<NAME>H&M &amp; Co &lt;3<MEMO>Socks &#8364;\n",
      "<LEDGERBAL><BALAMT>1.234,56<DTASOF>20240229</LEDGERBAL><AVAILBAL><BALAMT>9999,00<DTASOF>20240229</AVAILBAL>",
    );
    const result = ofxReader.read(text, {});
    assert.deepEqual(result.errors, []);
    assert.equal(result.format, "ofx");
    const account = result.accounts[0]!;
    assert.equal(account.iban, "NL91ABNA0417164300");
    assert.equal(account.bic, "ABNANL2A");
    assert.deepEqual(account.closingBalance, { amount: 123456, currency: "EUR", date: "2024-02-29" });
    const first = account.payments[0]!;
    assert.equal(first.date, "2024-02-14");
    assert.equal(first.instant, "2024-02-15T04:30:00.000Z");
    assert.equal(first.amount, -1250);
    assert.equal(first.counterparty?.name, "H&M & Co <3");
    assert.equal(first.description, "Socks €");
    assert.equal(first.reference, "R7");
    assert.equal(first.bankId, "A1");
    assert.equal(first.type, "pos");
  });

  it("reads the same from one line, lower case, without header and as XML", () => {
    const row = payment("<FITID>F1<NAME>Shop");
    const forms = [
      statement(row),
      statement(row, "", ""),
      statement(row).replace(HEADER, "").toLowerCase(),
      statement(row).replace(/></g, ">\n  <"),
      statement(row, "", '<?xml version="1.0"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n').replace(
        /<(TRNUID|CODE|SEVERITY|CURDEF|BANKID|ACCTID|ACCTTYPE|DTSTART|DTEND|TRNTYPE|DTPOSTED|TRNAMT|FITID|NAME)>([^<]*)/g,
        "<$1>$2</$1>",
      ),
    ];
    for (const form of forms) {
      assert.ok(ofxReader.detect(form) >= 0.9, form.slice(0, 60));
      const { accounts, errors } = ofxReader.read(form, {});
      assert.deepEqual(errors, []);
      assert.deepEqual(
        accounts[0]!.payments.map((p) => [
          p.date,
          p.amount,
          p.bankId?.toUpperCase(),
          p.counterparty?.name?.toUpperCase(),
        ]),
        [["2024-02-14", -100, "F1", "SHOP"]],
      );
    }
  });

  it("tells QFX by its INTU tags and leaves other formats alone", () => {
    assert.equal(ofxReader.read(statement(payment("<INTU.BID>3000")), {}).format, "qfx");
    for (const text of [
      "",
      "Date,Amount\n2024-01-01,1",
      "<Document><BkToCstmrStmt/></Document>",
      "!Type:Bank\n",
      ":20:X",
    ]) {
      assert.equal(ofxReader.detect(text), 0);
    }
    assert.throws(() => ofxReader.read("Date,Amount", {}), { code: "STATEMENT_UNREADABLE" });
  });

  it("reads foreign amounts, pending rows, other accounts and a blank id", () => {
    const text = statement(
      payment("<FITID><NAME>A<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY>") +
        payment(
          "<FITID>2<NAME>B<ORIGCURRENCY><CURRATE>0.5<CURSYM>GBP</ORIGCURRENCY><BANKACCTTO><BANKID>1<ACCTID>NL44RABO0123456789</BANKACCTTO>",
        ),
      "<BANKTRANLISTP><STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20240228<TRNAMT>-3.00<NAME>C</STMTTRNP></BANKTRANLISTP>",
    );
    const [a, b, c] = ofxReader.read(text, {}).accounts[0]!.payments;
    assert.equal(a!.currency, "USD");
    assert.equal("bankId" in a!, false);
    assert.deepEqual(b!.original, { amount: -200, currency: "GBP" });
    assert.equal(b!.counterparty?.iban, "NL44RABO0123456789");
    assert.equal(c!.status, "pending");
  });

  it("keeps good rows beside bad ones and names each bad one by line", () => {
    const text = statement(
      `\n${payment("<FITID>1")}\n<STMTTRN><DTPOSTED>20240231<TRNAMT>-1.00<FITID>2</STMTTRN>\n` +
        `<STMTTRN><DTPOSTED>20240214<TRNAMT>abc<FITID>3</STMTTRN>\n${payment("<FITID>1")}${payment("<FITID>4").replace("-1.00", "-2.00")}${payment("<FITID>4")}`,
    );
    const { accounts, errors } = ofxReader.read(text, {});
    assert.deepEqual(
      accounts[0]!.payments.map((p) => p.bankId),
      ["1", "1", undefined, undefined],
    );
    assert.deepEqual(
      errors.map((error) => error.line),
      [8, 9, 10],
    );
    assert.match(errors[2]!.reason, /2 different payments/);
  });

  it("reports a bank's error and a file that ends early without inventing the last amount", () => {
    const failed =
      "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Bad password</STATUS></SONRS></SIGNONMSGSRSV1></OFX>";
    assert.match(ofxReader.read(failed, {}).errors[0]!.reason, /15500: Bad password/);
    const cut = statement(payment("") + "<STMTTRN><DTPOSTED>20240214<TRNAMT>-123.45");
    const early = ofxReader.read(cut.slice(0, cut.indexOf("-123.45") + 4), {});
    assert.equal(early.accounts[0]!.payments.length, 1);
    assert.equal(early.errors.length, 2);
  });

  it("gives back what was written, in every dialect", () => {
    const row = fc.record({
      day: fc.integer({ min: 1, max: 28 }),
      amount: fc.integer({ min: -99_999_999, max: 99_999_999 }),
      name: fc
        .stringMatching(/^[A-Za-z&'"é€][A-Za-z0-9 .&'"é€]{0,20}$/)
        .map((name) => name.replace(/\s+/g, " ").trim()),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (rows, xml, comma, lines) => {
          const end = (tag: string) => (xml ? `</${tag}>` : "");
          const gap = lines ? "\r\n\t" : "";
          const body = rows.map((r, i) => {
            const escaped = xml ? r.name.replaceAll("&", "&amp;") : r.name;
            const amount = formatAmount(r.amount, "EUR").replace(".", comma ? "," : ".");
            return (
              `${gap}<STMTTRN>${gap}<DTPOSTED>202402${String(r.day).padStart(2, "0")}120000[+14:X]${end("DTPOSTED")}` +
              `${gap}<TRNAMT>${amount}${end("TRNAMT")}${gap}<FITID>id${i}${end("FITID")}${gap}<NAME>${escaped}${end("NAME")}${gap}` +
              (i % 3 === 0 && !xml ? "" : "</STMTTRN>")
            );
          });
          const { accounts, errors } = ofxReader.read(statement(body.join("")), {});
          assert.deepEqual(errors, []);
          assert.deepEqual(
            accounts[0]!.payments.map((p) => [p.date, p.amount, p.bankId, p.counterparty?.name]),
            rows.map((r, i) => [`2024-02-${String(r.day).padStart(2, "0")}`, r.amount, `id${i}`, r.name]),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it("never crashes on damage and never invents payments", () => {
    const whole = statement(Array.from({ length: 8 }, (_, i) => payment(`<FITID>${i}<NAME>N${i}`)).join(""));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: whole.length }),
        fc.string({ maxLength: 8 }),
        fc.nat(12),
        (at, text, gone) => {
          const damaged = whole.slice(0, at) + text + whole.slice(at + gone);
          for (const form of [damaged, whole.slice(0, at)]) {
            if (!/<\s*OFX\s*>/i.test(form)) continue;
            const count = ofxReader.read(form, {}).accounts.flatMap((account) => account.payments).length;
            assert.ok(count <= 8, form);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("reads every file of the public samples as documented, both ways", function () {
    const folder = sharedPath("data", "statements", "ofx", "ofxparse");
    if (!folder) skipWithout(this, "OFX files of shared/data");
    const documented = documentedFiles("OFX");
    assert.deepEqual(documented.map((row) => row.file).sort(), readdirSync(folder).sort());
    for (const row of documented) {
      const text = textOf(path.join(folder, row.file));
      const { accounts, errors } = ofxReader.read(text, {});
      const payments = accounts.flatMap((account) => account.payments);
      assert.equal(text.match(/<STMTTRN>/g)?.length ?? 0, row.counted, row.file);
      assert.equal(payments.length, row.payments, row.file);
      assert.equal(
        payments.reduce((sum, p) => sum + p.amount, 0),
        row.sum,
        row.file,
      );
      assert.deepEqual(
        accounts.flatMap((a) => (a.closingBalance ? [a.closingBalance.amount] : [])),
        row.closing,
        row.file,
      );
      assert.equal(errors.length, row.errors, row.file);
      assert.equal(
        row.counted === row.payments,
        row.why === "-",
        `${row.file}: a difference needs its reason`,
      );
      // Sums of what the file writes, by a pattern that knows nothing of the reader.
      const written = [...text.matchAll(/<TRNAMT>\s*([+-]?[\d.]+)/g)].map((m) =>
        Math.round(Number(m[1]) * 100),
      );
      if (row.counted === row.payments)
        assert.equal(
          written.reduce((sum, amount) => sum + amount, 0),
          row.sum,
          row.file,
        );
    }
  });
});
