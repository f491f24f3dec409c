import { NO_MODEL, suggestNow, type Suggestion } from "../learning";
import { payeeName } from "../queue";
import {
  bankAccounts,
  budgetIds,
  classifications,
  payments,
  queue,
  type QueueItem,
  type Store,
} from "../store";
import { formatAmount, TallyError, type CalendarDate, type ErrorCode, type Id } from "../values";
import { CategoryNames } from "./names";
import { likenessOf, waitingIn, withPayments, type Waiting } from "./similar";

/** What waits for a person, as a page shows it: groups of similar payments, those first that clear most at once. */

/** Newest waiting payments of a budget that are grouped; older ones come up as these are decided. */
const LOOKED_AT = 5_000;

export interface Guess {
  categoryId: Id;
  category: string;
  /** 0 to 1. */
  confidence: number;
}

export interface WaitingPayment {
  /** Of the queue item: what is decided about. */
  id: Id;
  paymentId: Id;
  budgetId: Id;
  date: CalendarDate;
  /** Minor units of `currency`. */
  amount: number;
  currency: string;
  amountText: string;
  /** As the bank writes it. */
  counterparty: string | null;
  description: string;
  account: string | null;
  /** The most likely categories that can still be chosen, best first; at most three. */
  top: Guess[];
  /** Why it waits, or how sure the suggestion has become since. */
  reason: string | null;
  /** The version of the model that suggests this; `none` before there was one. */
  modelVersion: string | null;
  /** Payments of the past that are like it, and the categories they had. */
  nearest: {
    date: CalendarDate | null;
    text: string;
    amountText: string | null;
    currency: string | null;
    category: string;
  }[];
}

export interface WaitingGroup {
  key: string;
  budgetId: Id;
  /** As people read it. */
  name: string;
  /** The cleaned name that makes them similar; empty when the bank says nothing. */
  counterparty: string;
  direction: "in" | "out";
  /** How many one decision clears. */
  items: number;
  /** Sum in minor units of `currency`; null when there is more than one currency. */
  amount: number | null;
  amountText: string | null;
  currency: string | null;
  from: CalendarDate;
  to: CalendarDate;
  /** The newest of them, whose suggestion stands for the group. */
  newest: WaitingPayment;
}

export interface WaitingPage<T> {
  rows: T[];
  /** How many payments wait altogether. */
  left: number;
  /** Send it as `after` for the next page. */
  next?: string;
}

export interface WaitingRequest {
  /** All budgets when absent. */
  budgetId?: Id | undefined;
  limit: number;
  after?: string | undefined;
}

/**
 * Groups of waiting payments, the largest first and of equal ones the newest; one decision can clear a whole group.
 * Of each budget the newest 5,000 waiting payments are grouped.
 * @throws TallyError CONFIG_INVALID for an `after` that no page gave; STORE_UNAVAILABLE
 */
export async function listGroups(store: Store, request: WaitingRequest): Promise<WaitingPage<WaitingGroup>> {
  const start = offset(request.after);
  const groups = new Map<string, Waiting[]>();
  let left = 0;
  for (const budgetId of await budgetIds(store, request.budgetId)) {
    left += await store.collection(queue).count({ index: "byState", equals: [budgetId, "review"] });
    for await (const one of waitingIn(store, budgetId, LOOKED_AT)) {
      const group = groups.get(one.key);
      if (group) group.push(one);
      else groups.set(one.key, [one]);
    }
  }
  const sorted = [...groups.values()].sort(
    (a, b) =>
      b.length - a.length ||
      (a[0]!.item.date < b[0]!.item.date ? 1 : a[0]!.item.date > b[0]!.item.date ? -1 : 0) ||
      (a[0]!.key < b[0]!.key ? -1 : 1),
  );
  const shown = sorted.slice(start, start + request.limit);
  const newest = await describe(
    store,
    shown.map(([first]) => first!),
  );
  const rows = shown.map((group, at): WaitingGroup => {
    const [first] = group;
    const { item, payment, key } = first!;
    const currencies = new Set(group.map((one) => one.payment.currency));
    const currency = currencies.size === 1 ? payment.currency : null;
    const amount = currency ? group.reduce((sum, one) => sum + one.payment.amount, 0) : null;
    return {
      key,
      budgetId: item.budgetId,
      name: payeeName(payment, { cleanPayees: true }) || "No name",
      ...likenessOf(payment),
      items: group.length,
      amount,
      amountText: currency && amount !== null ? formatAmount(amount, currency) : null,
      currency,
      from: group.at(-1)!.item.date,
      to: item.date,
      newest: newest[at]!,
    };
  });
  const end = start + rows.length;
  return { rows, left, ...(end < sorted.length ? { next: String(end) } : {}) };
}

/**
 * The waiting payments of one group, newest first.
 * @throws TallyError CONFIG_INVALID for an `after` that no page gave; STORE_UNAVAILABLE
 */
export async function listPayments(
  store: Store,
  request: WaitingRequest & { key: string },
): Promise<WaitingPage<WaitingPayment>> {
  const start = offset(request.after);
  const found: Waiting[] = [];
  for (const budgetId of await budgetIds(store, request.budgetId))
    for await (const one of waitingIn(store, budgetId, LOOKED_AT))
      if (one.key === request.key) found.push(one);
  const shown = found.slice(start, start + request.limit);
  const end = start + shown.length;
  return {
    rows: await describe(store, shown),
    left: found.length,
    ...(end < found.length ? { next: String(end) } : {}),
  };
}

/** All that waits and is similar to an item that waits, the item itself among them. */
export async function similarTo(store: Store, item: QueueItem): Promise<QueueItem[]> {
  const [own] = await withPayments(store, [item]);
  if (!own) return [item];
  const found = new Map([[item.id, item]]);
  for await (const one of waitingIn(store, item.budgetId))
    if (one.key === own.key) found.set(one.item.id, one.item);
  return [...found.values()];
}

/** Waiting payments with what is suggested for them, and why. */
export async function describe(store: Store, waiting: readonly Waiting[]): Promise<WaitingPayment[]> {
  const said = await suggestions(store, waiting);
  const names = new CategoryNames(store);
  const all = [...said.values()];
  await names.load(
    all.flatMap(({ top, explanation }) =>
      [...top, ...explanation.nearest].map(({ categoryId }) => categoryId),
    ),
  );
  const accounts = new Map(
    (
      await store.collection(bankAccounts).getMany([...new Set(waiting.map(({ item }) => item.accountId))])
    ).map((account) => [account.id, account.name]),
  );
  const past = new Map(
    (
      await store.collection(payments).getMany(
        all.flatMap(({ explanation }) => explanation.nearest.map(({ paymentId }) => paymentId)),
        ["raw"],
      )
    ).map((payment) => [payment.id, payment]),
  );
  return waiting.map(({ item, payment }) => {
    const suggestion = said.get(item.id);
    return {
      id: item.id,
      paymentId: payment.id,
      budgetId: item.budgetId,
      date: payment.date,
      amount: payment.amount,
      currency: payment.currency,
      amountText: formatAmount(payment.amount, payment.currency),
      counterparty: payment.counterparty?.name ?? null,
      description: payment.description,
      account: accounts.get(item.accountId) ?? null,
      top: (suggestion?.top ?? [])
        .filter(({ categoryId }) => names.assignable(categoryId, item.budgetId))
        .map(({ categoryId, confidence }) => ({ categoryId, category: names.of(categoryId), confidence })),
      reason: item.error?.message ?? suggestion?.reason ?? item.reason ?? null,
      modelVersion: suggestion?.modelVersion ?? item.modelVersion ?? null,
      nearest: (suggestion?.explanation.nearest ?? []).map(({ paymentId, text, categoryId }) => {
        const before = past.get(paymentId);
        return {
          date: before?.date ?? null,
          text,
          amountText: before ? formatAmount(before.amount, before.currency) : null,
          currency: before?.currency ?? null,
          category: names.of(categoryId),
        };
      }),
    };
  });
}

/** What a person is told about a payment. */
type Suggested = Pick<Suggestion, "modelVersion" | "top" | "reason" | "explanation">;

/**
 * What learning says of these by now, every decision up to this moment counted; what it said when they were classified,
 * where no model can be asked.
 * @returns by item id
 */
export async function suggestions(store: Store, waiting: readonly Waiting[]): Promise<Map<Id, Suggested>> {
  const found = new Map<Id, Suggested>();
  for (const budgetId of new Set(waiting.map(({ item }) => item.budgetId))) {
    const own = waiting.filter(({ item }) => item.budgetId === budgetId);
    const now = await askedNow(store, budgetId, own);
    for (const { item } of own) {
      const suggestion = now.get(item.id);
      // The word of a version stands until another version speaks.
      const before = suggestion?.modelVersion === NO_MODEL && (item.modelVersion ?? NO_MODEL) !== NO_MODEL;
      if (suggestion && !before) found.set(item.id, suggestion);
    }
  }
  const ids = new Map<Id, Id>();
  for (const { item } of waiting)
    if (item.modelVersion && !found.has(item.id))
      ids.set(`${item.paymentId}|${item.budgetId}|${item.modelVersion}`, item.id);
  for (const one of await store.collection(classifications).getMany([...ids.keys()]))
    found.set(ids.get(one.id)!, one);
  return found;
}

/** What a model says that cannot be served: classifying tells of it, and here people can decide all the same. */
const UNSERVABLE: readonly ErrorCode[] = ["MODEL_MISSING", "DEPENDENCY_MISSING", "CONFIG_INVALID"];

async function askedNow(
  store: Store,
  budgetId: Id,
  waiting: readonly Waiting[],
): Promise<ReadonlyMap<Id, Suggested>> {
  try {
    return await suggestNow(store, budgetId, waiting);
  } catch (error) {
    if (error instanceof TallyError && UNSERVABLE.includes(error.code)) return new Map();
    throw error;
  }
}

function offset(after: string | undefined): number {
  const start = Number(after ?? 0);
  if (Number.isSafeInteger(start) && start >= 0) return start;
  throw new TallyError("CONFIG_INVALID", "The page to go on after is not one that this list gave.");
}
