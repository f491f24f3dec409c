import type { NewTransaction } from "../budget";
import type { Transaction, WrittenValues } from "../store";
import { sha256 } from "../values";

/**
 * What a budget's row holds, to be compared with what stands there later. Texts are kept as hashes. A payee that was
 * renamed is still the same where the budget gives payees ids.
 */
export function writtenRow(row: Transaction): WrittenValues {
  return { ...valuesOf(row), payee: row.payeeId ?? textHash(row.payeeName) };
}

/** What was sent, for when no answer tells how the budget stored it: budgets rename payees, so theirs is left out. */
export function writtenItem(item: NewTransaction): WrittenValues {
  return valuesOf(item);
}

function valuesOf(row: Transaction | NewTransaction): WrittenValues {
  return {
    accountId: row.accountId,
    date: row.date,
    amount: row.amount,
    categoryId: row.categoryId ?? null,
    approved: row.approved,
    memo: textHash(row.memo),
    ...(row.transferAccountId ? { transferAccountId: row.transferAccountId } : {}),
  };
}

/** What of a row a person changed since we wrote it, in words for people; empty when it stands as written. */
export function changesSince(wrote: WrittenValues, row: Transaction): string[] {
  const now = writtenRow(row);
  const changed: string[] = [];
  const compare = (same: boolean, what: string) => {
    if (!same) changed.push(what);
  };
  compare(now.accountId === wrote.accountId, "account");
  compare(now.date === wrote.date, "date");
  compare(now.amount === wrote.amount, "amount");
  compare(now.transferAccountId === wrote.transferAccountId, "transfer");
  compare(now.categoryId === wrote.categoryId && !row.split, "category");
  compare(now.memo === wrote.memo, "memo");
  compare(wrote.payee === undefined || now.payee === wrote.payee, "payee");
  compare(row.matchedTransactionId === undefined, "match with a transaction entered by hand");
  // Approving is a person's word on it. That it is not approved where we asked for it is the budget's way.
  compare(wrote.approved || !now.approved, "approval");
  return changed;
}

function textHash(text: string | undefined): string {
  return sha256(text ?? "").slice(0, 16);
}
