import { closeSync, openSync, writeSync } from "node:fs";

/** Large statements of one account, made row by row: the same bytes for the same size. */

export type MadeFormat = "csv" | "camt.053" | "mt940" | "ofx";

export const MADE_FORMATS: readonly MadeFormat[] = ["csv", "camt.053", "mt940", "ofx"];

const IBAN = "NL02INGB0001234567";
const ROWS_PER_STATEMENT = 100;
const FIRST_DAY = Date.UTC(2022, 0, 1);
const DAY = 86_400_000;

interface Row {
  at: number;
  date: string;
  cents: number;
  name: string;
  iban: string;
  text: string;
  id: string;
}

/** One format: what opens and closes the file, and what a statement of some rows looks like. */
interface Writer {
  head: string;
  statement(rows: readonly Row[], number: number, opening: number): string;
  tail: string;
}

/**
 * Write a statement of about so many bytes.
 * @returns how many payments it holds
 */
export function writeStatement(file: string, format: MadeFormat, bytes: number): number {
  const { head, statement, tail } = WRITERS[format];
  const out = openSync(file, "w");
  try {
    let written = writeSync(out, head);
    let balance = 100_000;
    let count = 0;
    for (let number = 1; written < bytes; number++) {
      const rows = Array.from({ length: ROWS_PER_STATEMENT }, (_, at) => rowOf(count + at));
      written += writeSync(out, statement(rows, number, balance));
      balance += sum(rows);
      count += rows.length;
    }
    writeSync(out, tail);
    return count;
  } finally {
    closeSync(out);
  }
}

const NAMES = ["Albert Heijn 1234", "Bakkerij Bakker", "Stichting Zorg", "J. de Vries", "NS Reizigers"];
const TEXTS = ["Betaling pas 004", "Factuur 2024", "Contributie", "Huur maand", "Boodschappen week"];

function rowOf(at: number): Row {
  const spread = (at * 7919) % 100_003;
  return {
    at,
    date: new Date(FIRST_DAY + Math.floor(at / ROWS_PER_STATEMENT) * DAY).toISOString().slice(0, 10),
    cents: at % 9 === 0 ? 1_000 + spread : -(1 + (spread % 9_000)),
    name: `${NAMES[at % NAMES.length]!} ${spread % 400}`,
    iban: `NL91ABNA04${String(17_164_300 + (spread % 500)).padStart(8, "0")}`,
    text: `${TEXTS[spread % TEXTS.length]!} ${spread} kenmerk ${at}`,
    id: `26${String(at).padStart(12, "0")}`,
  };
}

const WRITERS: Readonly<Record<MadeFormat, Writer>> = {
  csv: {
    head: `${quoted("Datum", "Naam / Omschrijving", "Rekening", "Tegenrekening", "Code", "Af Bij", "Bedrag (EUR)", "Mutatiesoort", "Mededelingen")}\n`,
    statement: (rows) =>
      rows
        .map(
          ({ date, cents, name, iban, text }) =>
            `${quoted(compactDate(date), name, IBAN, iban, "BA", cents < 0 ? "Af" : "Bij", money(Math.abs(cents), ","), "Betaalautomaat", text)}\n`,
        )
        .join(""),
    tail: "",
  },
  mt940: {
    head: "",
    statement: (rows, number, opening) =>
      [
        "{1:F01INGBNL2ABXXX0000000000}{2:I940INGBNL2AXXXN}{4:",
        `:20:P${String(number).padStart(12, "0")}`,
        `:25:${IBAN}EUR`,
        `:28C:${String(number).padStart(5, "0")}`,
        `:60F:${balance940(opening, rows[0]!.date)}`,
        ...rows.flatMap(({ date, cents, name, iban, text, id }) => [
          `:61:${compactDate(date).slice(2)}${compactDate(date).slice(4)}${cents < 0 ? "D" : "C"}${money(Math.abs(cents), ",")}NTRFNONREF//${id}`,
          "/TRCD/00108/",
          ...(`:86:/CNTP/${iban}/ABNANL2A/${name.toUpperCase()}///REMI/USTD//${text}/`.match(/.{1,65}/g) ??
            []),
        ]),
        `:62F:${balance940(opening + sum(rows), rows[0]!.date)}`,
        "-}{5:}",
        "",
      ].join("\r\n"),
    tail: "",
  },
  "camt.053": {
    head: `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-01-06T01:00:00</CreDtTm></GrpHdr>\n`,
    statement: (rows, number, opening) =>
      [
        `<Stmt><Id>S${number}</Id><CreDtTm>2026-01-06T01:00:00</CreDtTm><Acct><Id><IBAN>${IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>`,
        balanceCamt("OPBD", opening, rows[0]!.date),
        balanceCamt("CLBD", opening + sum(rows), rows[0]!.date),
        ...rows.map(({ date, cents, name, iban, text, id }) => {
          const [mark, other] = cents < 0 ? ["DBIT", "Cdtr"] : ["CRDT", "Dbtr"];
          return [
            `<Ntry><Amt Ccy="EUR">${money(Math.abs(cents), ".")}</Amt><CdtDbtInd>${mark}</CdtDbtInd><Sts>BOOK</Sts>`,
            `<BookgDt><Dt>${date}</Dt></BookgDt><ValDt><Dt>${date}</Dt></ValDt><AcctSvcrRef>${id}</AcctSvcrRef>`,
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>",
            `<NtryDtls><TxDtls><Refs><EndToEndId>E${id}</EndToEndId></Refs><RltdPties><${other}><Nm>${name}</Nm></${other}>`,
            `<${other}Acct><Id><IBAN>${iban}</IBAN></Id></${other}Acct></RltdPties><RmtInf><Ustrd>${text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`,
          ].join("");
        }),
        "</Stmt>\n",
      ].join("\n"),
    tail: "</BkToCstmrStmt></Document>\n",
  },
  ofx: {
    head: `OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:UTF-8\nCHARSET:NONE\nCOMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260106<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>INGB<ACCTID>${IBAN}<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20220101<DTEND>20351231\n`,
    statement: (rows) =>
      rows
        .map(
          ({ date, cents, name, text, id }) =>
            `<STMTTRN><TRNTYPE>${cents < 0 ? "DEBIT" : "CREDIT"}<DTPOSTED>${compactDate(date)}<TRNAMT>${cents < 0 ? "-" : ""}${money(Math.abs(cents), ".")}<FITID>${id}<NAME>${name}<MEMO>${text}</STMTTRN>\n`,
        )
        .join(""),
    tail: "</BANKTRANLIST><LEDGERBAL><BALAMT>0.00<DTASOF>20351231</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n",
  },
};

function sum(rows: readonly Row[]): number {
  return rows.reduce((total, { cents }) => total + cents, 0);
}

function quoted(...cells: string[]): string {
  return cells.map((cell) => `"${cell}"`).join(";");
}

function money(cents: number, point: string): string {
  return `${Math.floor(cents / 100)}${point}${String(cents % 100).padStart(2, "0")}`;
}

function compactDate(date: string): string {
  return date.replaceAll("-", "");
}

function balance940(cents: number, date: string): string {
  return `${cents < 0 ? "D" : "C"}${compactDate(date).slice(2)}EUR${money(Math.abs(cents), ",")}`;
}

function balanceCamt(code: string, cents: number, date: string): string {
  const mark = cents < 0 ? "DBIT" : "CRDT";
  return `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${money(Math.abs(cents), ".")}</Amt><CdtDbtInd>${mark}</CdtDbtInd><Dt><Dt>${date}</Dt></Dt></Bal>`;
}
