import { currencyExponent, normaliseIban } from "../../../values";
import type { RowError } from "../../port";
import { looksLikeIban } from "../accounts";
import { currencyOfSign, decideMark, lexAmount, type Mark } from "../fields/amounts";
import { decideOrder, lexDate, type DateText } from "../fields/dates";
import type { ReaderOptions } from "../types";
import type { Layout, Table } from "./layout";
import type { Row } from "./rows";
import { KNOWN_CURRENCIES, headerCurrency, normaliseHeader } from "./words";

/** What holds for a whole table: order of day and month, decimal marks, currency, own account. */
export interface TableFacts {
  dayFirst: boolean;
  /** Decimal mark of each column with amounts. */
  marks: ReadonlyMap<number, Mark | undefined>;
  currency: string;
  account?: { iban?: string; id?: string };
}

export function tableFacts(
  table: Table,
  layout: Layout,
  options: ReaderOptions,
  errors: RowError[],
): TableFacts {
  const currency = decideCurrency(table, layout, options, errors);
  const facts: TableFacts = {
    currency,
    marks: decideMarks(table, layout, currency, errors),
    dayFirst: decideDays(table, layout, options, currency, errors),
  };
  const account = ownAccount(table.preamble, options);
  if (account) facts.account = account;
  return facts;
}

function cellsOf(rows: readonly Row[], column: number | undefined): string[] {
  if (column === undefined) return [];
  return rows.map((row) => (row.cells[column] ?? "").trim()).filter((cell) => cell !== "");
}

function decideMarks(
  table: Table,
  layout: Layout,
  currency: string,
  errors: RowError[],
): Map<number, Mark | undefined> {
  const marks = new Map<number, Mark | undefined>();
  const money = [layout.amount, layout.amountIn, layout.amountOut].filter((column) => column !== undefined);
  const bodies = (columns: readonly (number | undefined)[]) =>
    columns.flatMap((column) => cellsOf(table.rows, column).flatMap((cell) => lexAmount(cell)?.body ?? []));
  const decimals = currencyExponent(currency);
  const own = layout.decimal ? { mark: layout.decimal, unclear: false } : decideMark(bodies(money), decimals);
  const others = [layout.balanceAfter, layout.fee, layout.originalAmount].filter(
    (column) => column !== undefined,
  );
  const decided = others.map((column) => ({
    column,
    ...decideMark(bodies([column]), column === layout.originalAmount ? undefined : decimals),
  }));
  // Amounts without any mark that decides take it from the balance, and the other way round.
  const mark =
    own.mark ??
    decided.find((other) => other.column === layout.balanceAfter)?.mark ??
    (own.unclear ? markOfOthers(table) : undefined);
  // A currency without decimals has no decimal mark.
  if (own.unclear && !mark && currencyExponent(currency) > 0) {
    errors.push({
      reason:
        "The decimal mark cannot be told from the amounts; groups of three digits were taken as thousands. Check the amounts, or set `decimal` in a mapping.",
    });
  }
  for (const column of money) marks.set(column, mark);
  for (const other of decided)
    marks.set(other.column, other.mark ?? (other.unclear ? mark : (mark ?? undefined)));
  return marks;
}

/** The mark that other columns prove, such as exchange rates: programs write all numbers of a file alike. */
function markOfOthers(table: Table): Mark | undefined {
  const numbers = table.rows
    .slice(0, 500)
    .flatMap((row) =>
      row.cells.filter(
        (cell) => /^-?\d+[.,]\d+$/.test(cell.trim()) && !/^\d{1,2}[.]\d{1,2}$/.test(cell.trim()),
      ),
    )
    .map((cell) => cell.trim().replace("-", ""));
  return decideMark(numbers).mark;
}

/** Words that only banks of one country put over columns: hints for what the file leaves open, never proof. */
const HINTS: readonly [RegExp, string][] = [
  [/\bnarration\b|\bchq\b|ref no cheque no|withdrawal amt|deposit amt|\butr\b/, "INR"],
  [/日付|残高|お取|ご利用|出金|入金/, "JPY"],
  [/余额|交易|金额/, "CNY"],
  [/금액|거래|잔액/, "KRW"],
  [/сумма|операции|остаток/, "RUB"],
  [/\btutar|bakiye|islem|aciklama/, "TRY"],
  [/keterangan|\bmutasi\b/, "IDR"],
  [/lancamento|historico/, "BRL"],
  [/tranzactie/, "RON"],
  [
    /\bpost(?:ed|ing)? date\b|check (?:or slip|number|no)|running bal\b|\bwithdrawals?\b|^check #?$|debit card/,
    "USD",
  ],
  [/paid (?:out|in)|money (?:out|in)|sort code|\bmerchant category\b/, "GBP"],
  [/bokforing|belopp|insattning|uttag/, "SEK"],
  [/bogfor|\bbelob\b|modtager/, "DKK"],
  [/bokfort dato|\bbelop\b|rentedato|inn pa konto/, "NOK"],
  [/kwota|ksiegowania|operacji/, "PLN"],
  [/castka|zauctovan|provedeni|protiuct/, "CZK"],
  [/osszeg|konyvel|kozlemeny/, "HUF"],
];

function hinted(table: Table): string | undefined {
  const words = (table.header?.cells ?? []).map((cell) => normaliseHeader(cell).normalize("NFC"));
  return HINTS.find(([pattern]) => words.some((word) => pattern.test(word)))?.[1];
}

function decideCurrency(table: Table, layout: Layout, options: ReaderOptions, errors: RowError[]): string {
  if (layout.currency !== undefined) {
    const codes = cellsOf(table.rows, layout.currency).flatMap(
      (cell) => currencyOfSign(/^[a-z]{3}$/i.test(cell) ? cell.toUpperCase() : cell) ?? [],
    );
    if (codes.length > 0) return options.currency ?? codes[0]!;
  }
  const stated = statedCurrency(table, layout);
  if (stated) {
    if (options.currency && options.currency !== stated) {
      errors.push({
        reason: `The file states ${stated}, not ${options.currency}; its amounts were read as ${stated}.`,
      });
    }
    return stated;
  }
  if (options.currency) return options.currency;
  const near = nearbyCurrency(table);
  if (near) return near;
  const symbol = signsOf(table, layout).has("$") ? "USD" : undefined;
  const hint = symbol ?? hinted(table) ?? (monthFirst(table, layout) ? "USD" : "EUR");
  errors.push({
    reason: `The file does not state a currency; ${hint} was assumed. Set the currency of the account if that is wrong.`,
  });
  return hint;
}

/** Dates that prove the month to stand first are American. */
function monthFirst(table: Table, layout: Layout): boolean {
  return (
    decideOrder(cellsOf(table.rows, layout.date).flatMap((cell) => lexDate(cell) ?? [])).dayFirst === false
  );
}

function signsOf(table: Table, layout: Layout): Set<string> {
  const signs = new Set<string>();
  for (const column of [layout.amount, layout.amountIn, layout.amountOut, layout.balanceAfter]) {
    for (const cell of cellsOf(table.rows, column)) {
      const sign = lexAmount(cell)?.currency;
      if (sign) signs.add(sign);
    }
  }
  return signs;
}

/** Currency in the words over the amounts, or beside them. */
function statedCurrency(table: Table, layout: Layout): string | undefined {
  if (layout.fixedCurrency) return layout.fixedCurrency;
  for (const column of [layout.amount, layout.amountIn, layout.amountOut, layout.balanceAfter]) {
    const found = column === undefined ? undefined : headerCurrency(table.header?.cells[column] ?? "");
    if (found) return found;
  }
  const codes = [...signsOf(table, layout)]
    .map(currencyOfSign)
    .filter((code) => code !== undefined && KNOWN_CURRENCIES.has(code));
  return codes.length === 1 ? codes[0] : undefined;
}

/** Currency in the lines above the table, beside a balance, say. */
function nearbyCurrency(table: Table): string | undefined {
  const found = new Set<string>();
  for (const row of table.preamble) {
    for (const raw of row.cells) {
      const cell = raw.trim();
      const amount = lexAmount(cell);
      const code = amount?.currency
        ? currencyOfSign(amount.currency)
        : KNOWN_CURRENCIES.has(cell)
          ? cell
          : undefined;
      if (code && KNOWN_CURRENCIES.has(code)) found.add(code);
    }
  }
  return found.size === 1 ? [...found][0] : undefined;
}

function decideDays(
  table: Table,
  layout: Layout,
  options: ReaderOptions,
  currency: string,
  errors: RowError[],
): boolean {
  if (layout.dayFirst !== undefined) return layout.dayFirst;
  if (layout.dateFormat) {
    const format = layout.dateFormat.toUpperCase();
    return format.indexOf("D") < format.indexOf("M");
  }
  const texts: DateText[] = [];
  for (const column of [layout.date, layout.valueDate, layout.dateFallback]) {
    for (const cell of cellsOf(table.rows, column)) {
      const date = lexDate(cell);
      if (date) texts.push(date);
    }
  }
  const decision = decideOrder(texts);
  if (decision.dayFirst !== undefined) {
    if (decision.against > 0) {
      errors.push({
        reason: `${decision.against} dates contradict the order of day and month of the others.`,
      });
    }
    return decision.dayFirst;
  }
  if (options.dayFirst !== undefined) return options.dayFirst;
  if (!decision.unclear) return true;
  const american = currency === "USD" || (!options.currency && hinted(table) === "USD");
  errors.push({
    reason: `The dates do not tell whether day or month comes first; they were read ${american ? "month" : "day"} first. Set the option dayFirst, or dateFormat in a mapping, if that is wrong.`,
  });
  return !american;
}

/** A text with a date or a year in it names a period, not an account. */
const DATED = /\d{1,2}[./]\d{1,2}[./]\d{2,4}|\p{L}{3,}\.? (?:19|20)\d{2}\b/u;

/** Own account in the lines above the table, or as the caller names it. */
export function ownAccount(preamble: readonly Row[], options: ReaderOptions): TableFacts["account"] {
  for (const row of preamble) {
    for (const cell of row.cells) {
      const iban = /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){2,8}(?: ?[A-Z0-9]{1,3})?\b/.exec(cell)?.[0];
      if (iban && looksLikeIban(iban)) return { iban: normaliseIban(iban) };
    }
  }
  if (options.account)
    return looksLikeIban(options.account)
      ? { iban: normaliseIban(options.account) }
      : { id: options.account };
  for (const row of preamble) {
    const label = normaliseHeader(row.cells[0] ?? "");
    if (
      !/konto|account|rekening|compte|cuenta|conto|conta|ucet|rachun/.test(label) ||
      /saldo|balance|stand/.test(label)
    )
      continue;
    const number = [row.cells[1] ?? "", row.cells[0] ?? ""]
      .map((cell) =>
        /^[\dA-Za-z*][\dA-Za-z*.\- /]{4,32}$/.test(cell.trim())
          ? cell.trim()
          : /[\dxX*][\dxX*\- /]{4,}[\dxX*]/.exec(cell)?.[0].trim(),
      )
      .find((text) => text !== undefined && /\d{3}/.test(text) && !lexDate(text) && !DATED.test(text));
    if (number) return { id: number };
  }
  return undefined;
}
