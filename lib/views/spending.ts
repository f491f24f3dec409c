import { formatAmount } from "../values";
import { categoryOf, type Standing } from "./payments";
import { categoryNames } from "./read";
import { isOwnTransfer, recentPayments } from "./recent";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** Sums over recent payments; transfers between own accounts are neither income nor spending. */

interface Sum {
  categoryId: string | null;
  currency: string;
  amount: number;
  payments: number;
}

/**
 * Net amount by category and currency over recent payments, the most spent first. Negative: money went out. A refund
 * lowers what its category spent. Payments without a category are one row with `category` null.
 */
export async function readSpending({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const sums = new Map<string, Sum>();
  for await (const { payment, standing } of recentPayments(store, request)) {
    if (isOwnTransfer(standing)) continue;
    for (const part of partsOf(payment.amount, standing)) {
      const key = `${payment.currency}|${part.categoryId ?? ""}`;
      const sum = sums.get(key) ?? {
        categoryId: part.categoryId,
        currency: payment.currency,
        amount: 0,
        payments: 0,
      };
      sum.amount += part.amount;
      sum.payments++;
      sums.set(key, sum);
    }
  }
  const names = await categoryNames(store, [...sums.values()]);
  const rows = [...sums.values()].map((sum): Row => {
    const category = sum.categoryId ? names.get(sum.categoryId) : undefined;
    return {
      categoryId: sum.categoryId,
      category: category?.name ?? null,
      group: category?.group ?? null,
      amount: sum.amount,
      amountText: formatAmount(sum.amount, sum.currency),
      currency: sum.currency,
      payments: sum.payments,
    };
  });
  rows.sort((a, b) => Number(a["amount"]) - Number(b["amount"]));
  return { rows: rows.slice(0, request.limit) };
}

/** A payment's amount by category: one part, or those of the transaction that a person split. */
function partsOf(amount: number, standing: Standing): { amount: number; categoryId: string | null }[] {
  const { transaction } = standing;
  const split = transaction?.deleted ? undefined : transaction?.split;
  if (split?.length && split.reduce((sum, part) => sum + part.amount, 0) === amount)
    return split.map((part) => ({ amount: part.amount, categoryId: part.categoryId ?? null }));
  return [{ amount, categoryId: categoryOf(standing) }];
}

/** Money in and money out by month and currency, oldest month first. */
export async function readMonths({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const sums = new Map<
    string,
    { month: string; currency: string; in: number; out: number; payments: number }
  >();
  for await (const { payment, standing } of recentPayments(store, request)) {
    if (isOwnTransfer(standing)) continue;
    const month = payment.date.slice(0, 7);
    const key = `${month}|${payment.currency}`;
    const sum = sums.get(key) ?? { month, currency: payment.currency, in: 0, out: 0, payments: 0 };
    if (payment.amount > 0) sum.in += payment.amount;
    else sum.out += payment.amount;
    sum.payments++;
    sums.set(key, sum);
  }
  const rows = [...sums.values()]
    .sort((a, b) => (a.month < b.month ? -1 : a.month > b.month ? 1 : a.currency < b.currency ? -1 : 1))
    .slice(-request.limit)
    .map((sum) => ({
      ...sum,
      inText: formatAmount(sum.in, sum.currency),
      outText: formatAmount(sum.out, sum.currency),
    }));
  return { rows };
}
