import { formatAmount, isCurrencyCode, normaliseIban } from "../../../values";
import type { Party } from "../../../store";
import type { RowError } from "../../port";
import { looksLikeIban } from "../accounts";
import { currencyOfSign, lexAmount, toMoney } from "../fields/amounts";
import { lexDate, resolveDate } from "../fields/dates";
import type { ReaderOptions, StatementAccount, StatementPayment } from "../types";
import { Accounts } from "./accounts";
import { stateAside } from "./aside";
import { columnNames, continues, excerpt, mostlyNegative, rawOf, textOf } from "./cells";
import { isNegative } from "./columns";
import { tableFacts, type TableFacts } from "./facts";
import { amountCells, type Layout, type Table } from "./layout";
import { datedTotal, directionOf, statusOf, totalLine } from "./marks";
import type { CellOf, CsvProfile } from "./profile";
import type { Row } from "./rows";
import { dateByFormat } from "./date-format";
import { normaliseHeader } from "./words";

interface Reading {
  layout: Layout;
  facts: TableFacts;
  names: string[];
  profile: CsvProfile | undefined;
  errors: RowError[];
  /** Is most of `amountOut` (`amountIn`) written with a minus? */
  outNegative: boolean;
  inNegative: boolean;
  /** What stands for money in, where a mapping says what stands for money out. */
  inMark: string | undefined;
  /** Cells of most rows. */
  width: number;
}

/** The rows of a table as payments, by account. What cannot be read becomes an entry of `errors`. */
export function readTable(
  table: Table,
  layout: Layout,
  profile: CsvProfile | undefined,
  options: ReaderOptions,
  errors: RowError[],
): StatementAccount[] {
  const facts = tableFacts(table, layout, options, errors);
  const widths = table.rows.map((row) => row.cells.length).sort((a, b) => a - b);
  const reading: Reading = {
    width: widths[widths.length >> 1] ?? 0,
    layout,
    facts,
    names: columnNames(table),
    profile,
    errors,
    outNegative: mostlyNegative(table.rows, layout.amountOut),
    inNegative: layout.amountOut !== undefined && mostlyNegative(table.rows, layout.amountIn),
    inMark: markOfMoneyIn(table.rows, layout),
  };
  const accounts = new Accounts(layout, facts);
  reportRunOn(table, errors);
  const lastPayment = table.rows.findLastIndex((row) => hasDate(row, layout) && hasMoney(row, layout));
  let previous: StatementPayment | undefined;
  for (const row of table.preamble) stateAside(row, layout, facts, accounts);
  table.rows.forEach((row, index) => {
    const outcome = readRow(row, reading, accounts);
    if (typeof outcome === "object") {
      previous = outcome.payment;
      accounts.add(outcome);
      return;
    }
    if (outcome === "nothing") {
      if (previous && index <= lastPayment + 1 && continues(row, layout, table)) {
        const more = textOf(row, layout);
        if (more && row.line === (previous.line ?? 0) + 1) {
          previous.description = `${previous.description} ${more}`.trim();
          return;
        }
      }
      if (index > lastPayment && !row.cells.some((cell) => /\d/.test(cell))) return;
      if (row.cells.some((cell) => totalLine(cell))) {
        stateAside(row, layout, facts, accounts);
        return;
      }
      if (
        index > lastPayment &&
        row.cells.filter((cell) => cell.trim()).length <= 2 &&
        // Without a word, what has an amount is what is left of a payment.
        !(
          row.cells.some((cell) => lexAmount(cell.trim())) &&
          !row.cells.some((cell) => /\p{L}{4}/u.test(cell))
        )
      )
        return;
      accounts.breakAll();
      errors.push({
        line: row.line,
        reason: `The line holds no date and no amount that can be read ("${excerpt(row)}"); it was left out.`,
      });
      return;
    }
    if (outcome !== undefined) {
      accounts.breakAll();
      errors.push({ line: row.line, reason: outcome });
    }
  });
  return accounts.finish(errors);
}

/**
 * Lines that are wider than the header and go on with a date or an amount: another line may have run into them, where a
 * line end was lost. Not where most lines are so wide, which some banks' are.
 */
function reportRunOn({ header, rows }: Table, errors: RowError[]): void {
  if (!header) return;
  const wide = rows.filter(({ cells }) =>
    cells.slice(header.cells.length).some((cell) => lexDate(cell.trim()) ?? lexAmount(cell.trim())),
  );
  if (wide.length * 2 > rows.length && rows.length > 2) return;
  for (const { line } of wide) {
    errors.push({
      line,
      reason:
        "The line goes on behind its last column with a date or an amount: another payment may have run into it. Compare with the bank.",
    });
  }
}

export interface ReadPayment {
  payment: StatementPayment;
  account: string;
  accountName?: string;
  /** The amount had no sign: the running balance has to tell the direction. */
  unsigned?: boolean;
}

/** A payment; a reason; `nothing` for a line without date and amount; undefined for one that is rightly left out. */
function readRow(row: Row, reading: Reading, accounts: Accounts): ReadPayment | string | undefined {
  const { layout } = reading;
  const cell = (column: number | undefined) => (column === undefined ? "" : (row.cells[column] ?? "").trim());
  const named: CellOf = (...names) => {
    for (const name of names) {
      const at = reading.names.findIndex((known) => normaliseHeader(known) === normaliseHeader(name));
      if (at >= 0) return cell(at);
    }
    return "";
  };

  const status = statusOf(cell(layout.status));
  const dateText = cell(layout.date);
  const when = dateOf(dateText, reading) ?? dateOf(cell(layout.dateFallback), reading);
  const currency = currencyOf(cell(layout.currency), row, reading);
  const balance = balanceOf(cell(layout.balanceAfter), currency, reading);
  const hasAmount = hasMoney(row, layout);
  const texts = [...layout.description, layout.counterparty, layout.type]
    .map((column) => cell(column))
    .filter(Boolean);

  if (!when) {
    if (!hasAmount)
      return dateText && lexAmount(cell(layout.balanceAfter))
        ? `The date "${dateText.slice(0, 40)}" does not exist and there is no amount; the line was left out.`
        : "nothing";
    const total = row.cells.map((text) => totalLine(text)).find((kind) => kind !== undefined);
    if (total) {
      const stated = balance ?? signedAmount(row, currency, reading);
      const named = row.cells.filter((text) => lexAmount(text.trim())).length === 1;
      if (typeof stated === "number" && named) accounts.state(total, cell(layout.account), stated, currency);
      return undefined;
    }
    if (status === "void") return undefined;
    const waits = statusOf(dateText) === "pending" || status === "pending" || dateText === "--";
    return waits
      ? "The payment is pending and has no date yet; it was left out and will come when it is booked."
      : `The date "${dateText.slice(0, 40)}" cannot be read; the payment was left out.`;
  }
  const total =
    texts.map(datedTotal).find((kind) => kind !== undefined) ??
    row.cells.map(datedTotal).find((kind) => kind === "opening" || kind === "closing");
  if (total && !cell(layout.counterpartyAccount)) {
    const stated = balance ?? (hasAmount ? signedAmount(row, currency, reading) : undefined);
    if (typeof stated === "number") accounts.state(total, cell(layout.account), stated, currency, when.date);
    return undefined;
  }
  if (!hasAmount && !reading.profile?.money) {
    return amountCells(layout).some((column) => cell(column))
      ? `The amount "${amountCells(layout).map(cell).find(Boolean)!.slice(0, 40)}" cannot be read; the payment was left out.`
      : "The line has a date but no amount; it was left out.";
  }
  if (status === "void") {
    return `The bank says "${cell(layout.status).slice(0, 40)}": no money was moved, and the line was left out.`;
  }

  if (row.cells.length < reading.width * 0.6 && !textOf(row, layout) && !cell(layout.counterparty)) {
    return "The line is much shorter than the others and says nothing about a payment; it was left out.";
  }

  const amount = reading.profile?.money
    ? reading.profile.money(named, (text, code) => plainAmount(text, code, reading, row.line))
    : signedAmount(row, currency, reading);
  if (typeof amount === "string")
    return `${amount[0]!.toUpperCase()}${amount.slice(1)}; the payment was left out.`;
  const money = typeof amount === "number" ? { amount, currency } : amount;
  if (!isCurrencyCode(money.currency))
    return `"${money.currency.slice(0, 20)}" is not a currency; the payment was left out.`;

  const payment: StatementPayment = {
    date: when.date,
    amount: money.amount === 0 ? 0 : money.amount,
    currency: money.currency,
    status,
    description: textOf(row, layout),
    line: row.line,
    raw: rawOf(row, reading.names),
  };
  if (when.instant) payment.instant = when.instant;
  const valued = dateOf(cell(layout.valueDate), reading);
  if (valued) payment.valueDate = valued.date;
  const counterparty = partyOf(row, reading, payment.amount);
  if (counterparty) payment.counterparty = counterparty;
  if (!payment.description && counterparty?.name) payment.description = counterparty.name;
  if (cell(layout.type)) payment.type = cell(layout.type).toLowerCase();
  for (const key of ["reference", "bankId", "mandateId", "creditorId", "category"] as const) {
    const value = cell(layout[key]);
    if (value && value !== "-") payment[key] = value;
  }
  if (balance !== undefined) {
    payment.balanceAfter = layout.balanceIsBefore ? balance + payment.amount : balance;
  }
  const original = originalOf(row, reading, payment);
  if (original) payment.original = original;
  reading.profile?.finish?.(payment, named);
  const account = cell(layout.account);
  const result: ReadPayment = { payment, account };
  if (cell(layout.accountName)) result.accountName = cell(layout.accountName);
  if (layout.signFromBalance) result.unsigned = true;
  return result;
}

function hasMoney(row: Row, layout: Layout): boolean {
  return amountCells(layout).some((column) => lexAmount((row.cells[column] ?? "").trim()) !== undefined);
}

function hasDate(row: Row, layout: Layout): boolean {
  return [layout.date, layout.dateFallback].some(
    (column) => column !== undefined && lexDate((row.cells[column] ?? "").trim()) !== undefined,
  );
}

function dateOf(text: string, { layout, facts }: Reading): { date: string; instant?: string } | undefined {
  if (!text) return undefined;
  if (layout.dateFormat) {
    const date = dateByFormat(text, layout.dateFormat);
    if (date) return { date };
  }
  const lexed = lexDate(text);
  return lexed && resolveDate(lexed, facts.dayFirst);
}

function currencyOf(text: string, row: Row, { layout, facts }: Reading): string {
  const stated = currencyOfSign(/^[a-z]{3}$/i.test(text) ? text.toUpperCase() : text);
  if (stated) return stated;
  for (const column of amountCells(layout)) {
    const sign = lexAmount((row.cells[column] ?? "").trim())?.currency;
    const code = sign && currencyOfSign(sign);
    if (code) return code;
  }
  return facts.currency;
}

function balanceOf(text: string, currency: string, reading: Reading): number | undefined {
  const lexed = lexAmount(text);
  if (!lexed) return undefined;
  const money = toMoney(lexed, currency, reading.facts.marks.get(reading.layout.balanceAfter!));
  if (typeof money === "string" || money.rounded) return undefined;
  return isNegative(lexed) ? -money.minor : money.minor;
}

/** An amount in a column of its own, as written. */
function plainAmount(
  text: string,
  currency: string,
  reading: Reading,
  line: number,
  column?: number,
): number | string {
  const lexed = lexAmount(text);
  if (!lexed) return `the amount "${text.slice(0, 40)}" cannot be read`;
  const mark = column === undefined ? reading.layout.decimal : reading.facts.marks.get(column);
  const money = toMoney(lexed, currency, mark);
  if (typeof money === "string") return `the amount cannot be read: ${money}`;
  const amount = isNegative(lexed) ? -money.minor : money.minor;
  if (money.rounded) {
    reading.errors.push({
      line,
      reason: `${text.slice(0, 40)} has more decimals than ${currency} has; it was rounded to ${formatAmount(amount, currency)}.`,
    });
  }
  return amount;
}

/** Banks fill the column of the other direction with a dash, or with a currency alone. */
function isBlank(text: string): boolean {
  return /^(?:[-\u2013\u2014.*]*|n\/?a|nil|null|[A-Z]{3}|[$€£¥])$/i.test(text);
}

/** The amount of a row with its sign, minor units; a text says why there is none. */
function signedAmount(row: Row, currency: string, reading: Reading): number | string {
  const { layout } = reading;
  const text = (column: number | undefined) => (column === undefined ? "" : (row.cells[column] ?? "").trim());
  const read = (column: number) => plainAmount(text(column), currency, reading, row.line, column);

  let amount: number | string;
  if (layout.amount !== undefined) {
    amount = read(layout.amount);
    if (typeof amount === "string") return amount;
    if (layout.direction !== undefined) {
      const mark = text(layout.direction);
      const direction = layout.out ? mappedDirection(mark, layout.out, reading.inMark) : directionOf(mark);
      if (!direction)
        return `the direction "${mark.slice(0, 20)}" is not known, so that the amount has no sign`;
      if (direction === "out") amount = -Math.abs(amount);
    } else if (layout.bareIsOut) {
      const lexed = lexAmount(text(layout.amount));
      if (lexed && !lexed.sign && !lexed.suffix) amount = -amount;
    }
  } else {
    const into = isBlank(text(layout.amountIn)) ? 0 : read(layout.amountIn!);
    const out = isBlank(text(layout.amountOut)) ? 0 : read(layout.amountOut!);
    if (typeof into === "string") return into;
    if (typeof out === "string") return out;
    if (into !== 0 && out !== 0) return "the line has both money in and money out";
    // A column of money in that is negative throughout counts what a card owes.
    amount = out !== 0 ? (reading.outNegative ? out : -out) : reading.inNegative ? -into : into;
  }
  if (layout.negate) amount = -amount;
  if (layout.fee !== undefined && text(layout.fee)) {
    const fee = read(layout.fee);
    if (typeof fee === "string") return fee;
    amount -= fee;
  }
  return amount;
}

/**
 * The direction by a mapping, which names the mark of money out alone. The mark of money in is a known one or the one
 * that the column has most often besides; a third mark may mean either, and guessing would turn a payment's sign.
 */
function mappedDirection(mark: string, out: string, inMark: string | undefined): "in" | "out" | undefined {
  if (sameMark(mark, out)) return "out";
  if (inMark !== undefined && sameMark(mark, inMark)) return "in";
  return directionOf(mark) === "in" ? "in" : undefined;
}

function markOfMoneyIn(rows: readonly Row[], layout: Layout): string | undefined {
  const { direction, out } = layout;
  if (direction === undefined || !out) return undefined;
  const counts = new Map<string, number>();
  for (const { cells } of rows) {
    const mark = (cells[direction] ?? "").trim().toLowerCase();
    if (sameMark(mark, out) || directionOf(mark) === "out") continue;
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  return [...counts].reduce<[string, number] | undefined>(
    (most, next) => (most && most[1] >= next[1] ? most : next),
    undefined,
  )?.[0];
}

function sameMark(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

function partyOf(row: Row, { layout }: Reading, amount: number): Party | undefined {
  const cell = (column: number | undefined) =>
    column === undefined ? "" : (row.cells[column] ?? "").replace(/\s+/g, " ").trim();
  const party: Party = {};
  const name = cell(layout.counterparty) || (amount < 0 ? cell(layout.payee) : cell(layout.payer));
  if (name) party.name = name;
  const number = cell(layout.counterpartyAccount);
  if (looksLikeIban(number)) party.iban = normaliseIban(number);
  else if (number && number !== name) party.account = number;
  const bic = cell(layout.counterpartyBic);
  if (/^[A-Za-z]{6}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?$/.test(bic)) party.bic = bic.toUpperCase();
  return Object.keys(party).length > 0 ? party : undefined;
}

function originalOf(row: Row, reading: Reading, payment: StatementPayment): StatementPayment["original"] {
  const { layout, facts } = reading;
  if (layout.originalAmount === undefined) return undefined;
  const text = (row.cells[layout.originalAmount] ?? "").trim();
  const lexed = lexAmount(text);
  const code =
    (layout.originalCurrency === undefined
      ? ""
      : (row.cells[layout.originalCurrency] ?? "").trim().toUpperCase()) ||
    (lexed?.currency ? (currencyOfSign(lexed.currency) ?? "") : "");
  if (!lexed || !isCurrencyCode(code) || code === payment.currency) return undefined;
  const money = toMoney(lexed, code, facts.marks.get(layout.originalAmount));
  if (typeof money === "string" || money.rounded) return undefined;
  const negative = isNegative(lexed) || payment.amount < 0;
  return { amount: negative ? -money.minor : money.minor, currency: code };
}
