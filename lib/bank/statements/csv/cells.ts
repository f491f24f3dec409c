import { lexAmount } from "../fields/amounts";
import type { Layout, Table } from "./layout";
import { totalLine } from "./marks";
import type { Row } from "./rows";

/** Texts of a row and names of its columns. */

export function textOf(row: Row, layout: Layout): string {
  const parts: string[] = [];
  for (const column of layout.description) {
    const text = (row.cells[column] ?? "").replace(/\s+/g, " ").trim();
    if (text && !parts.includes(text)) parts.push(text);
  }
  return parts.join(" ");
}

export function mostlyNegative(rows: readonly Row[], column: number | undefined): boolean {
  if (column === undefined) return false;
  let negative = 0;
  let positive = 0;
  for (const row of rows) {
    const lexed = lexAmount((row.cells[column] ?? "").trim());
    if (!lexed || !/[1-9]/.test(lexed.body)) continue;
    if (lexed.sign === "-") negative++;
    else positive++;
  }
  return negative > positive;
}

/** Lines that carry on the text of the payment above: as wide as a row, and nothing but text. */
export function continues(row: Row, layout: Layout, table: Table): boolean {
  const texts = new Set([...layout.description, layout.counterparty]);
  const width = table.header?.cells.length ?? 0;
  const filled = row.cells.map((cell, column) => (cell.trim() ? column : -1)).filter((column) => column >= 0);
  return (
    filled.length > 0 &&
    filled.every((column) => texts.has(column)) &&
    filled[0]! > 0 &&
    row.cells.length <= Math.max(width, 2) &&
    !row.cells.some((cell) => totalLine(cell))
  );
}

export function columnNames(table: Table): string[] {
  const seen = new Map<string, number>();
  return (table.header?.cells ?? []).map((cell, index) => {
    const name = cell.replace(/\s+/g, " ").trim() || `column ${index + 1}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

export function rawOf(row: Row, names: readonly string[]): Record<string, string> {
  const raw: Record<string, string> = {};
  (row.written ?? row.cells).forEach((cell, index) => {
    if (cell !== "" || index < names.length) raw[names[index] ?? `column ${index + 1}`] = cell;
  });
  return raw;
}

export function excerpt(row: Row): string {
  return row.cells.join(" ").replace(/\s+/g, " ").trim().slice(0, 60);
}
