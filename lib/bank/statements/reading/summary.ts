import type { RowError } from "../../port";
import { unnamedAccounts } from "../accounts";
import { parseStatement } from "../parse";
import type { ReaderOptions } from "../types";

/** What a person is told of a statement that was taken. */
export interface StatementSummary {
  payments: number;
  /** How the file names its accounts, each once; none where nothing of it is of an account. */
  accounts: string[];
  /** Rows that cannot be read, the first ten. */
  errors: RowError[];
  errorsTotal: number;
}

const SHOWN_ERRORS = 10;

/** @throws TallyError STATEMENT_UNREADABLE when nothing of the file can be read */
export function summarise(content: Uint8Array | string, options: ReaderOptions): StatementSummary {
  const statement = parseStatement(content, options);
  const errors = [...statement.errors, ...unnamedAccounts(statement, options)];
  const names = statement.accounts.map(({ iban, id, name, currency }) => iban ?? id ?? name ?? currency);
  return {
    payments: statement.accounts.reduce((sum, { payments }) => sum + payments.length, 0),
    accounts: [...new Set(names)],
    errors: errors.slice(0, SHOWN_ERRORS),
    errorsTotal: errors.length,
  };
}
