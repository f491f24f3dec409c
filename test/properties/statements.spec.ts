import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStatement, type ParsedStatement } from "../../lib/bank/statements";
import { ERROR_CODES, isCalendarDate, type ErrorCode } from "../../lib/values";
import {
  camtDialect,
  encoded,
  encoding,
  model,
  mt940Dialect,
  ofxDialect,
  qifDialect,
  writeCamt,
  writeMt940,
  writeOfx,
  writeQif,
  type ModelAccount,
  type Written,
} from "./statements";
import { csvDialect, writeCsv } from "./statements-csv";
import { outcome, property, strangeText } from "./support";

/** A format: how its files are written, in dialects that nothing but the format binds. */
interface Format {
  name: string;
  write: fc.Arbitrary<(accounts: readonly ModelAccount[]) => Written>;
  accounts: number;
  /** Factor on the number of cases, by what a file takes to read. */
  share: number;
}

const FORMATS: readonly Format[] = [
  { name: "CAMT", write: camtDialect.map((d) => (of) => writeCamt(of, d)), accounts: 3, share: 1 },
  { name: "MT940", write: mt940Dialect.map((d) => (of) => writeMt940(of, d)), accounts: 3, share: 1.5 },
  { name: "OFX", write: ofxDialect.map((d) => (of) => writeOfx(of, d)), accounts: 3, share: 1.5 },
  { name: "QIF", write: qifDialect.map((d) => (of) => writeQif(of, d)), accounts: 3, share: 1.5 },
  { name: "CSV", write: csvDialect.map((d) => (of) => writeCsv(of, d)), accounts: 1, share: 0.75 },
];

const paymentsOf = (parsed: ParsedStatement) => parsed.accounts.flatMap(({ payments }) => payments);
const keyOf = ({ date, amount, currency }: { date: string; amount: number; currency: string }) =>
  `${date} ${amount} ${currency}`;

/** What holds of everything that was read, whatever the file: the types and the bounds of the result. */
function soundness(parsed: ParsedStatement, text: string): void {
  const lines = text.split(/\r\n|\n|\r/).length;
  const payments = paymentsOf(parsed);
  for (const { date, valueDate, amount, currency, status, line, raw, balanceAfter } of payments) {
    assert.ok(isCalendarDate(date) && (valueDate === undefined || isCalendarDate(valueDate)), date);
    assert.ok(Number.isSafeInteger(amount) && !Object.is(amount, -0), String(amount));
    assert.ok(balanceAfter === undefined || Number.isSafeInteger(balanceAfter));
    assert.match(currency, /^[A-Z]{3}$/);
    assert.ok(status === "booked" || status === "pending");
    assert.ok(line !== undefined && line >= 1 && line <= lines, `line ${line} of ${lines}`);
    assert.ok(Object.keys(raw).length > 0, "the row as the file has it is kept");
  }
  for (const { reason, line, code } of parsed.errors) {
    assert.ok(reason.length > 0 && reason.length < 1000, reason);
    assert.ok(line === undefined || (line >= 1 && line <= lines), `line ${line} of ${lines}: ${reason}`);
    assert.ok(code === undefined || code in ERROR_CODES);
  }
  assert.ok(payments.length + parsed.errors.length <= text.length + 5);
}

/** A mapping may name a column that the damaged file no longer has. */
const refusals = ({ mapping }: Written["options"]): ErrorCode[] => [
  "STATEMENT_UNREADABLE",
  ...(mapping ? ["CONFIG_INVALID" as const] : []),
];

function read(
  content: Uint8Array | string,
  text: string,
  options: Written["options"],
): ParsedStatement | undefined {
  const found = outcome(() => parseStatement(content, options), ...refusals(options));
  if ("code" in found) return undefined;
  soundness(found.value, text);
  return found.value;
}

/** Items of one list that are not in the other, each counted. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const rest = [...other];
  return list.filter((item) => {
    const at = rest.indexOf(item);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

for (const { name, write, accounts, share } of FORMATS) {
  describe(`properties: ${name} statements`, () => {
    const file = (strange: boolean, least = 0) =>
      fc.tuple(model(strange, least, accounts), write).map(([of, writer]) => writer(of));

    property(
      `${name}: every row comes back as it was written`,
      2_000 * share,
      fc.tuple(file(false), encoding),
      ([{ text, options, wanted }, how]) => {
        fc.pre(name !== "CSV" || wanted.length > 0);
        const parsed = parseStatement(encoded(text, how), options);
        soundness(parsed, text);
        assert.deepEqual(
          paymentsOf(parsed).map((row, at) => ({
            date: row.date,
            amount: row.amount,
            currency: row.currency,
            ...(wanted[at]?.name === undefined ? {} : { name: row.counterparty?.name }),
            ...(wanted[at]?.text === undefined ? {} : { text: row.description }),
          })),
          wanted,
        );
        // Columns of money without any minus: that this was taken for money in is said.
        const unsigned = wanted.every(({ amount }) => amount > 0);
        const errors = parsed.errors.filter(
          ({ reason }) => !(unsigned && /No amount has a sign/.test(reason)),
        );
        assert.deepEqual(errors, []);
        for (const account of parsed.accounts) {
          if (!account.openingBalance || !account.closingBalance) continue;
          const sum = account.payments.reduce(
            (total, { amount }) => total + amount,
            account.openingBalance.amount,
          );
          assert.equal(account.closingBalance.amount, sum);
        }
      },
    );

    property(
      `${name}: texts by strangers change neither amounts nor dates, and lose no row`,
      2_000 * share,
      fc.tuple(file(true), encoding),
      ([{ text, options, wanted }, how]) => {
        const parsed = read(encoded(text, how), text, options);
        if (!parsed) return assert.ok(wanted.length === 0 || text.includes("\u0000"), "the file was refused");
        const missing = without(wanted.map(keyOf), paymentsOf(parsed).map(keyOf));
        const extra = without(paymentsOf(parsed).map(keyOf), wanted.map(keyOf));
        assert.ok(extra.length === 0 || parsed.errors.length > 0, `made up: ${extra.join(", ")}`);
        assert.ok(missing.length <= parsed.errors.length, `lost: ${missing.join(", ")}`);
      },
    );

    property(
      `${name}: one damaged place costs the rows it is in, and says so`,
      2_000 * share,
      fc.tuple(
        // What the columns of CSV mean is told from the rows: one bad row of two tells as much as the good one.
        file(false, name === "CSV" ? 5 : 2),
        fc.nat(),
        fc.nat(),
        fc.oneof(
          fc.constantFrom("", "<", ">", '"', "&", "\n", ":", ";", ",", "-", "^", "x", "7", "\u0000", "é"),
          fc.string({ maxLength: 6 }),
        ),
        fc.constantFrom(0, 1, 1, 3, 10),
      ),
      ([{ text, options, wanted, spans, ties, inferred }, which, where, junk, gone]) => {
        fc.pre(wanted.length >= (name === "CSV" ? 5 : 2));
        const row = which % wanted.length;
        const { from, to } = spans[row]!;
        const at = from + (where % (to - from));
        const end = Math.min(to, at + gone);
        const damaged = text.slice(0, at) + junk + text.slice(end);
        const parsed = read(damaged, damaged, options);
        if (!parsed) return assert.ok(damaged.includes("\u0000"), "the whole file was refused");
        const found = paymentsOf(parsed).map(keyOf);
        const others = wanted.filter((_, index) => index !== row).map(keyOf);
        const lost = without(others, found);
        // The row behind it, where the damage took the border between the two. More where the rows tell what the columns
        // mean, and where it opens a comment or an instruction of XML; each time with a word.
        const open = /<[!?]/.test(damaged.slice(6));
        const more = (inferred || open) && parsed.errors.length > 0;
        assert.ok(
          lost.length <= 1 || more,
          `good rows lost beside the bad one: ${lost.join(", ")}\n${damaged}`,
        );
        // Nothing tells of a row of MT940 that moves nothing and has become a line of the text before it.
        const missing = without(wanted.map(keyOf), found);
        const unheard = name === "MT940" && missing.every((key) => key.split(" ")[1] === "0");
        if ((found.length < wanted.length || lost.length > 0) && !unheard) {
          assert.ok(parsed.errors.length > 0, `lost without a word: ${damaged}`);
        }
        const sum = (keys: readonly string[]) =>
          keys.reduce((total, key) => total + Number(key.split(" ")[1]), 0);
        if (ties && sum(found) !== sum(wanted.map(keyOf)))
          assert.ok(parsed.errors.length > 0, `does not tie: ${damaged}`);
      },
    );

    property(
      `${name}: files cut off, doubled, shuffled and riddled crash nothing and lose nothing without a word`,
      2_000 * share,
      fc.tuple(
        file(true, 1),
        fc.array(fc.tuple(fc.nat(4), fc.nat(), fc.nat(), fc.string({ unit: "binary", maxLength: 8 })), {
          minLength: 1,
          maxLength: 4,
        }),
        encoding,
      ),
      ([{ text, options, wanted, ties }, damages, how]) => {
        const damaged = damages.reduce((before, damage) => spoil(before, damage), text);
        const parsed = read(encoded(damaged, how), damaged, options);
        if (!parsed || !ties) return;
        const found = paymentsOf(parsed);
        const fewer = found.length < wanted.length;
        assert.ok(
          !fewer || parsed.errors.length > 0 || found.length === 0 || addsUp(parsed),
          `lost without a word: ${damaged}`,
        );
      },
    );

    property(
      `${name}: bytes turned over crash nothing`,
      1_000 * share,
      fc.tuple(
        file(false, 1),
        encoding,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }),
      ),
      ([{ text, options }, how, flips]) => {
        const bytes = Buffer.from(encoded(text, how));
        for (const [at, value] of flips) bytes[at % bytes.length] = value;
        const found = outcome(() => parseStatement(bytes, options), ...refusals(options));
        if ("value" in found) soundness(found.value, `${bytes.toString("latin1")}\n${text}`);
      },
    );
  });
}

/** All statements state both balances, and their rows lead from one to the other. */
function addsUp({ accounts }: ParsedStatement): boolean {
  return accounts.every(({ openingBalance, closingBalance, payments }) => {
    if (!openingBalance || !closingBalance) return false;
    return (
      payments.reduce((sum, { amount }) => sum + amount, openingBalance.amount) === closingBalance.amount
    );
  });
}

function spoil(text: string, [kind, one, other, junk]: readonly [number, number, number, string]): string {
  if (text === "") return junk;
  const [from, to] = [one % text.length, other % text.length].sort((a, b) => a - b) as [number, number];
  if (kind === 0) return text.slice(0, to);
  if (kind === 1) return text.slice(0, from) + text.slice(to);
  if (kind === 2) return text.slice(0, to) + text.slice(from);
  if (kind === 3) return text.slice(0, from) + junk + text.slice(from + (other % 12));
  const lines = text.split("\n");
  const [a, b] = [one % lines.length, other % lines.length];
  [lines[a], lines[b]] = [lines[b]!, lines[a]!];
  return lines.join("\n");
}

describe("properties: what is no statement", () => {
  const beginnings = [
    "",
    "OFXHEADER:100\n<OFX>",
    "!Type:Bank\n",
    ":20:A\n:25:1\n:60F:C240101EUR1,00\n",
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>',
    "Date;Amount;Description\n2024-02-13;-1,00;a\n",
  ];
  property(
    "random bytes and texts are refused or read without a crash",
    8_000,
    fc.tuple(
      fc.constantFrom(...beginnings),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc.array(strangeText, { maxLength: 12 }).map((parts) => Buffer.from(parts.join("\n"))),
        fc
          .array(
            fc.constantFrom(
              ...'<STMTTRN> </STMTTRN> <TRNAMT>-1.00 <DTPOSTED>20240213 <Ntry> </Ntry> <Amt> </Stmt> :61:2402130213D1,00NTRFX :86:x :62F:C240213EUR1,00 - D1/2/24 T-5.00 ^ !Account 2024-02-13;1,00;x ;;; " <![CDATA[ ]]> &amp; {4: -}'.split(
                " ",
              ),
              "\n",
              "\n",
              "\r\n",
            ),
            { maxLength: 40 },
          )
          .map((parts) => Buffer.from(parts.join(""))),
      ),
    ),
    ([begin, rest]) => {
      const bytes = Buffer.concat([Buffer.from(begin), rest]);
      const found = outcome(() => parseStatement(bytes), "STATEMENT_UNREADABLE");
      if ("value" in found) soundness(found.value, `${bytes.toString("latin1")}\n`);
    },
  );
});
