import type { CommandIo } from "./io";
import { readFile, stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import {
  parseStatement,
  type CsvMapping,
  type ParsedStatement,
  type ReaderOptions,
  type StatementPayment,
} from "../lib/bank/statements";
import { formatAmount, isCurrencyCode, TallyError, toTallyError } from "../lib/values";

const USAGE = `Usage: tallyflow parse FILE [--json] [--currency EUR] [--account IBAN] [--mapping FILE.json] [--day-first]

Reads a bank statement (CAMT.052/053/054, MT940, MT942, OFX, QFX, QIF, CSV) and prints its payments.
FILE is a path, or - for the standard input.

  --json          print JSON; amounts are integers in the currency's minor unit
  --currency C    currency of files that name none; rows in another currency are refused
  --account A     account of files that name none; statements of another account are refused
  --mapping FILE  how the columns of a CSV file map to a payment (JSON)
  --day-first     dates such as 02/03/2026 are of March
`;

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The command `tallyflow parse`: exit code 0 when the file could be read (with errors of rows in the output), 1 when
 * not, with the reason on stderr and nothing on stdout, 2 for a wrong command line.
 */
export async function parseCommand(argv: string[], io: CommandIo): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        currency: { type: "string" },
        account: { type: "string" },
        mapping: { type: "string" },
        "day-first": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    io.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    io.stdout.write(USAGE);
    return 0;
  }
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) {
    io.stderr.write(`Give one file.\n\n${USAGE}`);
    return 2;
  }
  try {
    const options = await readerOptions(values, file);
    const statement = parseStatement(
      file === "-" ? await readStream(io.stdin ?? process.stdin) : await readBounded(file),
      options,
    );
    io.stdout.write(values.json ? `${JSON.stringify(toOutput(statement), null, 2)}\n` : table(statement));
    return 0;
  } catch (thrown) {
    io.stderr.write(`${file}: ${toTallyError(thrown).message}\n`);
    return 1;
  }
}

interface Values {
  currency?: string | undefined;
  account?: string | undefined;
  mapping?: string | undefined;
  "day-first"?: boolean | undefined;
}

async function readerOptions(values: Values, file: string): Promise<ReaderOptions> {
  const options: ReaderOptions = file === "-" ? {} : { fileName: file };
  if (values.currency !== undefined) {
    options.currency = values.currency.toUpperCase();
    if (!isCurrencyCode(options.currency)) {
      throw new TallyError("CONFIG_INVALID", `"${values.currency}" is not a currency code such as EUR.`);
    }
  }
  if (values.account !== undefined) options.account = values.account;
  if (values["day-first"]) options.dayFirst = true;
  if (values.mapping !== undefined) options.mapping = await readMapping(values.mapping);
  return options;
}

async function readMapping(file: string): Promise<CsvMapping> {
  const content = await readBounded(file);
  try {
    return JSON.parse(Buffer.from(content).toString("utf8")) as CsvMapping;
  } catch (cause) {
    throw new TallyError("CONFIG_INVALID", `The mapping ${file} is not JSON.`, { cause });
  }
}

async function readBounded(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw tooLarge(size);
    return await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw new TallyError("NOT_FOUND", "There is no such file.");
    if (code === "EISDIR") throw new TallyError("CONFIG_INVALID", "This is a folder; give a file.");
    if (code === "EACCES") throw new TallyError("CONFIG_INVALID", "The file may not be read.");
    throw error;
  }
}

async function readStream(stream: AsyncIterable<Uint8Array | string>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_BYTES) throw tooLarge(size);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function tooLarge(size: number): TallyError {
  return new TallyError(
    "STATEMENT_UNREADABLE",
    `The file has ${Math.round(size / 1024 / 1024)} MiB or more; up to 256 MiB are read. Download it for a shorter period.`,
  );
}

/** The statement as `--json` prints it: minor units, the other party's name as a plain text, no raw rows. */
function toOutput(statement: ParsedStatement): Record<string, unknown> {
  return {
    format: statement.format,
    ...(statement.profile === undefined ? {} : { profile: statement.profile }),
    accounts: statement.accounts.map((account) => ({
      iban: account.iban,
      id: account.id,
      bic: account.bic,
      name: account.name,
      currency: account.currency,
      statementId: account.statementId,
      openingBalance: account.openingBalance?.amount,
      openingDate: account.openingBalance?.date,
      closingBalance: account.closingBalance?.amount,
      closingDate: account.closingBalance?.date,
      payments: account.payments.map(toRow),
    })),
    errors: statement.errors.map(({ line, reason }) => ({ line, reason })),
  };
}

function toRow(payment: StatementPayment): Record<string, unknown> {
  const { counterparty } = payment;
  return {
    date: payment.date,
    valueDate: payment.valueDate,
    instant: payment.instant,
    amount: payment.amount,
    currency: payment.currency,
    original: payment.original,
    status: payment.status,
    counterparty: counterparty?.name,
    counterpartyIban: counterparty?.iban,
    counterpartyAccount: counterparty?.account,
    counterpartyBic: counterparty?.bic,
    description: payment.description,
    type: payment.type,
    reference: payment.reference,
    bankId: payment.bankId,
    mandateId: payment.mandateId,
    creditorId: payment.creditorId,
    balanceAfter: payment.balanceAfter,
    category: payment.category,
    line: payment.line,
  };
}

/** A table for people. Control characters of a file do not reach the terminal. */
function table(statement: ParsedStatement): string {
  const lines: string[] = [
    `Format: ${statement.format}${statement.profile ? ` (${statement.profile})` : ""}`,
  ];
  for (const account of statement.accounts) {
    const name = account.iban ?? account.id ?? "no account named";
    lines.push(
      "",
      safe(
        `Account ${name}, ${account.currency}${account.statementId ? `, statement ${account.statementId}` : ""}`,
      ),
    );
    const { openingBalance: opening, closingBalance: closing } = account;
    if (opening)
      lines.push(
        `  opening balance  ${opening.date ?? "          "} ${money(opening.amount, opening.currency)}`,
      );
    for (const payment of account.payments) {
      const who = safe(payment.counterparty?.name ?? payment.counterparty?.iban ?? "").slice(0, 30);
      const pending = payment.status === "pending" ? "pending " : "";
      lines.push(
        `  ${payment.date} ${money(payment.amount, payment.currency)}  ${who.padEnd(30)}  ${pending}${safe(payment.description).slice(0, 80)}`.trimEnd(),
      );
    }
    if (closing)
      lines.push(
        `  closing balance  ${closing.date ?? "          "} ${money(closing.amount, closing.currency)}`,
      );
    lines.push(`  ${account.payments.length} payments`);
  }
  if (statement.errors.length > 0) lines.push("", "Errors:");
  for (const { line, reason } of statement.errors)
    lines.push(safe(`  ${line === undefined ? "" : `line ${line}: `}${reason}`));
  return `${lines.join("\n")}\n`;
}

function money(amount: number, currency: string): string {
  return `${formatAmount(amount, currency).padStart(14)} ${currency}`;
}

function safe(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, " ");
}
