import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStatement } from "../../../lib/bank/statements";
import { addDays, formatAmount } from "../../../lib/values";
import { fixtureText, rows } from "./support";

const OPEN =
  '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Id>S</Id><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id><Ccy>EUR</Ccy></Acct>\n';
const CLOSE = "</Stmt></BkToCstmrStmt></Document>";

/** An entry of 5.00 with what else it holds; replaceable pieces as CAMT version 2 has them. */
const entry = (inside: string, { amount = "5.00", mark = "CRDT", status = "BOOK" } = {}) =>
  `<Ntry><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>${mark}</CdtDbtInd><Sts>${status}</Sts><BookgDt><Dt>2026-03-01</Dt></BookgDt>${inside}</Ntry>\n`;
const details = (inside: string) => `<NtryDtls><TxDtls>${inside}</TxDtls></NtryDtls>`;
const one = (text: string) => {
  const [row] = rows(parseStatement(OPEN + text + CLOSE));
  assert.ok(row);
  return row;
};

describe("CAMT reader", () => {
  it("reads version 8 with a prefix: batch, QR reference, reversal, pending, information, zero, five decimals", () => {
    const parsed = parseStatement(fixtureText("camt/batch.xml"));
    assert.equal(parsed.format, "camt.053");
    const [account] = parsed.accounts;
    assert.equal(account?.iban, "CH9300762011623852957");
    assert.equal(account?.name, "Verein Seeblick");
    assert.deepEqual(account?.openingBalance, { amount: 10000, currency: "CHF", date: "2026-01-05" });
    assert.deepEqual(account?.closingBalance, { amount: 15000, currency: "CHF", date: "2026-01-05" });
    assert.deepEqual(rows(parsed), [
      {
        // As written: 23:30 in New York is the next day in UTC and in Zurich.
        date: "2026-01-05",
        valueDate: "2026-01-06",
        instant: "2026-01-06T04:30:00.000Z",
        amount: 2550,
        currency: "CHF",
        status: "booked",
        counterparty: { name: "Anna Meier", iban: "CH5604835012345678009" },
        description: "210000000003139471430009017",
        type: "transfer",
        bankId: "BATCHREF1/1",
        reference: "210000000003139471430009017",
        line: 12,
      },
      {
        date: "2026-01-05",
        valueDate: "2026-01-06",
        instant: "2026-01-06T04:30:00.000Z",
        amount: 3450,
        currency: "CHF",
        status: "booked",
        counterparty: { name: "Beat Huber" },
        description: "Beitrag 2026 & mehr",
        type: "transfer",
        bankId: "BATCHREF1/E2E-2",
        reference: "E2E-2",
        line: 15,
      },
      {
        // A reversed credit goes out and still has the payer as the other party.
        date: "2026-01-05",
        amount: -1000,
        currency: "CHF",
        status: "booked",
        counterparty: { name: "Carla Frei", bic: "UBSWCHZH80A" },
        description: "Rücklastschrift",
        mandateId: "MANDAT-7",
        creditorId: "CH51ZZZ12345678901",
        line: 19,
      },
      {
        date: "2026-01-07",
        valueDate: "2026-01-07",
        amount: -500,
        currency: "CHF",
        original: { amount: -535, currency: "EUR" },
        status: "pending",
        counterparty: { name: "Café Krone", account: "01-162-8" },
        description: "",
        line: 23,
      },
      { date: "2026-01-05", amount: 0, currency: "CHF", status: "booked", description: "", line: 26 },
    ]);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [25, 27],
      "the information entry and the one that would need rounding are reported; the balances tie",
    );
  });

  it("keeps a batch as one payment when its parts do not add up or are in another currency", () => {
    const batch = (second: string) =>
      rows(
        parseStatement(
          `${OPEN}${entry(`<NtryDtls><TxDtls><Amt Ccy="EUR">2.00</Amt></TxDtls><TxDtls>${second}</TxDtls></NtryDtls>`)}${CLOSE}`,
        ),
      );
    assert.deepEqual(
      batch('<Amt Ccy="EUR">3.00</Amt>').map(({ amount }) => amount),
      [200, 300],
    );
    assert.deepEqual(
      batch('<Amt Ccy="EUR">2.50</Amt>').map(({ amount }) => amount),
      [500],
    );
    assert.deepEqual(
      batch('<Amt Ccy="USD">3.00</Amt>').map(({ amount }) => amount),
      [500],
    );
    assert.deepEqual(
      batch("").map(({ amount }) => amount),
      [500],
    );
    assert.deepEqual(
      batch('<AmtDtls><TxAmt><Amt Ccy="EUR">3.00</Amt></TxAmt></AmtDtls>').map(({ amount }) => amount),
      [200, 300],
    );
  });

  it("nets a batch of credits and debits", () => {
    const parts =
      '<NtryDtls><TxDtls><Amt Ccy="EUR">7.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls><TxDtls><Amt Ccy="EUR">2.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls></NtryDtls>';
    assert.deepEqual(
      rows(parseStatement(OPEN + entry(parts) + CLOSE)).map(({ amount }) => amount),
      [700, -200],
    );
  });

  it("takes the other party: by role, by account, by the ultimate name", () => {
    const parties = (inside: string, mark = "CRDT") =>
      one(entry(details(`<RltdPties>${inside}</RltdPties>`), { mark })).counterparty;
    const own = "<Id><IBAN>NL91ABNA0417164300</IBAN></Id>";
    const other = "<Id><IBAN>NL20INGB0001234560</IBAN></Id>";
    assert.deepEqual(parties("<Dbtr><Nm>P</Nm></Dbtr><Cdtr><Nm>Q</Nm></Cdtr>"), { name: "P" });
    assert.deepEqual(parties("<Dbtr><Nm>P</Nm></Dbtr><Cdtr><Nm>Q</Nm></Cdtr>", "DBIT"), { name: "Q" });
    assert.deepEqual(
      parties(
        `<Dbtr><Nm>Me</Nm></Dbtr><DbtrAcct>${own}</DbtrAcct><Cdtr><Nm>Q</Nm></Cdtr><CdtrAcct>${other}</CdtrAcct>`,
      ),
      {
        name: "Q",
        iban: "NL20INGB0001234560",
      },
    );
    assert.deepEqual(parties(`<UltmtDbtr><Nm>U</Nm></UltmtDbtr><DbtrAcct>${other}</DbtrAcct>`), {
      name: "U",
      iban: "NL20INGB0001234560",
    });
    assert.deepEqual(parties("<Dbtr><Nm>P</Nm></Dbtr><UltmtDbtr><Nm>U</Nm></UltmtDbtr>"), { name: "P" });
    assert.equal(parties("<Cdtr><Nm>Me</Nm></Cdtr>"), undefined);
  });

  it("survives XML that is broken inside an entry, and reports it with its line", () => {
    const text =
      OPEN +
      entry("<AddtlNtryInf>A</AddtlNtryInf>") +
      entry("<AddtlNtryInf>B</Oops>") +
      entry("<AddtlNtryInf>C</AddtlNtryInf>") +
      entry("<X>").replace("</Ntry>", "") +
      entry("<AddtlNtryInf>D & E</AddtlNtryInf>") +
      CLOSE;
    const parsed = parseStatement(text);
    assert.deepEqual(
      rows(parsed).map(({ description }) => description),
      ["A", "C", "D & E"],
    );
    assert.equal(parsed.errors.length, 3);
    assert.match(parsed.errors[0]!.reason, /XML is broken.*<Ntry> that begins on line 4/);
    assert.match(parsed.errors[2]!.reason, /"&"/);
  });

  it("keeps what came before the end of a truncated file", () => {
    const text = OPEN + entry("") + entry("").slice(0, 40);
    const parsed = parseStatement(text);
    assert.equal(rows(parsed).length, 1);
    assert.match(parsed.errors[0]!.reason, /ends in the middle of a <Ntry> that began on line 4.*cut off/);
    assert.equal(parsed.errors[0]!.line, 4);
  });

  it("refuses a document type, and expands no entity of its own", () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>${(OPEN + entry("<AddtlNtryInf>&b;</AddtlNtryInf>") + CLOSE).replace(/^<\?xml.*\n/, "")}`;
    assert.throws(() => parseStatement(bomb), { code: "STATEMENT_UNREADABLE", message: /document type/ });
    assert.equal(
      one(entry("<AddtlNtryInf>&euro; 5 &#8364; &lt;</AddtlNtryInf>")).description,
      "&euro; 5 € <",
    );
  });

  it("joins a remittance text that was cut at 140 characters", () => {
    const ustrd = (...lines: string[]) =>
      one(entry(details(`<RmtInf>${lines.map((line) => `<Ustrd>${line}</Ustrd>`).join("")}</RmtInf>`)))
        .description;
    assert.equal(ustrd("a".repeat(140), "b"), `${"a".repeat(140)}b`);
    assert.equal(ustrd("a", "b"), "a b");
  });

  it("refuses a file without a statement", () => {
    assert.throws(
      () =>
        parseStatement(
          '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr/></BkToCstmrStmt></Document>',
        ),
      {
        code: "STATEMENT_UNREADABLE",
      },
    );
  });

  it("reads several documents in one file, each statement by itself", () => {
    const text = OPEN + entry("") + CLOSE;
    assert.equal(parseStatement(`${text}\n${text}`).accounts.length, 2);
  });

  it("reports what an entry lacks and goes on", () => {
    const bad = [
      "<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>",
      entry("", { mark: "??" }),
      entry("", { status: "XXXX" }),
      entry("", { amount: "-5.00" }),
      entry("", { amount: "5.001" }),
      entry("").replace("2026-03-01", "2026-02-31"),
    ];
    const parsed = parseStatement(OPEN + bad.join("") + entry("", { amount: "7,50" }) + CLOSE);
    assert.deepEqual(
      rows(parsed).map(({ amount }) => amount),
      [750],
    );
    assert.equal(parsed.errors.length, bad.length);
  });

  it("does not hold interim reports to their balances", () => {
    const balance = (code: string, amount: string) =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-01</Dt></Dt></Bal>`;
    const text = `<Document><BkToCstmrAcctRpt><Rpt><Id>R</Id><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>${balance("OPBD", "1.00")}${balance("ITBD", "99.00")}${entry("")}</Rpt></BkToCstmrAcctRpt></Document>`;
    const parsed = parseStatement(text);
    assert.equal(parsed.format, "camt.052");
    assert.deepEqual(parsed.errors, []);
    assert.equal(parsed.accounts[0]?.closingBalance?.amount, 9900);
    assert.match(parseStatement(text.replace("ITBD", "CLBD")).errors[0]!.reason, /off by 93\.00 EUR/);
  });

  const payment = fc.record({
    day: fc.nat({ max: 700 }),
    amount: fc.integer({ min: -99_999_999, max: 99_999_999 }),
    name: fc
      .string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" })
      .filter((text) => text.trim() !== "" && !/\s\s/.test(text)),
    text: fc.stringMatching(/^[A-Za-z][a-z0-9éü€]{0,8}( [a-z0-9]{1,8}){0,5}$/),
    split: fc.boolean(),
  });
  type Item = { day: number; amount: number; name: string; text: string; split: boolean };

  const escape = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const render = (items: readonly Item[], prefix: string, v8: boolean) => {
    const tag = (name: string, inside: string, attributes = "") =>
      `<${prefix}${name}${attributes}>${inside}</${prefix}${name}>`;
    const money = (amount: number) => tag("Amt", formatAmount(Math.abs(amount), "EUR"), ' Ccy="EUR"');
    const mark = (amount: number) => tag("CdtDbtInd", amount < 0 ? "DBIT" : "CRDT");
    const balance = (code: string, amount: number) =>
      tag(
        "Bal",
        tag("Tp", tag("CdOrPrtry", tag("Cd", code))) +
          money(amount) +
          mark(amount) +
          tag("Dt", tag("Dt", "2024-01-01")),
      );
    const sum = items.reduce((total, { amount }) => total + amount, 0);
    const entries = items.map((item) => {
      const side = item.amount < 0 ? "Cdtr" : "Dbtr";
      const name = tag("Nm", escape(item.name));
      const inside =
        tag("RltdPties", tag(side, v8 ? tag("Pty", name) : name)) +
        tag("RmtInf", tag("Ustrd", escape(item.text)));
      return `${tag("Ntry", money(item.amount) + mark(item.amount) + tag("Sts", v8 ? tag("Cd", "BOOK") : "BOOK") + tag("BookgDt", tag("Dt", addDays("2024-01-01", item.day))) + tag("NtryDtls", tag("TxDtls", inside)))}\n`;
    });
    const space = prefix === "" ? "xmlns" : `xmlns:${prefix.slice(0, -1)}`;
    return tag(
      "Document",
      tag(
        "BkToCstmrStmt",
        tag(
          "Stmt",
          tag("Id", "S") +
            tag("Acct", tag("Id", tag("IBAN", "NL91ABNA0417164300")) + tag("Ccy", "EUR")) +
            balance("OPBD", 500) +
            balance("CLBD", 500 + sum) +
            entries.join(""),
        ),
      ),
      ` ${space}="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${v8 ? "08" : "02"}"`,
    );
  };

  it("gives back what was written (property)", () => {
    fc.assert(
      fc.property(
        fc.array(payment, { maxLength: 8 }),
        fc.constantFrom("", "ns2:", "a-b:"),
        fc.boolean(),
        (items, prefix, v8) => {
          const parsed = parseStatement(render(items, prefix, v8));
          assert.deepEqual(parsed.errors, []);
          assert.deepEqual(
            rows(parsed).map(({ date, amount, counterparty, description }) => [
              date,
              amount,
              counterparty?.name,
              description,
            ]),
            items.map(({ day, amount, name, text }) => [
              addDays("2024-01-01", day),
              amount,
              name.trim(),
              text,
            ]),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it("yields nothing that was not there when cut off or overwritten anywhere (property)", () => {
    fc.assert(
      fc.property(
        fc.array(payment, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat({ max: 30 }),
        fc.string({ maxLength: 10 }),
        fc.boolean(),
        (items, at, length, garbage, cut) => {
          const whole = render(items, "", true);
          const start = at % whole.length;
          const text = cut
            ? whole.slice(0, start)
            : whole.slice(0, start) + garbage + whole.slice(start + length);
          let parsed;
          try {
            parsed = parseStatement(text);
          } catch (error) {
            assert.equal((error as { code?: string }).code, "STATEMENT_UNREADABLE");
            return;
          }
          const there = items.map(({ day, amount }) => `${addDays("2024-01-01", day)} ${amount}`);
          const found = rows(parsed).map(({ date, amount }) => `${date} ${amount}`);
          if (cut) assert.deepEqual(found, there.slice(0, found.length));
          const amounts = new Set(items.map(({ amount }) => amount));
          const strange = rows(parsed).filter(({ amount }) => !amounts.has(amount));
          assert.ok(strange.length === 0 || parsed.errors.length > 0, JSON.stringify(strange));
        },
      ),
      { numRuns: 500 },
    );
  });
});
