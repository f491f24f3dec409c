import { formatAmount } from "../../values";
import type { RowError } from "../port";
import type { ParsedStatement, StatementAccount } from "./types";

/**
 * Do the rows lead from the opening to the closing balance? One entry for each statement where both balances are
 * stated and opening + booked rows is not the closing balance, saying by how much. Pending rows do not count. A
 * statement marked `interim` is left alone: its closing balance is that of a moment.
 */
export function balanceErrors(statement: ParsedStatement): RowError[] {
  const errors: RowError[] = [];
  for (const account of statement.accounts) {
    const reason = mismatch(account);
    const line = account.payments[account.payments.length - 1]?.line;
    if (reason) errors.push({ ...(line === undefined ? {} : { line }), reason });
  }
  return errors;
}

function mismatch(account: StatementAccount): string | undefined {
  const { openingBalance: opening, closingBalance: closing } = account;
  if (!opening || !closing || account.interim) return undefined;
  const number = account.statementId ? ` ${account.statementId.slice(0, 40)}` : "";
  const name = `Statement${number} of ${(account.iban ?? account.id ?? "an unnamed account").slice(0, 60)}`;
  const currencies = new Set([opening.currency, closing.currency]);
  let sum = 0;
  for (const payment of account.payments) {
    if (payment.status !== "booked") continue;
    currencies.add(payment.currency);
    sum += payment.amount;
  }
  if (currencies.size > 1) {
    return `${name}: balances and rows are in different currencies (${[...currencies].join(", ")}), so the total cannot be checked.`;
  }
  const off = closing.amount - (opening.amount + sum);
  if (off === 0) return undefined;
  const money = (amount: number) => `${formatAmount(amount, closing.currency)} ${closing.currency}`;
  return (
    `${name}: opening balance ${money(opening.amount)} and rows of ${money(sum)} make ` +
    `${money(opening.amount + sum)}, but the closing balance is ${money(closing.amount)}: it is off by ${money(off)}. ` +
    "A row may be missing or wrong; compare with the bank."
  );
}
