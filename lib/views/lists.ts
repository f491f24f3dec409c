import { isAssignable } from "../queue";
import {
  budgetIds,
  bankAccounts,
  budgetAccounts,
  categories,
  classifications,
  payments,
  type Payment,
} from "../store";
import { formatAmount } from "../values";
import { paymentRow } from "./payments";
import { byId, categoryNames, readSegments } from "./read";
import type { PageOfRows, Sources, ViewRequest } from "./types";

/** The budget's categories; those that are `assignable` can be given to a payment. */
export async function readCategories({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).map((id) => [id]),
    request,
    (equals, limit, after) =>
      store.collection(categories).find({ index: "byBudget", equals, limit, ...(after ? { after } : {}) }),
  );
  return {
    rows: page.items.map((one) => ({
      id: one.id,
      budgetId: one.budgetId,
      group: one.group ?? null,
      name: one.name,
      hidden: one.hidden,
      deleted: one.deleted,
      assignable: isAssignable(one),
    })),
    next: page.next,
  };
}

/** What the learning said of each payment, newest first. */
export async function readClassifications({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).map((id) => [id]),
    request,
    (equals, limit, after) =>
      store.collection(classifications).find({
        index: "byBudget",
        equals,
        order: "desc",
        limit,
        ...(after ? { after } : {}),
      }),
  );
  const found = await byId<Payment>(
    store.collection(payments).getMany(page.items.map((one) => one.paymentId)),
  );
  const names = await categoryNames(store, page.items);
  return {
    rows: page.items.map((one) => {
      const payment = found.get(one.paymentId);
      return {
        ...(payment ? paymentRow(payment) : {}),
        id: one.id,
        paymentId: one.paymentId,
        budgetId: one.budgetId,
        category: (one.categoryId && names.get(one.categoryId)?.name) ?? null,
        confidence: one.confidence,
        path: one.path,
        reason: one.reason,
        modelVersion: one.modelVersion,
        at: one.at,
      };
    }),
    next: page.next,
  };
}

/** The bank accounts, and the budget accounts they are mapped to. */
export async function readAccounts({ store }: Sources, { limit, after }: ViewRequest): Promise<PageOfRows> {
  const page = await store.collection(bankAccounts).find({ index: "id", limit, ...(after ? { after } : {}) });
  const mapped = page.items.flatMap((account) => (account.budgetAccountId ? [account.budgetAccountId] : []));
  const targets = await byId(store.collection(budgetAccounts).getMany(mapped));
  return {
    rows: page.items.map((account) => ({
      id: account.id,
      name: account.name,
      iban: account.iban ?? null,
      currency: account.currency,
      balance: account.balance?.amount ?? null,
      balanceText: account.balance ? formatAmount(account.balance.amount, account.currency) : null,
      closed: account.closed ?? false,
      budgetAccountId: account.budgetAccountId ?? null,
      budgetAccount: (account.budgetAccountId && targets.get(account.budgetAccountId)?.name) ?? null,
    })),
    next: page.next,
  };
}
