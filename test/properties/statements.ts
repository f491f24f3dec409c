import fc from "fast-check";
import type { ReaderOptions } from "../../lib/bank/statements";
import { addDays, formatAmount } from "../../lib/values";
import { strangeText } from "./support";

/** Statements from a model, in the dialects of their formats, and what has to be read from them. */

export interface ModelRow {
  /** Days after 2024-01-01. */
  day: number;
  /** Minor units. */
  amount: number;
  name: string;
  text: string;
  /** Of this row alone within the file. */
  ref: string;
}

export interface ModelAccount {
  id: string;
  currency: string;
  opening: number;
  rows: ModelRow[];
}

/** A row as it has to come back. */
export interface WantedRow {
  date: string;
  amount: number;
  currency: string;
  /** Given where the format keeps it as it is. */
  name?: string;
  text?: string;
}

export interface Written {
  text: string;
  options: ReaderOptions;
  /** In the order of the file. */
  wanted: WantedRow[];
  /** Where each of them stands in the text. */
  spans: { from: number; to: number }[];
  /** Does the file state what its rows have to add up to? */
  ties: boolean;
  /** Are the columns known from words and content alone? */
  inferred?: boolean;
}

const IBANS = ["NL91ABNA0417164300", "DE89370400440532013000", "GB29NWBK60161331926819"];
const CURRENCIES = ["EUR", "EUR", "USD", "JPY", "KWD"];

/** No IBAN, nor anything else that has a form. */
const plainText = fc.stringMatching(/^[A-Z][a-z]{2}[a-z0-9]{0,6}( [a-z0-9]{1,8}){0,5}$/);
/** What a line of a file can hold. */
const oneLine = strangeText.map((text) =>
  text.replace(/[\r\n\u0085\u2028\u2029]/g, " ").replace(/\p{Surrogate}/gu, "\ufffd"),
);

const rowWith = (text: fc.Arbitrary<string>, amount: fc.Arbitrary<number>) =>
  fc.record({ day: fc.nat(700), amount, name: text, text });
const amounts = fc.oneof(
  fc.integer({ min: -99_999_999, max: 99_999_999 }),
  fc.integer({ min: -2000, max: 2000 }),
  fc.constantFrom(0, 1, -1, 10 ** 12 + 1, -99_999_999_999),
);

/** Up to three accounts, each with rows; `strange` texts are by strangers, the others are words. */
export function model(strange: boolean, least = 0, accounts = 3): fc.Arbitrary<ModelAccount[]> {
  const row = rowWith(strange ? oneLine : plainText, amounts);
  const account = fc.record({
    currency: fc.constantFrom(...CURRENCIES),
    opening: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    rows: fc.array(row, { minLength: least, maxLength: 6 }),
  });
  return fc.array(account, { minLength: 1, maxLength: accounts }).map((made) =>
    made.map(({ currency, opening, rows }, at) => ({
      id: IBANS[at]!,
      currency,
      opening,
      rows: rows.map((item, index) => ({ ...item, ref: `R${at}${index}X${1000 + item.day}` })),
    })),
  );
}

/** Collects a text and where the rows stand in it. */
class Writing {
  text = "";
  readonly wanted: WantedRow[] = [];
  readonly spans: { from: number; to: number }[] = [];

  add(...parts: string[]): this {
    this.text += parts.join("");
    return this;
  }

  row(wanted: WantedRow, text: string): void {
    this.spans.push({ from: this.text.length, to: this.text.length + text.length });
    this.wanted.push(wanted);
    this.text += text;
  }

  done(options: ReaderOptions, ties: boolean): Written {
    return { text: this.text, options, wanted: this.wanted, spans: this.spans, ties };
  }
}

const squash = (text: string) => text.replace(/[\s\u00a0]+/g, " ").trim();
/** Present only where something is left of it. */
const kept = (key: "name" | "text", text: string) => (squash(text) === "" ? {} : { [key]: squash(text) });
const dateOf = ({ day }: ModelRow) => addDays("2024-01-01", day);
const pad = (value: number | string, length = 2) => String(value).padStart(length, "0");
const sumOf = (account: ModelAccount) =>
  account.rows.reduce((sum, { amount }) => sum + amount, account.opening);
const plainMoney = (amount: number, currency: string) => formatAmount(Math.abs(amount), currency);
const lineEnd = fc.constantFrom("\n", "\r\n", "\r");

export const camtDialect = fc.record({
  message: fc.constantFrom("053", "053", "052", "054"),
  modern: fc.boolean(),
  prefix: fc.constantFrom("", "ns2:", "a-b:"),
  gap: fc.constantFrom("", "\n", "\r\n  ", "\n<!-- & < -->\n"),
  quote: fc.constantFrom('"', "'"),
  form: fc.constantFrom("escaped", "cdata", "numeric"),
  time: fc.constantFrom("", "T00:30:00", "T23:59:59.999+02:00", "Z", "T10:00:00Z"),
  declared: fc.boolean(),
});
type DialectOf<T> = T extends fc.Arbitrary<infer U> ? U : never;

const CAMT = {
  "052": ["BkToCstmrAcctRpt", "Rpt"],
  "053": ["BkToCstmrStmt", "Stmt"],
  "054": ["BkToCstmrDbtCdtNtfctn", "Ntfctn"],
} as const;

export function writeCamt(accounts: readonly ModelAccount[], d: DialectOf<typeof camtDialect>): Written {
  const out = new Writing();
  const tag = (name: string, inside: string, attributes = "") =>
    `<${d.prefix}${name}${attributes}>${inside}</${d.prefix}${name}>${d.gap}`;
  const text = (value: string) => {
    if (d.form === "cdata") return `<![CDATA[${value.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;
    const plain = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return d.form === "numeric"
      ? plain.replace(/[éü€日]/gu, (char) => `&#x${char.codePointAt(0)!.toString(16)};`)
      : plain;
  };
  const money = (amount: number, currency: string) =>
    tag("Amt", plainMoney(amount, currency), ` Ccy=${d.quote}${currency}${d.quote}`) +
    tag("CdtDbtInd", amount < 0 ? "DBIT" : "CRDT");
  const balance = (code: string, amount: number, currency: string) =>
    tag(
      "Bal",
      tag("Tp", tag("CdOrPrtry", tag("Cd", code))) +
        money(amount, currency) +
        tag("Dt", tag("Dt", "2024-01-01")),
    );
  const moment = (date: string) => (d.time === "" ? tag("Dt", date) : tag("DtTm", date + d.time));
  const [message, statement] = CAMT[d.message as keyof typeof CAMT];
  const space = d.prefix === "" ? "xmlns" : `xmlns:${d.prefix.slice(0, -1)}`;
  const urn = `urn:iso:std:iso:20022:tech:xsd:camt.${d.message}.001.${d.modern ? "08" : "02"}`;
  if (d.declared) out.add("<?xml version='1.0' encoding='UTF-8'?>", d.gap);
  out.add(`<${d.prefix}Document ${space}=${d.quote}${urn}${d.quote}><${d.prefix}${message}>`, d.gap);
  for (const account of accounts) {
    const { currency } = account;
    out.add(`<${d.prefix}${statement}>`, tag("Id", `S-${account.id}`));
    out.add(tag("Acct", tag("Id", tag("IBAN", account.id)) + tag("Ccy", currency)));
    if (d.message !== "054") {
      out.add(balance("OPBD", account.opening, currency), balance("CLBD", sumOf(account), currency));
    }
    for (const row of account.rows) {
      const side = row.amount < 0 ? "Cdtr" : "Dbtr";
      const name = tag("Nm", text(row.name));
      out.row(
        {
          date: dateOf(row),
          amount: row.amount,
          currency,
          ...kept("name", row.name),
          ...kept("text", row.text),
        },
        tag(
          "Ntry",
          money(row.amount, currency) +
            tag("Sts", d.modern ? tag("Cd", "BOOK") : "BOOK") +
            tag("BookgDt", moment(dateOf(row))) +
            tag("AcctSvcrRef", row.ref) +
            tag(
              "NtryDtls",
              tag(
                "TxDtls",
                tag("RltdPties", tag(side, d.modern ? tag("Pty", name) : name)) +
                  tag("RmtInf", tag("Ustrd", text(row.text))),
              ),
            ),
        ),
      );
    }
    out.add(`</${d.prefix}${statement}>`, d.gap);
  }
  out.add(`</${d.prefix}${message}></${d.prefix}Document>`);
  return out.done({}, d.message !== "054");
}

export const mt940Dialect = fc.record({
  end: lineEnd,
  blocks: fc.boolean(),
  entryDate: fc.boolean(),
  coded: fc.boolean(),
  lag: fc.integer({ min: -20, max: 20 }),
  reference: fc.boolean(),
  lastEnd: fc.boolean(),
});

/** Text in subfields of 27 characters and lines of 65, as German banks write it, or as it is on one line. */
export function writeMt940(accounts: readonly ModelAccount[], d: DialectOf<typeof mt940Dialect>): Written {
  const out = new Writing();
  const short = (date: string) => date.slice(2).replaceAll("-", "");
  const swift = (amount: number, currency: string) => {
    const text = plainMoney(amount, currency).replace(".", ",");
    return text.includes(",") ? text : `${text},`;
  };
  const line = (text: string) => text + d.end;
  for (const [at, account] of accounts.entries()) {
    const { currency } = account;
    const balance = (amount: number) =>
      `${amount < 0 ? "D" : "C"}240101${currency}${swift(amount, currency)}`;
    if (d.blocks) out.add(line("{1:F01ABNANL2AXXXX0000000000}{2:I940ABNANL2AXXXXN}{4:"));
    out.add(
      line(`:20:G${at}`),
      line(`:25:${account.id}`),
      line(":28C:1/1"),
      line(`:60F:${balance(account.opening)}`),
    );
    for (const row of account.rows) {
      const date = dateOf(row);
      const valued = d.entryDate ? addDays(date, d.lag) : date;
      const first = `:61:${short(valued)}${d.entryDate ? short(date).slice(2) : ""}${row.amount < 0 ? "D" : "C"}${swift(row.amount, currency)}NTRFNONREF${d.reference ? `//${row.ref}` : ""}`;
      let text = `:86:${row.text}`;
      if (d.coded) {
        const parts = `SVWZ+${row.text}`.match(/.{1,27}/gsu) ?? [];
        const name = row.name.slice(0, 27);
        const coded = `:86:166?00X${parts.map((part, index) => `?${20 + index}${part}`).join("")}?32${name}`;
        text = (coded.match(/.{1,65}/gs) ?? []).join(d.end);
      }
      const plain = d.coded ? { ...kept("name", row.name.slice(0, 27)), ...kept("text", row.text) } : {};
      out.row({ date, amount: row.amount, currency, ...plain }, line(first) + line(text));
    }
    out.add(line(`:62F:${balance(sumOf(account))}`));
    if (d.blocks) out.add(line("-}{5:{CHK:0123456789AB}}"));
    else out.add(at === accounts.length - 1 && !d.lastEnd ? "-" : line("-"));
  }
  return out.done({}, true);
}

export const ofxDialect = fc.record({
  xml: fc.boolean(),
  header: fc.boolean(),
  gap: fc.constantFrom("", "\n", "\r\n\t"),
  comma: fc.boolean(),
  time: fc.constantFrom("", "120000", "235959.999[-5:EST]", "000000[+14:X]"),
  closed: fc.boolean(),
});

export function writeOfx(accounts: readonly ModelAccount[], d: DialectOf<typeof ofxDialect>): Written {
  const out = new Writing();
  const leaf = (tag: string, value: string) =>
    value === "" && !d.xml ? "" : `<${tag}>${value}${d.xml ? `</${tag}>` : ""}${d.gap}`;
  const open = (tag: string) => `<${tag}>${d.gap}`;
  const close = (tag: string) => `</${tag}>${d.gap}`;
  const text = (value: string) =>
    value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const money = (amount: number, currency: string) =>
    (amount < 0 ? "-" : "") + plainMoney(amount, currency).replace(".", d.comma ? "," : ".");
  if (d.header) {
    out.add(
      d.xml
        ? '<?xml version="1.0"?><?OFX OFXHEADER="200" VERSION="211"?>\n'
        : "OFXHEADER:100\r\nDATA:OFXSGML\r\n\r\n",
    );
  }
  out.add(open("OFX"), open("BANKMSGSRSV1"));
  for (const account of accounts) {
    const { currency } = account;
    out.add(open("STMTTRNRS"), open("STMTRS"), leaf("CURDEF", currency), open("BANKACCTFROM"));
    out.add(leaf("ACCTID", account.id), close("BANKACCTFROM"), open("BANKTRANLIST"));
    for (const row of account.rows) {
      const date = dateOf(row);
      out.row(
        { date, amount: row.amount, currency, ...kept("name", row.name), ...kept("text", row.text) },
        open("STMTTRN") +
          leaf("TRNTYPE", "OTHER") +
          leaf("DTPOSTED", date.replaceAll("-", "") + d.time) +
          leaf("TRNAMT", money(row.amount, currency)) +
          leaf("FITID", row.ref) +
          leaf("NAME", text(row.name)) +
          leaf("MEMO", text(row.text)) +
          (d.xml || d.closed ? close("STMTTRN") : ""),
      );
    }
    out.add(close("BANKTRANLIST"), open("LEDGERBAL"), leaf("BALAMT", money(sumOf(account), currency)));
    out.add(leaf("DTASOF", "20260101"), close("LEDGERBAL"), close("STMTRS"), close("STMTTRNRS"));
  }
  out.add(close("BANKMSGSRSV1"), "</OFX>");
  return out.done({}, false);
}

export const qifDialect = fc.record({
  end: lineEnd,
  dayFirst: fc.boolean(),
  form: fc.constantFrom("a/b/yyyy", "a/ b'yy", "a.b.yyyy"),
  comma: fc.boolean(),
  grouped: fc.boolean(),
  listed: fc.boolean(),
});

/** Only the first account's currency: QIF names none. */
export function writeQif(accounts: readonly ModelAccount[], d: DialectOf<typeof qifDialect>): Written {
  const out = new Writing();
  const { currency } = accounts[0]!;
  const line = (text: string) => text + d.end;
  for (const account of accounts) {
    if (d.listed) out.add(line("!Account"), line(`N${account.id}`), line("TBank"), line("^"));
    out.add(line("!Type:Bank"));
    for (const row of account.rows) {
      const [year, month, day] = dateOf(row).split("-").map(Number) as [number, number, number];
      // Dots are never between month and day in that order.
      const [a, b] = d.dayFirst || d.form === "a.b.yyyy" ? [day, month] : [month, day];
      const date = {
        "a/b/yyyy": `${a}/${pad(b)}/${year}`,
        "a/ b'yy": `${a}/${String(b).padStart(2)}'${pad(year % 100)}`,
        "a.b.yyyy": `${a}.${b}.${year}`,
      }[d.form]!;
      const [whole, fraction] = plainMoney(row.amount, currency).split(".") as [string, string?];
      const grouped = d.grouped ? whole.replace(/\B(?=(\d{3})+$)/g, d.comma ? "." : ",") : whole;
      const amount =
        (row.amount < 0 ? "-" : "") + grouped + (fraction ? (d.comma ? "," : ".") + fraction : "");
      const trimmed = { name: row.name.trim(), text: row.text.trim() };
      out.row(
        {
          date: dateOf(row),
          amount: row.amount,
          currency,
          ...(trimmed.name ? { name: trimmed.name } : {}),
          ...(trimmed.text ? { text: trimmed.text } : {}),
        },
        line(`D${date}`) +
          line(`T${amount}`) +
          line(`P${row.name}`) +
          line(`M${row.text}`) +
          line(`N${row.ref}`) +
          line("^"),
      );
    }
  }
  return out.done({ currency, dayFirst: d.dayFirst || d.form === "a.b.yyyy" }, false);
}

/** The text as bytes in the character sets that are known from the bytes alone, or as it is. */
export const encoding = fc.constantFrom("text", "utf8", "utf8 with mark", "utf16le", "utf16be");
export function encoded(text: string, how: string): Uint8Array | string {
  if (how === "text") return text;
  if (how === "utf8") return Buffer.from(text, "utf8");
  if (how === "utf8 with mark") return Buffer.from(`\ufeff${text}`, "utf8");
  const wide = Buffer.from(`\ufeff${text}`, "utf16le");
  return how === "utf16le" ? wide : wide.swap16();
}
