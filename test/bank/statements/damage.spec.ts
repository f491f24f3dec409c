import assert from "node:assert/strict";
import { parseStatement } from "../../../lib/bank/statements";
import { rows } from "./support";

/** Damage in one place that the properties found: it was silent, or cost good rows. */
describe("damaged statements", () => {
  const ofx = (payments: string, currency = "EUR") =>
    `<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>${currency}<BANKTRANLIST>${payments}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>`;
  const payment = (amount: string, id: string) =>
    `<STMTTRN><DTPOSTED>20240213<TRNAMT>${amount}<FITID>${id}</STMTTRN>`;
  const amounts = (parsed: ReturnType<typeof parseStatement>) => rows(parsed).map(({ amount }) => amount);

  it("says that parts of a payment of OFX stand without its beginning", () => {
    const parsed = parseStatement(
      ofx(payment("1.00", "a").replace("<STMTTRN>", "<STMTTRX>") + payment("2.00", "b")),
    );
    assert.deepEqual(amounts(parsed), [200]);
    assert.match(parsed.errors[0]!.reason, /without a beginning/);
  });

  it("does not end a statement of OFX at a damaged tag", () => {
    const parsed = parseStatement(
      ofx(payment("1.00", "a").replace("<FITID>", "<FI\nTID>") + payment("2.00", "b")),
    );
    assert.deepEqual(amounts(parsed), [100, 200]);
  });

  it("reads three digits behind a mark as decimals where the currency has three", () => {
    assert.deepEqual(amounts(parseStatement(ofx(payment("-1.250", "a"), "KWD"))), [-1250]);
    assert.deepEqual(
      amounts(parseStatement("!Type:Bank\nD13/2/24\nT1,250\n^\n", { currency: "KWD" })),
      [1250],
    );
    assert.deepEqual(parseStatement("!Type:Bank\nD13/2/24\nT1,250\n^\n", { currency: "JPY" }).errors, []);
  });

  it("reads both records of QIF where the end between them is damaged, and goes on after a stray mark", () => {
    const parsed = parseStatement("!Type:Bank\nD13/2/24\nT-1.00\nx^\nD14/2/24\nT2.00\n^\n", {
      currency: "EUR",
    });
    assert.deepEqual(amounts(parsed), [-100, 200]);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [5],
    );
    const stray = "!Type:Bank\n!D13/2/24\nT-1.00\n^\nD14/2/24\nT2.00\n^\n";
    assert.deepEqual(amounts(parseStatement(stray, { currency: "EUR" })), [-100, 200]);
  });

  it("says that a statement of MT940 has no beginning", () => {
    const parsed = parseStatement(
      "0101D5,00NTRFX\n:86:x\n:61:240213D1,00NTRFNONREF\n:86:x\n:62F:C240213EUR9,00\n-",
    );
    assert.deepEqual(amounts(parsed), [-100]);
    assert.ok(parsed.errors.some(({ reason }) => /no opening balance/.test(reason)));
  });

  it("leaves out an entry of CAMT whose currency is none", () => {
    const parsed = parseStatement(
      '<Document><BkToCstmrStmt><Stmt><Id>S</Id><Acct><Ccy>EUR</Ccy></Acct><Ntry><Amt Ccy="UR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2024-02-13</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>',
    );
    assert.deepEqual(amounts(parsed), []);
    assert.match(parsed.errors[0]!.reason, /"UR" is not a currency/);
  });

  it("keeps the signs of CSV when one mark of direction is damaged", () => {
    const lines = [
      "Date;Text;Amount;Debit/Credit",
      '2024-02-13;a;1,00;é"Debit',
      "2024-02-14;b;2,00;Debit",
      "2024-02-15;c;3,00;Credit",
    ];
    const parsed = parseStatement(lines.join("\n"), { currency: "EUR" });
    assert.deepEqual(amounts(parsed), [-200, 300]);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [2],
    );
  });

  it("says that a line of CSV goes on with another payment", () => {
    const lines = [
      "Date;Text;Amount",
      "2024-02-13;a;-1,00;2024-02-14;b;-2,00",
      "2024-02-15;c;3,00",
      "2024-02-16;d;4,00",
    ];
    const parsed = parseStatement(lines.join("\n"), { currency: "EUR" });
    assert.deepEqual(amounts(parsed), [-100, 300, 400]);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [2],
    );
  });

  it("reads on behind an element of CAMT whose damaged name is none", () => {
    const text = "<a:Document><a:1><a:Stmt><a:Id>S</a:Id></a:Stmt></a:1><a:Stmt></a:x></a:Document>";
    for (let at = 0; at < text.length; at++) {
      const damaged = `${text.slice(0, at)}-${text.slice(at + 1)}<a:BkToCstmrStmt>`;
      try {
        parseStatement(damaged);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, "STATEMENT_UNREADABLE", damaged);
      }
    }
  });

  it("says that the last line of CSV, damaged, holds an amount", () => {
    const lines = ["Date;Text;EUR;Amount", "2024-02-13;a;EUR;-1,00", "2024-02-14;b;EUR;2,00", "2024;3,00"];
    const parsed = parseStatement(lines.join("\n"), { currency: "EUR" });
    assert.deepEqual(amounts(parsed), [-100, 200]);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [4],
    );
  });
});
