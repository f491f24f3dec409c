import type { BudgetAccount, Category, Payee, Transaction } from "../../store";
import { makeId, type Id } from "../../values";
import { toMinor } from "./money";
import type { WireAccount, WireCategory, WireGroup, WirePayee, WireTransaction } from "./wire";

/** From YNAB's rows to documents of the store. */

export const ynabId = (own: string): Id => makeId("ynab", own);
const optionalId = (own: string | null | undefined) => (own ? ynabId(own) : undefined);

export interface Plan {
  budgetId: Id;
  currency: string;
}

export function accountOf(plan: Plan, row: WireAccount): BudgetAccount {
  const transferPayeeId = optionalId(row.transfer_payee_id);
  return {
    id: ynabId(row.id),
    budgetId: plan.budgetId,
    name: row.name,
    type: row.type,
    closed: row.closed,
    deleted: row.deleted,
    balance: toMinor(row.balance, plan.currency),
    ...(transferPayeeId ? { transferPayeeId } : {}),
  };
}

/**
 * Does YNAB keep the category for itself? "Uncategorized", payments of credit cards and the like. "Inflow: Ready to
 * Assign" stands among them in YNAB, but people give it to their income, so it is not internal here.
 */
export function isInternal(group: WireGroup, row: WireCategory): boolean {
  const own =
    row.internal === true ||
    group.internal === true ||
    /^(Internal Master Category|Credit Card Payments)$/.test(group.name);
  return own && !/^Inflow:/.test(row.name);
}

/** A category of a group. */
export function categoryOf(plan: Plan, group: WireGroup, row: WireCategory): Category {
  const internal = isInternal(group, row);
  return {
    id: ynabId(row.id),
    budgetId: plan.budgetId,
    name: row.name,
    group: group.name,
    hidden: row.hidden || group.hidden,
    deleted: row.deleted || group.deleted,
    ...(internal ? { internal } : {}),
  };
}

export function payeeOf(plan: Plan, row: WirePayee): Payee {
  const transferAccountId = optionalId(row.transfer_account_id);
  return {
    id: ynabId(row.id),
    budgetId: plan.budgetId,
    name: row.name,
    deleted: row.deleted,
    ...(transferAccountId ? { transferAccountId } : {}),
  };
}

/** A split keeps its parts in `split` and has no category of its own. */
export function transactionOf(plan: Plan, row: WireTransaction): Transaction {
  const { currency, budgetId } = plan;
  const parts = (row.subtransactions ?? []).filter((part) => row.deleted || !part.deleted);
  const payeeId = optionalId(row.payee_id);
  const transferAccountId = optionalId(row.transfer_account_id);
  const transferTransactionId = optionalId(row.transfer_transaction_id);
  const matchedTransactionId = optionalId(row.matched_transaction_id);
  const importedPayee = row.import_payee_name_original ?? row.import_payee_name;
  const uncategorized = parts.length > 0 || !row.category_id || row.category_name === "Uncategorized";
  return {
    id: ynabId(row.id),
    budgetId,
    accountId: ynabId(row.account_id),
    date: row.date,
    amount: toMinor(row.amount, currency),
    currency,
    categoryId: uncategorized ? null : ynabId(row.category_id!),
    cleared: row.cleared,
    approved: row.approved,
    deleted: row.deleted,
    ...(payeeId ? { payeeId } : {}),
    ...(row.payee_name ? { payeeName: row.payee_name } : {}),
    ...(importedPayee ? { importedPayee } : {}),
    ...(row.memo ? { memo: row.memo } : {}),
    ...(row.import_id ? { importId: row.import_id } : {}),
    ...(transferAccountId ? { transferAccountId } : {}),
    ...(transferTransactionId ? { transferTransactionId } : {}),
    ...(matchedTransactionId ? { matchedTransactionId } : {}),
    ...(parts.length > 0
      ? {
          split: parts.map((part) => ({
            amount: toMinor(part.amount, currency),
            categoryId: part.category_id ? ynabId(part.category_id) : null,
            ...(part.memo ? { memo: part.memo } : {}),
          })),
        }
      : {}),
  };
}
