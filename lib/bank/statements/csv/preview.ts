import { toTallyError } from "../../../values";
import type { RowError } from "../../port";
import { decodeStatement } from "../decode";
import type { CsvMapping, ReaderOptions, StatementPayment } from "../types";
import { csvColumns, csvReader, inferMapping, type CsvColumn } from "./reader";

/** What a person sees while making a mapping. */
export interface CsvPreview {
  /** The mapping that was given, or the proposal; absent when nothing could be proposed. */
  mapping?: CsvMapping;
  /** Name of the layout that is recognised by itself: no mapping is needed. */
  profile?: string;
  /** Of a proposal, 0 to 1. */
  confidence?: number;
  columns: CsvColumn[];
  /** The first payments as the mapping reads them. */
  payments: StatementPayment[];
  paymentsTotal: number;
  errors: RowError[];
  errorsTotal: number;
}

const SHOWN = 10;

/**
 * What the columns of a CSV file are and which payments a mapping makes of them. Without a mapping one is proposed;
 * where the file gives no hold for that, the columns are there for a person to choose from.
 * @throws TallyError STATEMENT_UNREADABLE when it has no columns; CONFIG_INVALID when the mapping names none of its
 *   columns for date or amount
 */
export function previewCsv(
  content: Uint8Array | string,
  options: ReaderOptions & { mapping?: CsvMapping } = {},
): CsvPreview {
  const text = decodeStatement(content);
  const { mapping: given, ...rest } = options;
  if (given) return { mapping: given, ...read(text, rest, given) };
  try {
    const { mapping, profile, confidence } = inferMapping(text, rest);
    // What has a profile is read with it: a mapping cannot say all that a profile says.
    return {
      mapping,
      confidence,
      ...(profile ? { profile } : {}),
      ...read(text, rest, profile ? undefined : mapping),
    };
  } catch (thrown) {
    const error = toTallyError(thrown);
    const columns = csvColumns(text);
    if (error.code !== "STATEMENT_UNREADABLE" || columns.length < 2) throw thrown;
    return { columns, payments: [], paymentsTotal: 0, errors: [{ reason: error.message }], errorsTotal: 1 };
  }
}

function read(
  text: string,
  options: ReaderOptions,
  mapping: CsvMapping | undefined,
): Pick<CsvPreview, "columns" | "payments" | "paymentsTotal" | "errors" | "errorsTotal"> {
  const { accounts, errors } = csvReader.read(text, { ...options, ...(mapping ? { mapping } : {}) });
  const payments = accounts.flatMap((account) => account.payments);
  return {
    columns: csvColumns(text, mapping),
    payments: payments.slice(0, SHOWN),
    paymentsTotal: payments.length,
    errors: errors.slice(0, SHOWN),
    errorsTotal: errors.length,
  };
}
