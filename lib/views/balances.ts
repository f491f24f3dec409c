import { lastBalanceCheck, type BalanceCheck, type BalanceRow } from "../balance";
import { budgetIds } from "../store";
import { formatAmount, type Instant } from "../values";
import { offsetOf } from "./read";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** What the last balance check found; the check itself is a step of its own. */

/** One row for each mapped account: what bank and budget have, what is on its way, and where they part. */
export async function readBalances(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const rows: Row[] = [];
  for await (const { budgetId, at, account } of checks(sources, request)) {
    const { currency, difference } = account;
    const text = (amount: number | undefined) =>
      amount === undefined ? null : formatAmount(amount, currency);
    rows.push({
      id: account.bankAccountId,
      budgetId,
      checkedAt: at,
      name: account.name,
      currency,
      state: account.state,
      bankBalance: account.bankBalance ?? null,
      bankText: text(account.bankBalance),
      bankBalanceAt: account.bankBalanceAt ?? null,
      budgetBalance: account.budgetBalance ?? null,
      budgetText: text(account.budgetBalance),
      onItsWay: account.onItsWay ?? null,
      onItsWayText: text(account.onItsWay),
      difference: difference?.amount ?? null,
      differenceText: text(difference?.amount),
      date: difference?.date ?? null,
      rows: difference
        ? difference.onlyAtBank.length + difference.onlyInBudget.length + difference.unequal.length
        : 0,
      message: account.message,
    });
  }
  return pageOf(rows, request);
}

/** The rows of the day on which bank and budget part, of all accounts or of one: on which side, and what the other has. */
export async function readDifferences(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const rows: Row[] = [];
  for await (const { account } of checks(sources, request)) {
    const { difference, currency } = account;
    if (!difference) continue;
    const add = (side: "bank" | "budget" | "both", row: BalanceRow, inBudget: number | null) =>
      rows.push({
        id: `${account.bankAccountId}|${side}|${row.id}`,
        accountId: account.bankAccountId,
        name: account.name,
        side,
        date: row.date,
        text: row.text,
        currency,
        bankText: side === "budget" ? null : formatAmount(row.amount, currency),
        budgetText: inBudget === null ? null : formatAmount(inBudget, currency),
      });
    for (const row of difference.onlyAtBank) add("bank", row, null);
    for (const row of difference.onlyInBudget) add("budget", row, row.amount);
    for (const { payment, transaction } of difference.unequal) add("both", payment, transaction.amount);
  }
  return pageOf(rows, request);
}

async function* checks(
  { store }: Sources,
  request: ViewRequest,
): AsyncIterable<{ budgetId: string; at: Instant; account: BalanceCheck }> {
  for (const budgetId of await budgetIds(store, request.budgetId)) {
    const last = await lastBalanceCheck(store, budgetId);
    if (!last) continue;
    for (const account of last.accounts)
      if (request.accountId === undefined || account.bankAccountId === request.accountId)
        yield { budgetId, at: last.at, account };
  }
}

/** A page of rows that are all there; its token is how many came before. */
function pageOf(rows: readonly Row[], { limit, after }: ViewRequest): PageOfRows {
  const from = offsetOf(after);
  return {
    rows: rows.slice(from, from + limit),
    ...(from + limit < rows.length ? { next: String(from + limit) } : {}),
  };
}
