import { looksLikeIban } from "../accounts";
import { currencyOfSign, lexAmount, type AmountText } from "../fields/amounts";
import { lexDate, lexDayMonth } from "../fields/dates";
import { areDirections, directionOf } from "./marks";
import type { Row } from "./rows";
import { KNOWN_CURRENCIES } from "./words";

/** What the cells of a column hold, counted over (a sample of) its rows. */
export interface ColumnFacts {
  index: number;
  rows: number;
  filled: number;
  dates: number;
  amounts: number;
  /** Amounts with a decimal mark and two digits after it, or a currency. */
  decimals: number;
  signed: number;
  negative: number;
  ibans: number;
  currencies: number;
  distinct: number;
  /** Average length of what is filled. */
  length: number;
  /** Share of cells with a letter. */
  letters: number;
  directions: boolean;
  /** Are most cells such marks? Enough for a column that is named so: a damaged cell must not turn all amounts round. */
  mostlyDirections: boolean;
  /** Longest run of digits without a mark: ids rather than amounts from ten on. */
  longDigits: number;
}

const SAMPLE = 2000;

export function columnFacts(rows: readonly Row[]): ColumnFacts[] {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE));
  const sample = step === 1 ? rows : rows.filter((_row, index) => index % step === 0);
  const width = sample.reduce((most, row) => Math.max(most, row.cells.length), 0);
  const facts: ColumnFacts[] = [];
  for (let index = 0; index < width; index++) facts.push(factsOf(sample, index));
  return facts;
}

/** A column of which nothing is known. */
export const EMPTY: ColumnFacts = {
  index: -1,
  rows: 0,
  filled: 0,
  dates: 0,
  amounts: 0,
  decimals: 0,
  signed: 0,
  negative: 0,
  ibans: 0,
  currencies: 0,
  distinct: 0,
  length: 0,
  letters: 0,
  directions: false,
  mostlyDirections: false,
  longDigits: 0,
};

function factsOf(rows: readonly Row[], index: number): ColumnFacts {
  const facts: ColumnFacts = { ...EMPTY, index, rows: rows.length };
  const values = new Set<string>();
  const kinds = new Set<string>();
  let marks = 0;
  let dashes = 0;
  for (const row of rows) {
    const cell = (row.cells[index] ?? "").trim();
    if (!cell) continue;
    facts.filled++;
    if (/^[-\u2013\u2014]{1,3}$/.test(cell)) dashes++;
    facts.length += cell.length;
    values.add(cell);
    const direction = cell.length <= 12 ? directionOf(cell) : undefined;
    if (direction) {
      marks++;
      kinds.add(direction);
    }
    if (/\p{L}/u.test(cell)) facts.letters++;
    const amount = lexAmount(cell);
    if (lexDate(cell)) facts.dates++;
    if (amount) {
      facts.amounts++;
      if (/[.,]\d{1,2}$/.test(amount.body) || amount.currency) facts.decimals++;
      if (amount.sign || amount.suffix) facts.signed++;
      if (isNegative(amount)) facts.negative++;
      if (/^\d{10,}$/.test(amount.body)) facts.longDigits++;
    }
    if (cell.length >= 15 && looksLikeIban(cell)) facts.ibans++;
    if (isCurrencyCell(cell)) facts.currencies++;
  }
  // A dash among amounts stands for none.
  if (facts.amounts > 0) facts.filled -= dashes;
  facts.distinct = values.size;
  if (facts.filled > 0) {
    facts.length /= facts.filled;
    facts.letters /= facts.filled;
  }
  facts.mostlyDirections = marks > 0 && marks >= facts.filled / 2;
  facts.directions =
    areDirections(values) || (marks >= facts.filled * 0.9 && kinds.size === 2 && values.size <= 5);
  return facts;
}

/** A code (also in small letters, as programs write it) or a sign that stands for one currency. */
function isCurrencyCell(cell: string): boolean {
  if (/^(?:[A-Z]{3}|[a-z]{3})$/.test(cell)) return KNOWN_CURRENCIES.has(cell.toUpperCase());
  return cell.length <= 4 && currencyOfSign(cell) !== undefined;
}

export function isNegative(amount: AmountText): boolean {
  return amount.sign === "-" || (amount.suffix === "out" && amount.sign !== "+");
}

/** Does the row look like a payment? 1 when it has a date and an amount besides, 0 otherwise. */
export function looksLikePayment(cells: readonly string[]): number {
  let date = false;
  let amount = false;
  for (const raw of cells) {
    const cell = raw.trim();
    if (cell.length < 1 || cell.length > 40) continue;
    if (!date && (lexDate(cell) ?? lexDayMonth(cell))) date = true;
    else if (!amount && lexAmount(cell)) amount = true;
    if (date && amount) return 1;
  }
  return 0;
}
