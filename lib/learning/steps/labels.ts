import {
  categories,
  matches,
  payments,
  queue,
  transactions,
  type Category,
  type PaymentFacts,
  type QueueItem,
  type Store,
  type Transaction,
} from "../../store";
import { isOwnImportId, normaliseIban, queueId, type CalendarDate, type Id } from "../../values";
import type { Example, LabelledExample } from "../types";

/** What features are made of, from a payment as the bank gave it. */
export function exampleOf(payment: Omit<PaymentFacts, "fetchedAt">): Example {
  const party = payment.counterparty;
  const account = party?.iban ? normaliseIban(party.iban) : party?.account;
  return {
    id: payment.id,
    text: party?.name ?? "",
    description: payment.description,
    ...(account && { counterpartyAccount: account }),
    account: payment.accountId,
    amount: payment.amount,
    currency: payment.currency,
    date: payment.date,
    ...(payment.type && { type: payment.type }),
  };
}

/** Categories of a budget that people use: neither deleted nor the budget's own. */
export async function usableCategories(store: Store, budgetId: Id): Promise<Map<Id, Category>> {
  const found = new Map<Id, Category>();
  for await (const category of store.collection(categories).scan({ index: "byBudget", equals: [budgetId] })) {
    if (!category.deleted && !category.internal) found.set(category.id, category);
  }
  return found;
}

const PAGE = 500;

/**
 * The labels of a budget, in the order of time: transactions that a person approved, with the payment they are
 * matched with. Left out: deleted ones, transfers, refunds, splits, categories that are gone or the budget's own, and what
 * nobody approved, our own suggestions above all.
 * @param from only transactions of this day or later
 */
export async function* labelsOf(
  store: Store,
  budgetId: Id,
  from?: CalendarDate,
): AsyncIterable<LabelledExample> {
  const usable = await usableCategories(store, budgetId);
  let after: string | undefined;
  do {
    const page = await store.collection(transactions).find({
      index: "byBudget",
      equals: [budgetId],
      ...(from !== undefined && { from }),
      limit: PAGE,
      ...(after !== undefined && { after }),
    });
    for (const { payment, label } of await labelled(store, budgetId, page.items, usable))
      yield { ...exampleOf(payment), label };
    after = page.next;
  } while (after !== undefined);
}

export interface Labelled {
  transactionId: Id;
  payment: PaymentFacts;
  label: Id;
}

/**
 * Those of some transactions that are labels, in their order, each with the payment that it is matched with: what the
 * training learns, and what the model in use learns meanwhile.
 */
export async function labelled(
  store: Store,
  budgetId: Id,
  of: readonly Transaction[],
  usable: { has(categoryId: Id): boolean },
): Promise<Labelled[]> {
  const whole = of.filter((transaction) => isLabel(transaction, usable));
  const paired = await store.collection(matches).getMany(whole.map(({ id }) => id));
  const paymentOf = new Map(paired.map((match) => [match.id, match.paymentId]));
  const found = await store.collection(payments).getMany([...paymentOf.values()], ["raw"]);
  const byId = new Map(found.map((payment) => [payment.id, payment]));
  const items = await store.collection(queue).getMany(found.map(({ id }) => queueId(id, budgetId)));
  const itemOf = new Map(items.map((item) => [item.paymentId, item]));
  return whole.flatMap((transaction) => {
    const payment = byId.get(paymentOf.get(transaction.id) ?? "");
    if (!payment || !isPersons(transaction, itemOf.get(payment.id))) return [];
    return [{ transactionId: transaction.id, payment, label: transaction.categoryId! }];
  });
}

/** What of a queue item says whether its transaction is a label. */
export type LabelItem = Pick<QueueItem, "transferAccountId" | "refundOf" | "decision" | "categoryId">;

/**
 * Approved, written by us and given another category since, or decided in review: each is a person's word. A refund
 * has the category of what it refunds, whatever it looks like, and a transfer has none.
 */
export function isPersons(
  transaction: Pick<Transaction, "approved" | "importId" | "categoryId">,
  item: LabelItem | undefined,
): boolean {
  if (item?.transferAccountId || item?.refundOf) return false;
  if (transaction.approved) return true;
  if (!isOwnImportId(transaction.importId) || item === undefined) return false;
  return item.decision !== undefined || (item.categoryId ?? null) !== transaction.categoryId;
}

/** Of a category that people use, and whole. */
export function isLabel(
  transaction: Omit<Transaction, "id">,
  usable: { has(categoryId: Id): boolean },
): boolean {
  return (
    !transaction.deleted &&
    !transaction.transferAccountId &&
    !transaction.split?.length &&
    typeof transaction.categoryId === "string" &&
    usable.has(transaction.categoryId)
  );
}
