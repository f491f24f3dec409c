import { TallyError } from "../../../values";
import type { Mark } from "../fields/amounts";
import type { CsvMapping } from "../types";
import { directionOf } from "./marks";
import type { Row } from "./rows";
import { normaliseHeader } from "./words";

/** A part of the file with one header (or none) and the rows below it. */
export interface Table {
  /** Lines above the header that belong to this part. */
  preamble: Row[];
  header?: Row;
  rows: Row[];
}

/** Which column is what, and how its cells are written. Columns are 0-based numbers. */
export interface Layout {
  date: number;
  /** Taken where the cell of `date` is blank (pending rows). */
  dateFallback?: number;
  valueDate?: number;
  amount?: number;
  amountIn?: number;
  amountOut?: number;
  direction?: number;
  /** Text in `direction` that means money went out; without it the common marks count. */
  out?: string;
  /** Amounts have no sign and no mark: the running balance tells each row's direction. */
  signFromBalance?: boolean;
  negate?: boolean;
  /** Amounts without sign are money out; those with a plus or CR are money in. */
  bareIsOut?: boolean;
  /** Column taken off the amount (Revolut's fee). */
  fee?: number;
  currency?: number;
  /** Currency of all rows where no column holds one. */
  fixedCurrency?: string;
  account?: number;
  accountName?: number;
  counterparty?: number;
  /** Names of both sides; the one that counts depends on the direction. */
  payer?: number;
  payee?: number;
  counterpartyAccount?: number;
  counterpartyBic?: number;
  description: number[];
  type?: number;
  reference?: number;
  bankId?: number;
  mandateId?: number;
  creditorId?: number;
  balanceAfter?: number;
  /** The column `balanceAfter` holds the balance before each payment (ASN). */
  balanceIsBefore?: boolean;
  category?: number;
  status?: number;
  originalAmount?: number;
  originalCurrency?: number;
  dateFormat?: string;
  dayFirst?: boolean;
  decimal?: Mark;
}

/** The columns with the money of a payment. */
export function amountCells(layout: Layout): number[] {
  return [layout.amount, layout.amountIn, layout.amountOut].filter((column) => column !== undefined);
}

/** Texts that say what had to be assumed, for `errors`. */
export interface Inference {
  layout: Layout;
  /** 0 to 1. */
  confidence: number;
  notes: string[];
}

/**
 * A user's mapping as a layout.
 * @throws TallyError CONFIG_INVALID when a column it names is not there, or it names no amount
 */
export function layoutOfMapping(mapping: CsvMapping, header: readonly string[] | undefined): Layout {
  const column = (name: string | number | undefined, what: string): number | undefined => {
    if (name === undefined || name === "") return undefined;
    if (typeof name === "number") return name;
    const exact = header?.findIndex((cell) => cell.trim() === name.trim()) ?? -1;
    if (exact >= 0) return exact;
    const like = header?.findIndex((cell) => normaliseHeader(cell) === normaliseHeader(name)) ?? -1;
    if (like >= 0) return like;
    if (/^\d+$/.test(name)) return Number(name);
    throw new TallyError(
      "CONFIG_INVALID",
      `The CSV mapping names the column "${name}" for ${what}, but the file has no such column. Its columns are: ${(header ?? []).join(", ").slice(0, 300) || "without names"}.`,
    );
  };
  const layout: Layout = {
    date: column(mapping.date, "the date") ?? 0,
    description: (mapping.description ?? []).map((name) => column(name, "the description")!),
  };
  const set = <K extends keyof Layout>(key: K, value: Layout[K] | undefined) => {
    if (value !== undefined) layout[key] = value;
  };
  set("valueDate", column(mapping.valueDate, "the value date"));
  set("amount", column(mapping.amount, "the amount"));
  set("amountIn", column(mapping.amountIn, "money in"));
  set("amountOut", column(mapping.amountOut, "money out"));
  set("direction", column(mapping.direction?.column, "the direction"));
  set("out", mapping.direction?.out);
  set("negate", mapping.negate);
  set("currency", column(mapping.currency, "the currency"));
  set("account", column(mapping.account, "the account"));
  set("counterparty", column(mapping.counterparty, "the counterparty"));
  set("counterpartyAccount", column(mapping.counterpartyAccount, "the counterparty's account"));
  set("type", column(mapping.type, "the type"));
  set("reference", column(mapping.reference, "the reference"));
  set("bankId", column(mapping.bankId, "the bank's id"));
  set("balanceAfter", column(mapping.balanceAfter, "the balance"));
  set("category", column(mapping.category, "the category"));
  set("dateFormat", mapping.dateFormat);
  set("decimal", mapping.decimal);
  if (layout.amount === undefined && layout.amountIn === undefined && layout.amountOut === undefined) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The CSV mapping names no column for the amount. Set amount, amountIn or amountOut.",
    );
  }
  return layout;
}

/** A layout as a mapping for the editor: columns by name where the file has names that occur once. */
export function mappingOfLayout(layout: Layout, table: Table, delimiter: string, skip: number): CsvMapping {
  const header = table.header?.cells.map((cell) => cell.trim());
  const name = (column: number): string | number => {
    const text = header?.[column];
    return text && header.indexOf(text) === header.lastIndexOf(text) ? text : column;
  };
  const mapping: CsvMapping = {
    delimiter: delimiter as NonNullable<CsvMapping["delimiter"]>,
    skip,
    header: header !== undefined,
    date: name(layout.date),
  };
  const keys = [
    "valueDate",
    "amount",
    "amountIn",
    "amountOut",
    "currency",
    "account",
    "counterparty",
    "counterpartyAccount",
    "type",
    "reference",
    "bankId",
    "balanceAfter",
    "category",
  ] as const;
  for (const key of keys) {
    const column = layout[key];
    if (column !== undefined) mapping[key] = name(column);
  }
  if (layout.direction !== undefined) {
    const column = layout.direction;
    const out =
      layout.out ??
      table.rows.map((row) => (row.cells[column] ?? "").trim()).find((cell) => directionOf(cell) === "out");
    mapping.direction = { column: name(column), out: out ?? "D" };
  }
  if (layout.description.length > 0) mapping.description = layout.description.map(name);
  if (layout.dateFormat) mapping.dateFormat = layout.dateFormat;
  if (layout.decimal) mapping.decimal = layout.decimal;
  if (layout.negate || layout.bareIsOut) mapping.negate = true;
  return mapping;
}
