import { parse } from "csv-parse/sync";
import { TallyError } from "../../../values";

/** The file as records with the line on which each begins, whatever its line ends, and however its quotes are broken. */

export interface Row {
  /** 1-based line of the file. */
  line: number;
  cells: string[];
  /** The cells as the file has them, where some were completed (years). */
  written?: string[];
}

export interface SplitText {
  delimiter: string;
  rows: Row[];
  /** Rows that had to be taken apart line by line because a quote was left open. */
  repaired: number[];
}

const DELIMITERS = [";", ",", "\t", "|"] as const;

/** Text with `\n` line ends only; a `\r` before a line end belongs to it. */
export function normaliseLines(text: string): string {
  return text
    .replace(/^\ufeff/, "")
    .replace(/\r+\n/g, "\n")
    .replace(/\r/g, "\n");
}

/**
 * Split a text into records. Blank lines are left out.
 * @param text with `\n` line ends
 * @param delimiter known from a mapping; otherwise `sep=` or the content decides
 * @param plausible how many of the rows look like payments: the delimiter with most of them wins
 */
export function splitText(
  text: string,
  delimiter: string | undefined,
  plausible: (cells: readonly string[]) => number,
): SplitText {
  const declared = /^"?sep=(.)"?[;,]*\n/i.exec(text);
  const body = declared ? text.slice(declared[0].length) : text;
  const offset = declared ? 1 : 0;
  const chosen = delimiter ?? declared?.[1] ?? chooseDelimiter(body, plausible);
  let split = splitWith(body, chosen, offset);
  // Some programs put every line in quotes once more.
  if (
    split.rows.length > 1 &&
    split.rows.every((row) => row.cells.length === 1 || row.cells.slice(1).every((c) => !c))
  ) {
    const inner = split.rows.filter((row) => row.cells[0]!.includes(chosen)).length;
    if (inner > split.rows.length / 2) {
      split = {
        ...split,
        rows: split.rows.map((row) => ({ line: row.line, cells: splitLine(row.cells[0]!, chosen) })),
      };
    }
  }
  return split;
}

function chooseDelimiter(text: string, plausible: (cells: readonly string[]) => number): string {
  const lines = text.split("\n", 4000).filter((line) => line.trim() !== "");
  const sample = lines.length > 400 ? [...lines.slice(0, 200), ...lines.slice(-200)] : lines;
  let best: string = ",";
  let bestScore = -1;
  for (const delimiter of DELIMITERS) {
    let score = 0;
    const widths = new Map<number, number>();
    for (const line of sample) {
      const cells = splitLine(line, delimiter);
      if (cells.length < 2) {
        // A line wholly in quotes holds the row within.
        const inner =
          cells.length === 1 && cells[0]!.includes(delimiter) ? splitLine(cells[0]!, delimiter) : cells;
        score += plausible(inner) * 0.9;
        continue;
      }
      score += plausible(cells);
      widths.set(cells.length, (widths.get(cells.length) ?? 0) + 1);
    }
    // Rows of one width speak for a delimiter, a little.
    const steady = Math.max(0, ...widths.values()) / Math.max(1, sample.length);
    const total = score + steady * 0.5;
    if (total > bestScore + 1e-9) {
      bestScore = total;
      best = delimiter;
    }
  }
  return best;
}

/** One line taken apart by itself; a quote left open ends with the line. */
export function splitLine(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    let start = at;
    while (line[start] === " ") start++;
    if (line[start] === '"') {
      let cell = "";
      let from = start + 1;
      let end = -1;
      for (;;) {
        const quote = line.indexOf('"', from);
        if (quote < 0) {
          cell += line.slice(from);
          end = line.length;
          break;
        }
        if (line[quote + 1] === '"') {
          cell += line.slice(from, quote + 1);
          from = quote + 2;
          continue;
        }
        let after = quote + 1;
        while (line[after] === " ") after++;
        if (after >= line.length || line[after] === delimiter) {
          cell += line.slice(from, quote);
          end = after;
          break;
        }
        // A quote within a field that was not doubled.
        cell += line.slice(from, quote + 1);
        from = quote + 1;
      }
      cells.push(cell);
      if (end >= line.length) return cells;
      at = end + 1;
      continue;
    }
    const next = line.indexOf(delimiter, at);
    if (next < 0) {
      cells.push(line.slice(at));
      return cells;
    }
    cells.push(line.slice(at, next));
    at = next + 1;
  }
}

function splitWith(text: string, delimiter: string, offset: number): SplitText {
  const lines = text.split("\n");
  let records: string[][];
  try {
    records = parse(text, {
      delimiter,
      record_delimiter: "\n",
      relax_quotes: true,
      relax_column_count: true,
      skip_records_with_error: true,
    }) as unknown as string[][];
  } catch (cause) {
    throw new TallyError(
      "STATEMENT_UNREADABLE",
      "The file cannot be taken apart as CSV. Download it again as CSV.",
      {
        cause,
      },
    );
  }
  const widths = new Map<number, number>();
  for (const record of records) widths.set(record.length, (widths.get(record.length) ?? 0) + 1);
  const usual = [...widths].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 1;

  const rows: Row[] = [];
  const repaired: number[] = [];
  const push = (line: number, whole: string[]) => {
    // A quote without its fellow at the edge of a cell is damage, not content.
    const cells = whole.map(tidyCell);
    if (cells.some((cell) => cell.trim() !== "")) rows.push({ line: line + offset, cells });
  };
  const byLine = (from: number, to: number) => {
    for (let line = from; line < to; line++) {
      push(line + 1, splitLine(lines[line]!, delimiter));
      if (lines[line]!.trim() !== "") repaired.push(line + 1 + offset);
    }
  };
  let next = 0;
  for (const record of records) {
    const ends = endOf(record, lines, next);
    if (ends - next > 1 && swallows(record, lines, next, ends, delimiter, usual)) byLine(next, ends);
    else push(next + 1, record);
    next = ends;
  }
  if (next < lines.length) byLine(next, lines.length);
  return { delimiter, rows, repaired };
}

/**
 * Quotes that are no content: one without its fellow at the edge, both of a cell whose inner ones were not doubled,
 * single ones round a text (ING Poland, ASN), a guard against spreadsheets (`="0012"`, `'0012`).
 */
function tidyCell(cell: string): string {
  if (!/["'=]/.test(cell)) return cell;
  return cell
    .replace(/^\s*="(.*)"\s*$/s, "$1")
    .replace(/^\s*"(.*)"\s*$/s, "$1")
    .replace(/^"([^"]*)$|^([^"]*)"$/s, "$1$2")
    .replace(/^\s*'(.*)'\s*$/s, "$1")
    .replace(/^'(?![st][- ])(?=[\p{L}\d*+-])(?!.*')/u, "");
}

/** Line after the last one of a record that begins at line `from`: a record has as many lines as breaks in its cells. */
function endOf(record: readonly string[], lines: readonly string[], from: number): number {
  let breaks = 0;
  for (const cell of record) {
    for (let at = cell.indexOf("\n"); at >= 0; at = cell.indexOf("\n", at + 1)) breaks++;
  }
  return Math.min(lines.length, from + breaks + 1);
}

/** Does a record of several lines hold rows that stand by themselves, so that a quote must have been left open? */
function swallows(
  record: readonly string[],
  lines: readonly string[],
  from: number,
  to: number,
  delimiter: string,
  usual: number,
): boolean {
  for (let line = from + 1; line < to; line++) {
    const width = splitLine(lines[line]!, delimiter).length;
    if (width === usual && usual > 2) return true;
  }
  return record.length !== usual && to - from > 20;
}
