import { TallyError } from "../../../values";
import type { RowError } from "../../port";
import type { CsvMapping, ParsedStatement, ReaderOptions, StatementPayment, StatementReader } from "../types";
import { looksLikePayment } from "./columns";
import { inferLayout } from "./infer";
import { layoutOfMapping, mappingOfLayout, type Inference, type Table } from "./layout";
import { findProfile, layoutOfProfile, type CsvProfile } from "./profile";
import { profiles } from "./profiles";
import { readTable } from "./read";
import { normaliseLines, splitText, type SplitText } from "./rows";
import { findTables } from "./tables";
import { completeDates } from "./undated";

/** CSV of any bank: by a mapping, by a profile, or by inference from words and content. */
export const csvReader: StatementReader = { detect, read };

/** A column of a CSV file, to choose from. */
export interface CsvColumn {
  /** How a mapping names it: by its header where that stands once, else by its 0-based number. */
  column: string | number;
  label: string;
  /** The first cells that are not empty. */
  sample: string[];
}

/** What the mapping form of the editor starts from. */
export interface MappingProposal {
  mapping: CsvMapping;
  /** Name of the profile that reads the file anyway. */
  profile?: string;
  /** 0 to 1. */
  confidence: number;
  /** The first payments as they would be read. */
  sample: StatementPayment[];
}

function detect(text: string): number {
  const head = text.slice(0, 65536);
  if (isOther(head)) return 0;
  const body = normaliseLines(head);
  if (!/[;,\t|]/.test(body)) return 0;
  const split = splitText(body, undefined, looksLikePayment);
  const rows = split.rows.filter((row) => row.cells.length > 1);
  const payments = rows.filter((row) => looksLikePayment(row.cells) > 0).length;
  const tables = findTables(split.rows);
  for (const table of tables) completeDates(table, split.rows, undefined);
  const header = tables.some(
    (table) => table.header && findProfile(profiles, table.header.cells, table.rows),
  );
  if (header) return 0.5;
  if (payments === 0)
    return tables.some((table) => isEmpty(table) || (table.header && inferLayout(table))) ? 0.2 : 0;
  return payments >= rows.length * 0.4 ? 0.4 : 0.3;
}

/** Names of columns with nothing below them: a statement of a period without payments. */
function isEmpty(table: Table): boolean {
  return table.header !== undefined && table.rows.length === 0;
}

/** Statements have one table, or a few; a file that has names of columns all over is none. */
const MOST_TABLES = 500;

/** Signs of other formats, of programs' files and of pages. */
function isOther(head: string): boolean {
  const start = head.replace(/^\ufeff/, "").trimStart();
  if (start === "" || head.includes("\u0000")) return true;
  if (/^(?:<|\{|\[|%PDF|PK\u0003|OFXHEADER|!(?:Type|Account|Option|Clear)\b|\u00d0\u00cf)/i.test(start))
    return true;
  if (/<(?:html|table|OFX|Document)\b/i.test(head)) return true;
  return (head.match(/^:\d{2}[A-Z]?:/gm) ?? []).length >= 2;
}

/**
 * @throws TallyError STATEMENT_UNREADABLE when neither a date nor an amount can be found in the file; CONFIG_INVALID when
 *   the mapping names a column that the file does not have
 */
function read(text: string, options: ReaderOptions): ParsedStatement {
  if (isOther(text.slice(0, 65536))) throw unreadable("It is empty, or a file of another kind.");
  const errors: RowError[] = [];
  const result: ParsedStatement = { format: "csv", accounts: [], errors };
  if (options.mapping) {
    const { split, table } = tableOfMapping(normaliseLines(text), options.mapping);
    reportRepairs(split, errors);
    const layout = layoutOfMapping(options.mapping, table.header?.cells);
    if (!layout.dateFormat) {
      for (const note of completeDates(table, split.rows, options.fileName)) errors.push({ reason: note });
    }
    result.accounts = readTable(table, layout, undefined, options, errors);
    return finish(result);
  }
  const split = splitText(normaliseLines(text), undefined, looksLikePayment);
  reportRepairs(split, errors);
  const tables = findTables(split.rows);
  if (tables.length > MOST_TABLES) {
    const first = tables[MOST_TABLES]!.rows[0] ?? tables[MOST_TABLES]!.header;
    errors.push({
      ...(first ? { line: first.line } : {}),
      reason: `The file holds more than ${MOST_TABLES} tables; those from this line on were left out.`,
    });
  }
  tables.slice(0, MOST_TABLES).forEach((table, index) => {
    for (const note of completeDates(table, split.rows, options.fileName)) errors.push({ reason: note });
    const found = understand(table);
    const next = tables[index + 1];
    if (!found && next && table.rows.length <= 3) {
      // What the statement is about, laid out as a table of its own.
      next.preamble.unshift(...table.preamble, ...(table.header ? [table.header] : []), ...table.rows);
      return;
    }
    if (!found && tables.length === 1 && isEmpty(table)) {
      errors.push({ reason: "The file has names of columns but no rows below them: it holds no payments." });
      return;
    }
    if (!found) {
      if (tables.length === 1)
        throw unreadable("No column with dates and no column with amounts could be found.");
      errors.push({
        ...(table.rows[0] ? { line: table.rows[0].line } : {}),
        reason: "A part of the file has no dates and amounts that can be found; it was left out.",
      });
      return;
    }
    if (found.profile) result.profile ??= found.profile.name;
    for (const note of found.notes) errors.push({ reason: note });
    const accounts = readTable(table, found.layout, found.profile, options, errors);
    const title = tables.length > 1 ? titleOf(table) : undefined;
    for (const account of accounts) {
      if (title && !account.name) account.name = title;
      if (account.payments.length > 0 || tables.length === 1) result.accounts.push(account);
    }
  });
  return finish(result);
}

function finish(result: ParsedStatement): ParsedStatement {
  result.errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return result;
}

function unreadable(why: string): TallyError {
  return new TallyError(
    "STATEMENT_UNREADABLE",
    `The file could not be read as CSV. ${why} Download it again from the bank as CSV, or set a mapping of its columns.`,
  );
}

function reportRepairs(split: SplitText, errors: RowError[]): void {
  const first = split.repaired[0];
  if (first === undefined) return;
  errors.push({
    line: first,
    reason: `A quote is left open from this line on; ${split.repaired.length} lines were read one by one. Check the payments of those lines.`,
  });
}

/** The last short line above a table names it (comdirect's "Umsätze Girokonto"). */
function titleOf(table: Table): string | undefined {
  return table.preamble.find((row) => /\p{L}{3}/u.test(row.cells[0] ?? ""))?.cells[0]?.trim();
}

function understand(table: Table): (Inference & { profile?: CsvProfile }) | undefined {
  const profile = findProfile(profiles, table.header?.cells, table.rows);
  const layout = profile && layoutOfProfile(profile, table.header?.cells);
  if (profile && layout) return { layout, confidence: 1, notes: [], profile };
  return inferLayout(table);
}

function tableOfMapping(text: string, mapping: CsvMapping): { split: SplitText; table: Table } {
  const split = splitText(text, mapping.delimiter, looksLikePayment);
  const skip = mapping.skip ?? 0;
  const from = split.rows.findIndex((row) => row.line > skip);
  const rows = from < 0 ? [] : split.rows.slice(from);
  const preamble = from < 0 ? split.rows : split.rows.slice(0, from);
  const named = [mapping.date, mapping.amount, mapping.amountIn, mapping.amountOut].some(
    (name) => typeof name === "string",
  );
  if (mapping.header ?? named)
    return { split, table: { preamble, ...(rows[0] ? { header: rows[0] } : {}), rows: rows.slice(1) } };
  return { split, table: { preamble, rows } };
}

/**
 * Propose a mapping for a file, for the mapping form: what the columns seem to be, how sure that is, and the first
 * payments read with it.
 * @throws TallyError STATEMENT_UNREADABLE when neither a date nor an amount can be found in the file
 */
export function inferMapping(text: string, options: ReaderOptions = {}): MappingProposal {
  if (isOther(text.slice(0, 65536))) throw unreadable("It is empty, or a file of another kind.");
  const split = splitText(normaliseLines(text), undefined, looksLikePayment);
  const tables = findTables(split.rows);
  for (const one of tables) completeDates(one, split.rows, options.fileName);
  const table = tables.find((one) => one.rows.some((row) => looksLikePayment(row.cells) > 0)) ?? tables[0];
  const found = table && understand(table);
  if (!table || !found) throw unreadable("No column with dates and no column with amounts could be found.");
  const begin = table.header?.line ?? table.rows[0]?.line ?? 1;
  const mapping = mappingOfLayout(found.layout, table, split.delimiter, begin - 1);
  const accounts = readTable(
    { ...table, rows: table.rows.slice(0, 200) },
    found.layout,
    found.profile,
    options,
    [],
  );
  const sample = accounts.flatMap((account) => account.payments).slice(0, 5);
  const proposal: MappingProposal = { mapping, confidence: found.confidence, sample };
  if (found.profile) proposal.profile = found.profile.name;
  return proposal;
}

const SAMPLE_CELLS = 3;

/** The columns of a CSV file: of the table that a mapping points at, or of the one that looks most like payments. */
export function csvColumns(text: string, mapping?: CsvMapping): CsvColumn[] {
  const table = mapping ? tableOfMapping(normaliseLines(text), mapping).table : likelyTable(text);
  if (!table) return [];
  const header = table.header?.cells.map((cell) => cell.trim()) ?? [];
  const rows = table.rows.slice(0, 200);
  const width = Math.max(header.length, ...rows.map((row) => row.cells.length));
  return Array.from({ length: width }, (_, at) => {
    const name = header[at];
    const once = name && header.indexOf(name) === header.lastIndexOf(name);
    const cells = rows.map((row) => row.cells[at]?.trim() ?? "").filter((cell) => cell !== "");
    return {
      column: once ? name : at,
      label: name ? (once ? name : `${name} (${at + 1})`) : String(at + 1),
      sample: [...new Set(cells)].slice(0, SAMPLE_CELLS),
    };
  });
}

function likelyTable(text: string): Table | undefined {
  const tables = findTables(splitText(normaliseLines(text), undefined, looksLikePayment).rows);
  return tables.find((one) => one.rows.some((row) => looksLikePayment(row.cells) > 0)) ?? tables[0];
}
