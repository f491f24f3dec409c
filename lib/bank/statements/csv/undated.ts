import { lexDate, lexDayMonth, lexUnixTime, resolveDate, type DayMonth } from "../fields/dates";
import { looksLikePayment } from "./columns";
import type { Table } from "./layout";
import type { Row } from "./rows";
import { meaningsOf } from "./words";

/**
 * Columns of days that are no dates by themselves: a day and a month whose year the statement states elsewhere, seconds
 * since 1970, day numbers of a spreadsheet. Their cells become whole dates before the columns are given meanings.
 */

/**
 * Complete the dates of a table in place; the row keeps its cells as written.
 * @param rows the whole file, in which the year is looked for
 * @param fileName looked at when the file itself names no year
 * @returns what had to be assumed, for people
 */
export function completeDates(table: Table, rows: readonly Row[], fileName: string | undefined): string[] {
  const width = table.rows.reduce((most, row) => Math.max(most, row.cells.length), 0);
  const columns = Array.from({ length: width }, (_, index) => index);
  const payments = table.rows.filter((row) => looksLikePayment(row.cells) > 0);
  const cells = (column: number) =>
    (payments.length > 0 ? payments : table.rows)
      .map((row) => (row.cells[column] ?? "").trim())
      .filter((cell) => cell !== "");
  const isTime = (column: number) =>
    meaningsOf(table.header?.cells[column] ?? "").some(({ role }) => role === "date" || role === "otherDate");
  const share = (column: number, fits: (cell: string) => unknown) => {
    const filled = cells(column);
    return filled.length === 0 ? 0 : filled.filter((cell) => fits(cell)).length / filled.length;
  };

  for (const column of columns) {
    if (!isTime(column)) continue;
    if (share(column, lexUnixTime) === 1) replace(table, column, (cell) => lexUnixTime(cell)?.instant);
    else if (share(column, dayOfSpreadsheet) === 1) replace(table, column, dayOfSpreadsheet);
  }
  if (columns.some((column) => share(column, lexDate) >= 0.6)) return [];
  const undated = columns.filter((column) => share(column, lexDayMonth) >= 0.6);
  const first = undated.find(isTime) ?? undated[0];
  if (first === undefined) return [];
  return completeYears(table, first, undated, rows, fileName);
}

/** Whole days since 30 December 1899, between 2000 and 2064, as spreadsheets count; undefined for anything else. */
function dayOfSpreadsheet(cell: string): string | undefined {
  if (!/^\d{5}(?:\.\d+)?$/.test(cell)) return undefined;
  const days = Math.floor(Number(cell));
  if (days < 36526 || days > 60000) return undefined;
  return new Date((days - 25569) * 86_400_000).toISOString().slice(0, 10);
}

function replace(table: Table, column: number, by: (cell: string) => string | undefined): void {
  table.rows = table.rows.map((row) => {
    const found = by((row.cells[column] ?? "").trim());
    if (found === undefined) return row;
    return { ...row, cells: row.cells.with(column, found), written: row.written ?? row.cells };
  });
}

interface Day {
  month: number;
  day: number;
}

/** The newest payment lies in the period that the file states; every step across New Year changes the year by one. */
function completeYears(
  table: Table,
  first: number,
  columns: readonly number[],
  rows: readonly Row[],
  fileName: string | undefined,
): string[] {
  const dayFirst = decideDayFirst(table, columns);
  const dayOf = (row: Row, column: number): Day | undefined => {
    const found = lexDayMonth((row.cells[column] ?? "").trim());
    return found && inOrder(found, dayFirst);
  };
  const end = endOfPeriod(rows, fileName);
  const known = table.rows.flatMap((row) => dayOf(row, first) ?? []);
  const newestFirst = steps(known) < 0;
  const latest = newestFirst ? known[0]! : known[known.length - 1]!;
  const limit = end ?? new Date().toISOString().slice(0, 10);
  let year = Number(limit.slice(0, 4));
  // A few days beyond the stated period are of payments on their way.
  if (order(latest) > order({ month: Number(limit.slice(5, 7)), day: Number(limit.slice(8, 10)) }) + 10)
    year -= 1;

  const years = new Map<Row, number>();
  let newer: Day | undefined;
  for (const row of newestFirst ? table.rows : table.rows.toReversed()) {
    const day = dayOf(row, first);
    if (day && newer) {
      if (day.month - newer.month > 6) year -= 1;
      else if (newer.month - day.month > 6) year += 1;
    }
    if (day) newer = day;
    years.set(row, year);
  }
  table.rows = table.rows.map((row) => {
    let cells = row.cells;
    const own = dayOf(row, first);
    for (const column of columns) {
      const day = dayOf(row, column);
      if (!day) continue;
      // The other dates of a row are near its first one.
      const away = own ? day.month - own.month : 0;
      const of = years.get(row)! - (away > 6 ? 1 : 0) + (away < -6 ? 1 : 0);
      cells = cells.with(column, `${of}-${two(day.month)}-${two(day.day)}`);
    }
    return cells === row.cells ? row : { ...row, cells, written: row.written ?? row.cells };
  });
  return end
    ? []
    : [
        `The dates have no year and the file names none; the latest payment was taken to be of ${year === Number(limit.slice(0, 4)) ? "this" : "the last"} year. Check the dates.`,
      ];
}

function inOrder(found: DayMonth, dayFirst: boolean): Day | undefined {
  const day =
    "day" in found
      ? found
      : dayFirst
        ? { day: found.first, month: found.second }
        : { day: found.second, month: found.first };
  return day.month >= 1 && day.month <= 12 ? day : undefined;
}

function decideDayFirst(table: Table, columns: readonly number[]): boolean {
  let before = 0;
  let behind = 0;
  for (const row of table.rows) {
    for (const column of columns) {
      const found = lexDayMonth((row.cells[column] ?? "").trim());
      if (!found || "day" in found) continue;
      if (found.first > 12) before += 1;
      if (found.second > 12) behind += 1;
    }
  }
  return before >= behind;
}

function order({ month, day }: Day): number {
  return month * 31 + day;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** Steps forward less steps back; one of more than half a year is one across New Year, in the other direction. */
function steps(days: readonly Day[]): number {
  let sum = 0;
  for (let at = 1; at < days.length; at += 1) {
    const step = order(days[at]!) - order(days[at - 1]!);
    if (step !== 0) sum += Math.abs(step) > 186 ? -Math.sign(step) : Math.sign(step);
  }
  return sum;
}

/** The latest whole date in the file, else its latest year, else those of its name. */
function endOfPeriod(rows: readonly Row[], fileName: string | undefined): string | undefined {
  const texts = rows.slice(0, 2000).map((row) => row.cells.join(" \u0000 "));
  return latestDate(texts) ?? (fileName ? latestDate([fileName.replace(/_/g, " ")]) : undefined);
}

function latestDate(texts: readonly string[]): string | undefined {
  let best: string | undefined;
  let year: string | undefined;
  for (const text of texts) {
    const dates = text.matchAll(
      /(?<![\d.,])(?:\d{1,2}[-/. ]{1,2}(?:\d{1,2}|\p{L}{3,12})\.?[-/. ,]{1,2}20\d{2}|20\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\p{L}{3,12} \d{1,2},? 20\d{2})(?!\d)/gu,
    );
    for (const [found] of dates) {
      const date = lexDate(found);
      const resolved = date && (resolveDate(date, true) ?? resolveDate(date, false))?.date;
      if (resolved && (!best || resolved > best)) best = resolved;
    }
    for (const [found] of text.matchAll(/(?<![\d.,/-])20[0-4]\d(?![\d.,])/g)) {
      if (!year || found > year) year = found;
    }
  }
  return best ?? (year ? `${year}-12-31` : undefined);
}
