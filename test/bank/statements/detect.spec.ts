import assert from "node:assert/strict";
import { parseStatement } from "../../../lib/bank/statements";
import { fixtureText, rows } from "./support";

const refused = (content: Uint8Array | string, message: RegExp) =>
  assert.throws(() => parseStatement(content), { code: "STATEMENT_UNREADABLE", message });

const mt940 = (text: string) =>
  `:20:T\n:25:NL91ABNA0417164300\n:60F:C240101EUR0,\n:61:240102C1,00NTRFNONREF\n:86:${text}\n:62F:C240102EUR1,00\n-`;
const camt = (text: string, encoding: string) =>
  `<?xml version="1.0" encoding="${encoding}"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Id>S</Id><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2024-01-02</Dt></BookgDt><AddtlNtryInf>${text}</AddtlNtryInf></Ntry></Stmt></BkToCstmrStmt></Document>`;
const description = (content: Uint8Array | string) => rows(parseStatement(content))[0]?.description;

describe("what a file is", () => {
  it("refuses what is no statement, says what it is and what to do", () => {
    refused("", /empty.*Download/);
    refused(new Uint8Array(), /empty/);
    refused(" \r\n\t", /empty/);
    refused(Buffer.from("PK\x03\x04....xl/workbook.xml", "latin1"), /Excel workbook \(\.xlsx\).*CSV/);
    refused(Buffer.from("PK\x03\x04....a.xml", "latin1"), /ZIP archive.*Unpack/);
    refused(Buffer.from("%PDF-1.7", "latin1"), /PDF.*CAMT\.053/);
    refused(Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1]), /\.xls/);
    refused(Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/);
    refused(Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 7) % 256)), /binary/);
    refused("<!DOCTYPE html><html><body>Log in</body></html>", /web page/);
    refused(
      '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"></Document>',
      /pain\.001/,
    );
    refused('{"payments": []}', /JSON/);
    refused("Dear customer, this is a letter.", /CAMT\.052\/053\/054/);
  });

  it("goes by the content, not by the name", () => {
    assert.equal(parseStatement(mt940("x"), { fileName: "export.csv" }).format, "mt940");
    assert.equal(parseStatement(camt("x", "UTF-8"), { fileName: "statement.sta" }).format, "camt.053");
  });

  it("decodes UTF-8, UTF-16, and the code pages of Windows and DOS", () => {
    const words = "Müller Élan";
    for (const bytes of [
      Buffer.from(mt940(words)),
      Buffer.from(`\ufeff${mt940(words)}`),
      Buffer.from(`\ufeff${mt940(words)}`, "utf16le"),
      Buffer.from(mt940(words), "utf16le"),
      Buffer.from(`\ufeff${mt940(words)}`, "utf16le").swap16(),
      Buffer.from(mt940(words), "latin1"),
      Buffer.from(mt940(words).replace("ü", "\u0081").replace("É", "\u0090"), "latin1"),
    ]) {
      assert.equal(description(bytes), words);
    }
    assert.equal(description(Buffer.from(mt940("10 \u0080 Caf\u00e9"), "latin1")), "10 € Café");
    // ł is 0xb3 in windows-1250 and 0x88 in DOS code page 852; the currency tells the region.
    const polish = mt940("Z\u00b3oty").replaceAll("EUR", "PLN");
    assert.equal(description(Buffer.from(polish, "latin1")), "Złoty");
    assert.equal(description(Buffer.from(polish.replace("\u00b3", "\u0088"), "latin1")), "Złoty");
  });

  it("takes the encoding of an XML declaration only where the bytes are not UTF-8", () => {
    assert.equal(description(Buffer.from(camt("Müller", "ISO-8859-1"), "latin1")), "Müller");
    assert.equal(description(Buffer.from(camt("Müller", "ISO-8859-1"), "utf8")), "Müller");
    assert.equal(description(Buffer.from(camt("Müller", "UTF-8"), "latin1")), "Müller");
    assert.equal(description(Buffer.from(camt("Z\u00b3oty", "ISO-8859-2"), "latin1")), "Złoty");
    assert.equal(description(Buffer.from(camt("Müller", "no-such-thing"), "latin1")), "Müller");
  });

  it("leaves out statements of another account and rows in another currency, and keeps the rest", () => {
    const text = fixtureText("mt940/ing-sepa.sta");
    const wrong = parseStatement(text, { account: "NL91ABNA0417164300" });
    assert.deepEqual(rows(wrong), []);
    assert.equal(wrong.errors[0]?.code, "STATEMENT_WRONG_ACCOUNT");
    assert.equal(rows(parseStatement(text, { account: "nl02 ingb 0001 2345 67" })).length, 3);
    assert.equal(
      rows(parseStatement(text, { account: "1234567" })).length,
      3,
      "the number that the IBAN ends with",
    );
    const foreign = parseStatement(text, { currency: "USD" });
    assert.deepEqual(rows(foreign), []);
    assert.deepEqual(new Set(foreign.errors.map(({ code }) => code)), new Set(["CURRENCY_MISMATCH"]));
  });
});
