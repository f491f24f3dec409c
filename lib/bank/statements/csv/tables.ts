import { looksLikePayment } from "./columns";
import type { Table } from "./layout";
import type { Row } from "./rows";
import { isHeaderPhrase, meaningsOf, normaliseHeader } from "./words";

/** Which lines are header, which preamble, which rows; a file may hold several tables one below the other. */
export function findTables(rows: readonly Row[]): Table[] {
  const headers = rows.map((row, index) => ({ row, index })).filter(({ row }) => isHeader(row));
  const first = rows.findIndex((row) => looksLikePayment(row.cells) > 0);
  const usable = headers.filter(({ index }, at) => {
    // A header above another without payments between belongs to the preamble (mBank's "#Waluta;#Wpływy;#Wydatki").
    const next = headers[at + 1]?.index ?? rows.length;
    return rows.slice(index + 1, Math.min(next, index + 400)).some((row) => looksLikePayment(row.cells) > 0);
  });
  if (usable.length === 0 || (first >= 0 && first < usable[0]!.index)) {
    const leading = plainTable(rows, first, usable[0]?.index ?? rows.length);
    if (usable.length === 0) {
      const only = headers.at(-1);
      // A header and nothing below it: an empty statement.
      if (first < 0 && only)
        return [{ preamble: rows.slice(0, only.index), header: only.row, rows: rows.slice(only.index + 1) }];
      return [leading];
    }
    // A line or two above a header that happen to hold a date and a number are no table.
    const payments = leading.rows.filter((row) => looksLikePayment(row.cells) > 0).length;
    if (payments > 2) return [leading, ...cut(rows, usable, usable[0]!.index)];
  }
  return cut(rows, usable, 0);
}

function cut(rows: readonly Row[], headers: { row: Row; index: number }[], from: number): Table[] {
  const tables: Table[] = [];
  let start = from;
  headers.forEach(({ row, index }, at) => {
    const last = tables[tables.length - 1];
    const end = headers[at + 1]?.index ?? rows.length;
    const same = last?.header && sameHeader(last.header, row);
    const body = rows.slice(index + 1, end);
    const between = rows.slice(start, index);
    start = end;
    // Lines between the last payment of one table and the next header are the next table's preamble.
    const tail = at + 1 < headers.length ? lastPayment(body) + 1 : body.length;
    const table: Table = { preamble: between, header: row, rows: body.slice(0, tail) };
    start -= body.length - tail;
    if (same && between.length === 0) last.rows.push(...table.rows);
    else tables.push(table);
  });
  return tables;
}

function lastPayment(rows: readonly Row[]): number {
  return rows.findLastIndex((row) => looksLikePayment(row.cells) > 0);
}

function sameHeader(a: Row, b: Row): boolean {
  return a.cells.join("\u0000") === b.cells.join("\u0000");
}

/** No known words: the line above the first payment is a header when it is as wide and holds no number. */
function plainTable(rows: readonly Row[], first: number, end: number): Table {
  if (first < 0) return { preamble: [], rows: rows.slice(0, end) };
  const width = rows[first]!.cells.length;
  const above = rows[first - 1];
  const filled = above?.cells.filter((cell) => cell.trim() !== "") ?? [];
  const named =
    above !== undefined &&
    Math.abs(above.cells.length - width) <= 3 &&
    filled.length >= Math.min(2, width) &&
    filled.length >= width / 2 &&
    filled.filter((cell) => /\p{L}/u.test(cell) && cell.length < 60 && !/\d{4}/.test(cell)).length >=
      filled.length * 0.8 &&
    // Two columns of one name happen; a row whose cells repeat more is none of names.
    new Set(filled).size >= filled.length * 0.6;
  if (named) return { preamble: rows.slice(0, first - 1), header: above, rows: rows.slice(first, end) };
  // Rows before the first whole payment that are as wide are rows too (they may be damaged).
  let start = first;
  while (start > 0 && rows[start - 1]!.cells.length === width && width > 2) start--;
  return { preamble: rows.slice(0, start), rows: rows.slice(start, end) };
}

/** A header names at least a date and an amount (or balance, debit, credit) and holds neither. */
function isHeader(row: Row): boolean {
  const cells = row.cells;
  if (cells.length < 2) return false;
  const filled = cells.filter((cell) => cell.trim() !== "");
  // Most rows are payments: told sooner by their content than by words.
  if (filled.length < 2 || looksLikePayment(cells) > 0) return false;
  if (!cells.slice(0, 8).some(isHeaderPhrase)) return false;
  let date = false;
  let money = false;
  let known = 0;
  for (const cell of filled) {
    if (cell.length > 80) continue;
    const meanings = meaningsOf(cell);
    if (meanings.length === 0) continue;
    if (meanings.some(({ role }) => role === "date" || role === "otherDate" || role === "valueDate"))
      date = true;
    if (meanings.some(({ role }) => role === "amount" || role === "amountIn" || role === "amountOut"))
      money = true;
    if (normaliseHeader(cell)) known++;
  }
  return date && money && known >= Math.min(3, filled.length);
}
