import { currencyOfSign, lexAmount, markEvidence, toMoney } from "../fields/amounts";
import type { Accounts } from "./accounts";
import { isNegative } from "./columns";
import type { TableFacts } from "./facts";
import { amountCells, type Layout } from "./layout";
import { totalLine } from "./marks";
import type { Row } from "./rows";

/** An opening or closing balance that a line above, between or below the rows states with its only number. */
export function stateAside(row: Row, layout: Layout, facts: TableFacts, accounts: Accounts): void {
  const kind = row.cells.map((cell) => totalLine(cell)).find((found) => found !== undefined);
  if (kind !== "opening" && kind !== "closing") return;
  const numbers = row.cells.flatMap((cell) => lexAmount(cell.trim()) ?? []);
  const [number] = numbers;
  if (!number || numbers.length > 1) return;
  const currency = (number.currency && currencyOfSign(number.currency)) || facts.currency;
  const own = markEvidence(number.body);
  const mark = own === "." || own === "," ? own : facts.marks.get(amountCells(layout)[0] ?? -1);
  const money = toMoney(number, currency, mark);
  if (typeof money === "string" || money.rounded) return;
  accounts.state(kind, "", isNegative(number) && money.minor !== 0 ? -money.minor : money.minor, currency);
}
