import type { BudgetAccount, BankAccount, Category, PaymentFacts, QueueItem } from "../store";
import { TallyError, type CalendarDate, type Id } from "../values";
import type { BudgetProvider, NewTransaction } from "../budget";

export interface WriteOptions {
  /** Add the confidence and the reason to the memo. */
  explain: boolean;
  /** Mark transactions as approved when the confidence is at least this; never when absent. */
  approveAbove?: number;
}

export interface WriteContext {
  mapped: ReadonlyMap<Id, { bank: BankAccount; budget: BudgetAccount }>;
  categories: ReadonlyMap<Id, Category>;
  limits: BudgetProvider["limits"];
  options: WriteOptions;
}

/**
 * The transaction that a queue item becomes in the budget.
 * @throws TallyError CATEGORY_GONE when its category was deleted or hidden meanwhile; NOT_FOUND when its account is no longer
 *   mapped
 */
export function toTransaction(item: QueueItem, payment: PaymentFacts, context: WriteContext): NewTransaction {
  const mapped = context.mapped.get(payment.accountId);
  if (!mapped) {
    throw new TallyError("NOT_FOUND", "Its bank account is not mapped to a budget account any more.");
  }
  const other = item.transferAccountId ? context.mapped.get(item.transferAccountId)?.budget.id : undefined;
  const transferAccountId = other !== mapped.budget.id ? other : undefined;
  const category = item.categoryId ? context.categories.get(item.categoryId) : undefined;
  if (!transferAccountId && item.categoryId && !isAssignable(category)) throw categoryGone(category);
  const payee = payeeName(payment);
  const approve =
    context.options.approveAbove !== undefined && (item.confidence ?? 0) >= context.options.approveAbove;
  return {
    importId: item.importId,
    accountId: mapped.budget.id,
    date: payment.date,
    amount: payment.amount,
    ...(transferAccountId ? { transferAccountId } : { categoryId: item.categoryId ?? null }),
    ...(payee && !transferAccountId ? { payeeName: truncate(payee, context.limits.payeeName) } : {}),
    memo: memo(item, payment, context),
    cleared: payment.status === "booked" ? "cleared" : "uncleared",
    approved: approve,
  };
}

/** May transactions be given the category: it stands, is not hidden, and is not the budget's own. */
export function isAssignable(category: Category | undefined): category is Category {
  return category !== undefined && !category.deleted && !category.hidden && !category.internal;
}

/** Why a payment cannot have the category that was chosen for it. */
export function categoryGone(category: Category | undefined): TallyError {
  const name = category ? ` "${category.name}"` : "";
  const what = !category || category.deleted ? "no longer exists" : "is hidden or the budget's own";
  return new TallyError(
    "CATEGORY_GONE",
    `Its category${name} ${what} in the budget. It is classified again.`,
  );
}

/** The counterparty's name, or else the first words of the description. */
export function payeeName(payment: PaymentFacts): string {
  return clean(payment.counterparty?.name ?? "") || clean(payment.description).slice(0, 60);
}

function memo(item: QueueItem, payment: PaymentFacts, context: WriteContext): string {
  const text = clean(payment.description);
  if (!context.options.explain || item.confidence === undefined || !item.reason)
    return truncate(text, context.limits.memo);
  const why = truncate(`${Math.round(item.confidence * 100)} %: ${clean(item.reason)}`, 160);
  const room = context.limits.memo - [...why].length - 3;
  return text ? `${truncate(text, room)} · ${why}` : why;
}

/** White space and control characters folded to single blanks. */
function clean(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f]+/g, " ").trim();
}

/** Cut to a number of characters without cutting one in half. */
export function truncate(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : characters.slice(0, Math.max(0, length - 1)).join("") + "…";
}

/** A date the budget would refuse because it lies ahead in the account's time zone. */
export function liesAhead(
  date: CalendarDate,
  today: CalendarDate,
  limits: BudgetProvider["limits"],
): boolean {
  return !limits.futureDates && date > today;
}
