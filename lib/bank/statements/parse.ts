import type { RowError } from "../port";
import { holdAgainst } from "./accounts";
import { balanceErrors } from "./balances";
import { decodeStatement } from "./decode";
import { readerFor, refuseBinary } from "./detect";
import type { ParsedStatement, ReaderOptions } from "./types";

/**
 * Read a statement file of any format: CAMT.052/053/054, MT940/942, OFX, QFX, QIF, CSV. The content decides what it
 * is. Rows that cannot be read, totals that do not tie and a file that was cut off become entries of `errors`; what
 * is good is kept. Statements of another account than `options.account` and rows in another currency than
 * `options.currency` are left out, with an entry each.
 *
 * @param content the file's bytes, or its text
 * @throws TallyError STATEMENT_UNREADABLE when nothing of the file can be read, saying what it is and what to do
 */
export function parseStatement(content: Uint8Array | string, options: ReaderOptions = {}): ParsedStatement {
  if (typeof content !== "string") refuseBinary(content);
  const text = decodeStatement(content);
  const parsed = readerFor(text, options.fileName).read(text, options);
  const checked = { ...parsed, errors: [...parsed.errors, ...balanceErrors(parsed)] };
  const held = holdAgainst(checked, options);
  return { ...held, errors: held.errors.slice().sort(byLine) };
}

function byLine(one: RowError, other: RowError): number {
  return (one.line ?? Number.MAX_SAFE_INTEGER) - (other.line ?? Number.MAX_SAFE_INTEGER);
}
