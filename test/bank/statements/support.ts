import { readFileSync } from "node:fs";
import path from "node:path";
import type { ParsedStatement, StatementPayment } from "../../../lib/bank/statements";

const fixtures = path.resolve(__dirname, "../../../../test/fixtures/statements");

/** Path of a statement of the project's own. */
export function fixture(name: string): string {
  return path.join(fixtures, name);
}

export function fixtureText(name: string): string {
  return readFileSync(fixture(name), "utf8");
}

/** All payments of a file, without the raw row. */
export function rows(statement: ParsedStatement): Omit<StatementPayment, "raw">[] {
  return statement.accounts.flatMap(({ payments }) => payments.map(({ raw: _raw, ...row }) => row));
}
