import type { StatementPayment } from "../types";
import type { Layout } from "./layout";
import type { Row } from "./rows";
import { normaliseHeader } from "./words";

/** A bank whose file says more than words and content tell: fixed formats, marks of state, structured texts. */
export interface CsvProfile {
  name: string;
  /** Header words that must all be there; any one of the lists suffices. */
  headers: readonly (readonly string[])[];
  /** For files without header: is this row one of the bank's? */
  rowFits?(cells: readonly string[]): boolean;
  /** Columns by header words (or numbers, without header), the first found counts. */
  columns: ProfileColumns;
  /** What needs no finding out. */
  fixed?: Partial<Layout>;
  /** Money of a row where it is more than one column; a text says why there is none. */
  money?(
    cell: CellOf,
    amount: (text: string, currency: string) => number | string,
  ): { amount: number; currency: string } | string;
  /** Completes a payment from the bank's own texts. */
  finish?(payment: StatementPayment, cell: CellOf): void;
}

/** The cell under the first of these header words that the file has, trimmed; blank when there is none. */
export type CellOf = (...names: string[]) => string;

type Column = string | number;
type ColumnKey = Exclude<
  keyof Layout,
  | "description"
  | "out"
  | "signFromBalance"
  | "negate"
  | "bareIsOut"
  | "balanceIsBefore"
  | "fixedCurrency"
  | "dateFormat"
  | "dayFirst"
  | "decimal"
>;
export type ProfileColumns = { [K in ColumnKey]?: readonly Column[] } & {
  date: readonly Column[];
  description: readonly Column[];
};

/** The layout of a profile over a file's header; undefined when its date or amount is missing. */
export function layoutOfProfile(
  profile: CsvProfile,
  header: readonly string[] | undefined,
): Layout | undefined {
  const names = (header ?? []).map(normaliseHeader);
  const find = (columns: readonly Column[]): number | undefined => {
    for (const column of columns) {
      if (typeof column === "number") return column;
      const at = names.indexOf(normaliseHeader(column));
      if (at >= 0) return at;
    }
    return undefined;
  };
  const { description, ...rest } = profile.columns;
  const date = find(rest.date);
  if (date === undefined) return undefined;
  const layout: Layout = {
    date,
    description: description.map((column) => find([column])).filter((column) => column !== undefined),
  };
  for (const [key, columns] of Object.entries(rest) as [ColumnKey, readonly Column[]][]) {
    const column = find(columns);
    if (column !== undefined) layout[key] = column;
  }
  return { ...layout, ...profile.fixed };
}

/** The profile whose words (or row form) the table bears. */
export function findProfile(
  profiles: readonly CsvProfile[],
  header: readonly string[] | undefined,
  rows: readonly Row[],
): CsvProfile | undefined {
  if (header) {
    const names = new Set(header.map(normaliseHeader));
    return profiles.find(({ headers }) =>
      headers.some((list) => list.every((word) => names.has(normaliseHeader(word)))),
    );
  }
  const sample = rows.slice(0, 50);
  return profiles.find(
    ({ rowFits }) =>
      rowFits &&
      sample.length > 0 &&
      sample.filter((row) => rowFits(row.cells)).length >= sample.length * 0.8,
  );
}
