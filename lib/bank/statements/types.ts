import type { CalendarDate, Instant } from "../../values";
import type { Party } from "../../store";
import type { RowError } from "../port";

/** What a statement reader returns: the file in Tallyflow's terms, whatever its format. */

export type StatementFormat =
  "camt.052" | "camt.053" | "camt.054" | "mt940" | "mt942" | "ofx" | "qfx" | "qif" | "csv";

export interface StatementPayment {
  date: CalendarDate;
  valueDate?: CalendarDate;
  instant?: Instant;
  /** Minor units; negative when money leaves the account. */
  amount: number;
  currency: string;
  original?: { amount: number; currency: string };
  status: "booked" | "pending";
  counterparty?: Party;
  description: string;
  type?: string;
  /** The bank's own id of the row, where it gives one that is stable (FITID, AcctSvcrRef, bunq's id, ...). */
  bankId?: string;
  /** End-to-end or customer reference. */
  reference?: string;
  mandateId?: string;
  creditorId?: string;
  balanceAfter?: number;
  /** Category named in the file (QIF `L`, some CSV exports). */
  category?: string;
  /** 1-based line where the row begins. */
  line?: number;
  /** The row as the file has it: field name or tag -> text. */
  raw: Record<string, string>;
}

export interface StatementBalance {
  amount: number;
  currency: string;
  date?: CalendarDate;
}

export interface StatementAccount {
  iban?: string;
  /** Account number that is no IBAN, card number, or what else names the account in the file. */
  id?: string;
  bic?: string;
  name?: string;
  currency: string;
  /** Statement number or id, where the file has one. */
  statementId?: string;
  openingBalance?: StatementBalance;
  closingBalance?: StatementBalance;
  /** The closing balance is that of a moment (a report during the day): the rows need not add up to it. */
  interim?: boolean;
  payments: StatementPayment[];
}

export interface ParsedStatement {
  format: StatementFormat;
  /** Name of the CSV profile or dialect that was recognised. */
  profile?: string;
  /** One entry for each statement in the file; several may be of one account. */
  accounts: StatementAccount[];
  /** Rows that could not be read and totals that do not tie, by line with a reason. */
  errors: RowError[];
}

export interface ReaderOptions {
  /** The file's name, a hint only: content decides. */
  fileName?: string;
  /** Currency for formats that do not state one (CSV, QIF). */
  currency?: string;
  /** Account for formats that do not name one: an IBAN or a number. */
  account?: string;
  /** CSV mapping for a bank without a profile. */
  mapping?: CsvMapping;
  /** Order of day and month where the file does not tell (QIF, some CSV). */
  dayFirst?: boolean;
}

/** How the columns of a bank's CSV file map to a payment. Columns are header names or 0-based numbers. */
export interface CsvMapping {
  delimiter?: "," | ";" | "\t" | "|";
  /** Lines to skip before the header (or the first row). */
  skip?: number;
  header?: boolean;
  date: string | number;
  /** For example `DD-MM-YYYY`, `YYYYMMDD`, `MM/DD/YY`; found from the rows when absent. */
  dateFormat?: string;
  valueDate?: string | number;
  /** One signed column, ... */
  amount?: string | number;
  /** ... or one with amounts and one with a mark of direction, ... */
  direction?: { column: string | number; out: string };
  /** ... or one for each direction. */
  amountIn?: string | number;
  amountOut?: string | number;
  decimal?: "." | ",";
  /** Turn the sign round (credit cards that list spending as positive). */
  negate?: boolean;
  currency?: string | number;
  account?: string | number;
  counterparty?: string | number;
  counterpartyAccount?: string | number;
  description?: (string | number)[];
  type?: string | number;
  reference?: string | number;
  bankId?: string | number;
  balanceAfter?: string | number;
  category?: string | number;
}

/**
 * A reader of one format. It never throws for a bad row: that becomes an entry of `errors`.
 * @throws TallyError STATEMENT_UNREADABLE when nothing of the file can be read, with what to do
 */
export interface StatementReader {
  /** How sure, 0 to 1, that this is a file of the reader's format, judged by the content. */
  detect(text: string, fileName?: string): number;
  read(text: string, options: ReaderOptions): ParsedStatement;
}
