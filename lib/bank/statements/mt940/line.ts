import { calendarDate, daysBetween, isCalendarDate, parseAmount, TallyError } from "../../../values";
import type { CalendarDate } from "../../../values";

/** A statement line (`:61:`). */
export interface StatementLine {
  valueDate: CalendarDate;
  /** Booking date; where the bank gives none, the value date. */
  date: CalendarDate;
  /** Signed minor units. */
  amount: number;
  /** `C`, `D`, `RC`, `RD`, `EC`, `ED`. */
  mark: string;
  /** Expected entries (`EC`, `ED`) are not booked yet. */
  expected: boolean;
  /** `NTRF`, `S051`, ...; absent where the bank leaves it out. */
  code?: string;
  customerReference?: string;
  bankReference?: string;
  /** What follows the references, on the same line or the next. */
  supplementary: string[];
  /** Things that were put right, for people. */
  notes: string[];
}

const LINE =
  /^\s*(\d{6})\s?(\d{4})?\s*([Rr][CcDd]|[Ee][CcDd]|[CcDd])\s*([A-Z])?\s*([\d.,']*\d[\d.,']*)\s*(?:([A-Z][A-Z0-9 ]{3})([\s\S]*))?$/;

/**
 * Read a `:61:` field.
 *
 * The mark gives the sign: `C` and `RD` (reversal of a debit) bring money in, `D` and `RC` take it out. A day that
 * does not exist (30 February of banks that count 30 days to the month) becomes the last day of its month, with a
 * note. The entry date has no year: the one is taken that puts it nearest to the value date.
 *
 * @param lines the field's lines
 * @param currency of the statement; the amount is read with its number of decimals
 * @throws TallyError STATEMENT_ROW_INVALID when it is no statement line; MONEY_INVALID, DATE_INVALID
 */
export function readLine(lines: readonly string[], currency: string): StatementLine {
  const notes: string[] = [];
  let rest = lines.slice(1);
  let first = lines[0] ?? "";
  let match = LINE.exec(first.trimEnd());
  // Some banks break the line before the amount.
  if (!match && rest.length > 0) {
    first = first.trimEnd() + rest[0]!;
    match = LINE.exec(first.trimEnd());
    if (match) rest = rest.slice(1);
  }
  if (!match) {
    throw new TallyError(
      "STATEMENT_ROW_INVALID",
      `":61:${(lines[0] ?? "").slice(0, 60)}" is not a statement line.`,
    );
  }
  const [, valued = "", entered, letters = "", , amountText = "", code, references = ""] = match;
  const mark = letters.toUpperCase();
  const valueDate = shortDate(valued, notes);
  const date = entered === undefined ? valueDate : entryDate(entered, valueDate, notes);
  const size = amountOf(amountText, currency);
  const out = mark === "D" || mark === "RC" || mark === "ED";
  const found = splitReferences(references);
  return {
    valueDate,
    date,
    amount: out && size !== 0 ? -size : size,
    mark,
    expected: mark.startsWith("E"),
    ...(code === undefined ? {} : { code }),
    ...(found.customer ? { customerReference: found.customer } : {}),
    ...(found.bank ? { bankReference: found.bank } : {}),
    supplementary: [...(found.more ? [found.more] : []), ...rest]
      .map((line) => line.trim())
      .filter((line) => line !== ""),
    notes,
  };
}

/** An amount as SWIFT writes it: a comma, perhaps nothing before or after it. A dot alone is taken as the mark too. */
export function amountOf(text: string, currency: string): number {
  const plain = text.trim();
  if (!/^\d*[.,']?[\d.,']*$/.test(plain) || !/\d/.test(plain)) {
    throw new TallyError(
      "MONEY_INVALID",
      `"${plain.slice(0, 40)}" is not an amount as SWIFT writes it (like 12,50).`,
    );
  }
  return parseAmount(plain, currency, plain.includes(",") ? "," : ".");
}

/** `YYMMDD`: years up to 79 are of this century, as SWIFT has it. */
export function shortDate(text: string, notes: string[]): CalendarDate {
  const yy = Number(text.slice(0, 2));
  return existing(
    yy < 80 ? 2000 + yy : 1900 + yy,
    Number(text.slice(2, 4)),
    Number(text.slice(4, 6)),
    text,
    notes,
  );
}

function entryDate(text: string, valueDate: CalendarDate, notes: string[]): CalendarDate {
  if (text === "0000") return valueDate;
  const year = Number(valueDate.slice(0, 4));
  const month = Number(text.slice(0, 2));
  const day = Number(text.slice(2, 4));
  let best: { date: CalendarDate; away: number; notes: string[] } | undefined;
  for (const candidate of [year, year - 1, year + 1]) {
    const own: string[] = [];
    const date = existing(candidate, month, day, text, own);
    const away = Math.abs(daysBetween(valueDate, date));
    if (!best || away < best.away) best = { date, away, notes: own };
  }
  notes.push(...best!.notes);
  return best!.date;
}

function existing(year: number, month: number, day: number, text: string, notes: string[]): CalendarDate {
  const iso = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  if (isCalendarDate(iso)) return iso;
  if (month < 1 || month > 12 || day < 29 || day > 31) {
    throw new TallyError("DATE_INVALID", `"${text}" is not a date as SWIFT writes it (YYMMDD).`);
  }
  for (let last = day - 1; ; last -= 1) {
    const date = `${iso.slice(0, 8)}${String(last).padStart(2, "0")}`;
    if (!isCalendarDate(date)) continue;
    notes.push(
      `The bank gives the day ${iso}, which does not exist; ${date}, the last day of that month, was taken.`,
    );
    return calendarDate(year, month, last);
  }
}

/** Customer reference (16 characters), `//` and bank reference, and what stands behind them on the line. */
function splitReferences(text: string): { customer: string; bank: string; more: string } {
  const split = text.indexOf("//");
  if (split >= 0) {
    const bank = text.slice(split + 2);
    return { customer: text.slice(0, split).trim(), bank: bank.trim(), more: "" };
  }
  const trimmed = text.trim();
  // An IBAN is longer than the field; banks write it there all the same.
  if (trimmed.length <= 16 || /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(trimmed))
    return { customer: trimmed, bank: "", more: "" };
  return { customer: text.slice(0, 16).trim(), bank: "", more: text.slice(16).trim() };
}
