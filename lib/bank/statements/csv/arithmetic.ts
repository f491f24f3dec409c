import { decideMark, lexAmount, toMoney, type Mark } from "../fields/amounts";
import { isNegative } from "./columns";
import type { Row } from "./rows";
import { checkRunning, type Running } from "./running";

/** Does the row have an amount other than zero in the column? */
export function fullAmount(row: Row, column: number): boolean {
  const amount = lexAmount((row.cells[column] ?? "").trim());
  return amount !== undefined && /[1-9]/.test(amount.body);
}

/** The running balance of the sample, in hundredths, for the sake of finding columns. */
export function runningOf(rows: readonly Row[], amount: number, balance: number, fee?: number): Running {
  const columns = fee === undefined ? [amount, balance] : [amount, balance, fee];
  const marks = new Map(columns.map((column) => [column, markOf(rows, column)]));
  const read = (row: Row, column: number): number | undefined => {
    const lexed = lexAmount((row.cells[column] ?? "").trim());
    if (!lexed) return undefined;
    const money = toMoney(lexed, "TND", marks.get(column));
    return typeof money === "string" ? undefined : isNegative(lexed) ? -money.minor : money.minor;
  };
  return checkRunning(
    rows.slice(0, 3000).map((row) => {
      const value = read(row, amount);
      const off = fee === undefined ? undefined : read(row, fee);
      const total = value === undefined && off === undefined ? undefined : (value ?? 0) - (off ?? 0);
      return { amount: total, balance: read(row, balance) };
    }),
  );
}

function markOf(rows: readonly Row[], column: number): Mark | undefined {
  const bodies: string[] = [];
  for (const row of rows) {
    const lexed = lexAmount((row.cells[column] ?? "").trim());
    if (lexed) bodies.push(lexed.body);
  }
  return decideMark(bodies).mark;
}
