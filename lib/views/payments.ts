import {
  budgetIds,
  bankAccounts,
  classifications,
  payments,
  queue,
  transactions,
  type BankAccount,
  type Classification,
  type Payment,
  type PaymentFacts,
  type QueueItem,
  type Store,
  type Transaction,
} from "../store";
import { formatAmount, queueId } from "../values";
import { byId, categoryNames } from "./read";
import { SKIPPED } from "./words";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** What is known of a payment on its way to the budget. */
export interface Standing {
  item?: QueueItem | undefined;
  classification?: Classification | undefined;
  /** Its row in the budget, as far as it was read since. */
  transaction?: Transaction | undefined;
}

/** Payments, newest first, each with its category and where it stands. */
export async function readPayments({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const { accountId, limit, after } = request;
  const page = await store.collection(payments).find({
    index: accountId ? "byAccount" : "byDate",
    ...(accountId ? { equals: [accountId] } : {}),
    order: "desc",
    limit,
    ...(after ? { after } : {}),
  });
  const standings = await standingOf(store, page.items, await budgetIds(store, request.budgetId));
  const chosen = new Map([...standings].map(([id, standing]) => [id, categoryOf(standing)]));
  const names = await categoryNames(
    store,
    [...chosen.values()].map((categoryId) => ({ categoryId })),
  );
  const accounts = await byId<BankAccount>(
    store.collection(bankAccounts).getMany([...new Set(page.items.map((one) => one.accountId))]),
  );
  return {
    rows: page.items.map((payment) => {
      const standing = standings.get(payment.id) ?? {};
      const categoryId = chosen.get(payment.id) ?? null;
      return {
        ...paymentRow(payment),
        account: accounts.get(payment.accountId)?.name ?? null,
        categoryId,
        category: (categoryId && names.get(categoryId)?.name) || null,
        ...standingRow(standing),
      };
    }),
    next: page.next,
  };
}

/**
 * Where payments stand in the first of the budgets that has them in its queue, by payment id.
 */
export async function standingOf(
  store: Store,
  found: readonly Payment[],
  budgets: readonly string[],
): Promise<Map<string, Standing>> {
  const items = await byId<QueueItem>(
    store.collection(queue).getMany(found.flatMap(({ id }) => budgets.map((budget) => queueId(id, budget)))),
  );
  const chosen = new Map<string, QueueItem>();
  for (const { id } of found) {
    const item = budgets.map((budget) => items.get(queueId(id, budget))).find(Boolean);
    if (item) chosen.set(id, item);
  }
  const all = [...chosen.values()];
  const [said, booked] = await Promise.all([
    byId<Classification>(
      store
        .collection(classifications)
        .getMany(all.flatMap((item) => (item.modelVersion ? [`${item.id}|${item.modelVersion}`] : []))),
    ),
    byId<Transaction>(
      store
        .collection(transactions)
        .getMany(all.flatMap((item) => (item.transactionId ? [item.transactionId] : []))),
    ),
  ]);
  return new Map(
    [...chosen].map(([id, item]) => [
      id,
      {
        item,
        classification: item.modelVersion ? said.get(`${item.id}|${item.modelVersion}`) : undefined,
        transaction: item.transactionId ? booked.get(item.transactionId) : undefined,
      },
    ]),
  );
}

/** The category that counts: what stands in the budget, else what was chosen on the way there. */
export function categoryOf({ item, transaction }: Standing): string | null {
  if (transaction && !transaction.deleted) return transaction.categoryId ?? null;
  return item?.categoryId ?? null;
}

function standingRow({ item, classification }: Standing): Row {
  const skipped = item?.state === "skipped";
  return {
    state: item?.state ?? null,
    confidence: skipped ? null : (item?.confidence ?? null),
    path: skipped ? null : item?.decision ? "person" : (classification?.path ?? null),
    reason: item ? reasonOf(item) : null,
  };
}

/** Why an item is where it is: its failure, why it is left out, or why it has its category. */
export function reasonOf(item: QueueItem): string | null {
  if (item.error && (item.state === "dead" || item.state === "retry")) return item.error.message;
  if (item.skipReason === "own-transfer" && item.transferReason) return item.transferReason;
  if (item.state === "skipped" && item.skipReason) return SKIPPED[item.skipReason].why;
  return item.reason ?? item.error?.message ?? null;
}

/** A payment as flat columns. */
export function paymentRow(payment: PaymentFacts): Row {
  return {
    id: payment.id,
    date: payment.date,
    amount: payment.amount,
    currency: payment.currency,
    amountText: formatAmount(payment.amount, payment.currency),
    counterparty: payment.counterparty?.name ?? null,
    description: payment.description,
    accountId: payment.accountId,
    status: payment.status,
  };
}
