import { TallyError, currencyExponent, formatAmount } from "../../../values";
import type { RowError } from "../../port";
import { decideMark, lexAmount, toMoney, type Mark } from "../fields/amounts";
import { decideOrder, lexDate, resolveDate } from "../fields/dates";
import type {
  ParsedStatement,
  ReaderOptions,
  StatementAccount,
  StatementPayment,
  StatementReader,
} from "../types";
import { splitRecords, type QifAccount, type QifRecord } from "./records";

/** Quicken Interchange Format: bank, card, cash, asset and liability accounts. Source: Quicken's QIF specification. */
export const qifReader: StatementReader = { detect, read };

const PAYMENT_TYPES = new Set(["bank", "ccard", "cash", "oth a", "oth l"]);
const LIST_TYPES = new Set([
  "cat",
  "class",
  "memorized",
  "security",
  "prices",
  "budget",
  "tag",
  "invitem",
  "template",
]);

function detect(text: string): number {
  return /^\s*!(?:type|account|option|clear)\b/i.test(text.slice(0, 4096)) ? 0.95 : 0;
}

/** @throws TallyError STATEMENT_UNREADABLE when no line begins a QIF section */
function read(text: string, options: ReaderOptions): ParsedStatement {
  const records = splitRecords(text);
  if (!/^\s*!(?:type|account|option|clear)\b/im.test(text)) {
    throw new TallyError(
      "STATEMENT_UNREADABLE",
      "The file has no !Type line, so it is no QIF file. Download it again from the bank as QIF, OFX or CSV.",
    );
  }
  const errors: RowError[] = [];
  const payments = records.filter((record) => PAYMENT_TYPES.has(record.type));
  const dayFirst = decideDates(payments, options, errors);
  const currency = options.currency ?? "EUR";
  const mark = decideAmounts(payments, currency, errors);
  if (!options.currency) errors.push({ reason: "QIF does not state a currency; EUR was assumed." });

  const accounts = new Map<string, StatementAccount>();
  for (const record of records) {
    if (LIST_TYPES.has(record.type)) continue;
    if (!PAYMENT_TYPES.has(record.type)) {
      errors.push({ line: record.line, reason: otherRecord(record) });
      continue;
    }
    if (record.runsOn) {
      errors.push({
        line: record.line,
        reason: "The end (^) of the record before this one is missing or damaged.",
      });
    }
    const account = accountOf(accounts, record.account, currency, options);
    const outcome = readRecord(record, { currency, mark, dayFirst, account, errors });
    if (typeof outcome === "string") errors.push({ line: record.line, reason: outcome });
    else if (outcome) account.payments.push(outcome);
  }
  return { format: "qif", accounts: [...accounts.values()], errors };
}

function otherRecord(record: QifRecord): string {
  const date = record.fields.get("D")?.[0] ?? "an unknown date";
  const action = record.fields.get("N")?.[0];
  const total = record.fields.get("T")?.[0] ?? record.fields.get("$")?.[0];
  const what = record.type.startsWith("invst")
    ? `Investment transaction${action ? ` ${action.slice(0, 30)}` : ""}`
    : `A record of type "${record.type.slice(0, 20)}"`;
  return `${what} of ${date.slice(0, 20)}${total ? `, amount ${total.slice(0, 30)},` : ""} is no payment and was left out.`;
}

function accountOf(
  accounts: Map<string, StatementAccount>,
  from: QifAccount | undefined,
  currency: string,
  options: ReaderOptions,
): StatementAccount {
  const key = from?.name ?? "";
  let account = accounts.get(key);
  if (!account) {
    account = { currency, payments: [] };
    if (options.account) account.id = options.account;
    else if (from?.name) account.id = from.name;
    if (from?.name) account.name = from.name;
    accounts.set(key, account);
  }
  return account;
}

/** QIF dates: blanks stand for zeros and `'` before the year for this century (`1/ 5'04`). */
function tidyDate(text: string): string {
  return text
    .trim()
    .replace(/\s*([-/.'])\s*/g, "$1")
    .replace(
      /^(\d{1,2})([-/.])(\d{1,2})'(\d{1,4})$/,
      (_all, a, mark, b, year: string) =>
        `${a}${mark}${b}${mark}${year.length <= 2 ? 2000 + Number(year) : year}`,
    )
    .replace(/^(\d{1,2})([-/.])(\d{1,2})\2(\d)$/, "$1$2$3$2" + "0$4");
}

function decideDates(records: QifRecord[], options: ReaderOptions, errors: RowError[]): boolean {
  const dates = records
    .map((record) => lexDate(tidyDate(record.fields.get("D")?.[0] ?? "")))
    .filter((date) => date !== undefined);
  const decision = decideOrder(dates);
  if (decision.dayFirst !== undefined) {
    if (decision.against > 0) {
      errors.push({
        reason: `${decision.against} dates contradict the order of day and month of the others.`,
      });
    }
    return decision.dayFirst;
  }
  if (options.dayFirst !== undefined) return options.dayFirst;
  if (decision.unclear) {
    errors.push({
      reason:
        "The dates do not tell whether day or month comes first; they were read month first, as QIF is defined. Set the option dayFirst if that is wrong.",
    });
  }
  return false;
}

function decideAmounts(records: QifRecord[], currency: string, errors: RowError[]): Mark | undefined {
  const bodies: string[] = [];
  for (const record of records) {
    for (const tag of ["T", "U", "$"]) {
      for (const text of record.fields.get(tag) ?? []) {
        const found = lexAmount(text);
        if (found) bodies.push(found.body);
      }
    }
  }
  const decision = decideMark(bodies, currencyExponent(currency));
  if (decision.unclear) {
    errors.push({
      reason:
        "The decimal mark cannot be told from the amounts; groups of three digits were taken as thousands. Check the amounts.",
    });
  }
  return decision.mark;
}

interface Reading {
  currency: string;
  mark: Mark | undefined;
  dayFirst: boolean;
  account: StatementAccount;
  errors: RowError[];
}

/** A payment; undefined for a record that is none (the opening balance); a reason when it cannot be read. */
function readRecord(record: QifRecord, reading: Reading): StatementPayment | undefined | string {
  const field = (tag: string) => record.fields.get(tag)?.[0] ?? "";
  if (record.cut) return "The file ends in the middle of this payment; it was left out.";
  const text = tidyDate(field("D"));
  const lexed = lexDate(text);
  const when = lexed && resolveDate(lexed, reading.dayFirst);
  if (!when) return `The payment has no date that exists ("${field("D").slice(0, 40)}"); it was left out.`;
  const amountText = field("T") || field("U");
  if (!amountText) return "The payment has no amount; it was left out.";
  const amount = readAmount(amountText, reading, record.line);
  if (typeof amount === "string") return `The amount cannot be read: ${amount}. The payment was left out.`;

  const { category, transfer } = readCategory(field("L"));
  const payee = field("P");
  if (/^opening balance$/i.test(payee) && transfer !== undefined) {
    reading.account.openingBalance = { amount, currency: reading.currency, date: when.date };
    return undefined;
  }
  const payment: StatementPayment = {
    date: when.date,
    amount,
    currency: reading.currency,
    status: "booked",
    description: field("M") || payee,
    line: record.line,
    raw: rawOf(record),
  };
  if (payee || transfer !== undefined) {
    payment.counterparty = {};
    if (payee) payment.counterparty.name = payee;
    if (transfer !== undefined) payment.counterparty.account = transfer;
  }
  if (transfer !== undefined) payment.type = "transfer";
  else if (category) payment.category = category;
  if (field("N")) payment.reference = field("N");
  checkSplits(record, amount, reading);
  return payment;
}

/** `L` holds a category, a category with a class (`Food/Home`), or a transfer (`[Savings]`). */
function readCategory(text: string): { category?: string; transfer?: string } {
  const transfer = /^\[(.+)\](?:\/.*)?$/.exec(text.trim());
  if (transfer) return { transfer: transfer[1]!.trim() };
  const category = text.trim();
  return category ? { category } : {};
}

function checkSplits(record: QifRecord, amount: number, reading: Reading): void {
  const parts = record.fields.get("$") ?? [];
  if (parts.length === 0) return;
  let sum = 0;
  for (const part of parts) {
    const value = readAmount(part, reading, record.line);
    if (typeof value === "string") {
      reading.errors.push({ line: record.line, reason: `A part of the split cannot be read: ${value}.` });
      return;
    }
    sum += value;
  }
  if (sum === amount) return;
  reading.errors.push({
    line: record.line,
    reason: `The parts of the split add up to ${formatAmount(sum, reading.currency)}, not to ${formatAmount(amount, reading.currency)}; the whole amount was taken.`,
  });
}

function readAmount(text: string, reading: Reading, line: number): number | string {
  const found = lexAmount(text);
  if (!found) return `"${text.slice(0, 40)}" is not an amount`;
  const money = toMoney(found, reading.currency, reading.mark);
  if (typeof money === "string") return money;
  if (money.rounded) {
    reading.errors.push({
      line,
      reason: `${text.slice(0, 40)} has more decimals than ${reading.currency} has; it was rounded.`,
    });
  }
  return money.minor === 0 ? 0 : found.sign === "-" ? -money.minor : money.minor;
}

/** Each field under its letter; repeated ones (address lines, parts of a split) are numbered. */
function rawOf(record: QifRecord): Record<string, string> {
  const raw: Record<string, string> = {};
  for (const [tag, values] of record.fields) {
    values.forEach((value, index) => (raw[values.length === 1 ? tag : `${tag}${index + 1}`] = value));
  }
  return raw;
}
