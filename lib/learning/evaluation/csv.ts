import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { currencyExponent, isCalendarDate, TallyError } from "../../values";
import type { LabelledExample } from "../types";

const FIELDS = [
  "text",
  "label",
  "date",
  "amount",
  "account",
  "context",
  "description",
  "type",
  "currency",
  "counterpartyAccount",
] as const;
type Field = (typeof FIELDS)[number];

/** Which columns of a file give a field; several (context, description) are joined in this order. */
export type ColumnMap = Partial<Record<Field, string[]>>;

/**
 * Read `text=merchant,label=category,context=cost_centre+directorate`.
 * @throws TallyError CONFIG_INVALID for an unknown field or when `text`, `label`, `date` or `amount` is not mapped
 */
export function parseColumnMap(text: string): ColumnMap {
  const map: ColumnMap = {};
  for (const part of text.split(",")) {
    const [field, columns] = part.split("=", 2).map((side) => side.trim());
    if (!FIELDS.includes(field as Field) || !columns) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${part.slice(0, 60)}" is not a mapping. Write field=column with a field of: ${FIELDS.join(", ")}.`,
      );
    }
    map[field as Field] = columns.split("+");
  }
  for (const needed of ["text", "label", "date", "amount"] as const) {
    if (!map[needed])
      throw new TallyError("CONFIG_INVALID", `No column is mapped to "${needed}". Add ${needed}=<column>.`);
  }
  return map;
}

/**
 * Labelled rows of a CSV file with a header, in the order of time (rows of one day in the file's order).
 * Rows without a label, a date or an amount are left out and counted.
 *
 * @throws TallyError CONFIG_INVALID when the file cannot be read or has no such column
 */
export function readLabelledCsv(path: string, map: ColumnMap): { rows: LabelledExample[]; skipped: number } {
  let records: Record<string, string>[];
  try {
    records = parse(readFileSync(path), {
      columns: true,
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
    });
  } catch (cause) {
    throw new TallyError("CONFIG_INVALID", `${path} cannot be read as CSV: ${(cause as Error).message}`, {
      cause,
    });
  }
  const header = records[0] ? Object.keys(records[0]) : [];
  for (const column of Object.values(map).flat()) {
    if (records.length > 0 && !header.includes(column)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `${path} has no column "${column}". It has: ${header.join(", ")}.`,
      );
    }
  }
  const rows: LabelledExample[] = [];
  for (const [i, record] of records.entries()) {
    const value = (field: Field) => (map[field] ?? []).map((column) => record[column] ?? "").join(" ");
    const date = value("date").slice(0, 10);
    const currency = value("currency") || "EUR";
    const amount = Math.round(
      Number(value("amount").replace(/[\s,]/g, "")) * 10 ** currencyExponent(currency),
    );
    const label = value("label");
    if (label === "" || !isCalendarDate(date) || !Number.isSafeInteger(amount)) continue;
    const counterpartyAccount = value("counterpartyAccount");
    const type = value("type");
    rows.push({
      id: `row:${i + 1}`,
      text: value("text"),
      description: value("description"),
      account: value("account"),
      amount,
      currency,
      date,
      label,
      ...(counterpartyAccount && { counterpartyAccount }),
      ...(type && { type }),
      ...(map.context && { context: map.context.map((column) => record[column] ?? "") }),
    });
  }
  rows.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  return { rows, skipped: records.length - rows.length };
}
