import type { StepContext } from "../../lib/runs";
import {
  categories,
  matches,
  payments,
  queue,
  transactions,
  type Payment,
  type QueueItem,
  type Store,
} from "../../lib/store";
import { importId, queueId } from "../../lib/values";
import { household } from "./support";

/** A budget whose labels can be learned, and payments that wait, for the specs of steps. */

export const BUDGET = "ynab:b";
export const AT = "2024-06-01T00:00:00.000Z";

export function contextOf(store: Store, now = AT): StepContext & { events: string[]; stop: AbortController } {
  const stop = new AbortController();
  const events: string[] = [];
  return {
    store,
    runId: "run:1",
    signal: stop.signal,
    stop,
    events,
    progress: () => undefined,
    log: () => undefined,
    emit: async (type) => void events.push(type),
    now: () => now,
  };
}

export function paymentOf(row: ReturnType<typeof household>[number]): Payment {
  return {
    id: row.id,
    source: "test",
    accountId: row.account,
    status: "booked",
    date: row.date,
    amount: row.amount,
    currency: row.currency,
    counterparty: { name: row.text },
    description: row.description,
    type: row.type ?? "",
    raw: {},
    fetchedAt: AT,
  };
}

export function itemOf(payment: Payment, more: Partial<QueueItem> = {}): QueueItem {
  return {
    id: queueId(payment.id, BUDGET),
    paymentId: payment.id,
    budgetId: BUDGET,
    accountId: payment.accountId,
    state: "new",
    stateSince: AT,
    enqueuedAt: AT,
    date: payment.date,
    importId: importId(payment.id, BUDGET),
    attempt: 0,
    dueAt: AT,
    ...more,
  };
}

/** 400 labelled payments, and 60 new ones in the queue. */
export async function fill(store: Store): Promise<ReturnType<typeof household>> {
  const rows = household(460);
  await store.collection(payments).upsertMany(rows.map(paymentOf));
  await store.collection(categories).upsertMany(
    [...new Set(rows.map((row) => row.label)), "gone"].map((id) => ({
      id,
      budgetId: BUDGET,
      name: id.toUpperCase(),
      hidden: false,
      deleted: id === "gone",
    })),
  );
  const labelled = rows.slice(0, 400);
  await store.collection(transactions).upsertMany(
    labelled.map((row, i) => ({
      id: `ynab:t${i}`,
      budgetId: BUDGET,
      accountId: "ynab:a",
      date: row.date,
      amount: row.amount,
      currency: "EUR",
      // Some that must not count: ours and unapproved, deleted, transfers, of a category that is gone.
      categoryId: i % 50 === 3 ? "gone" : i % 50 === 0 ? "fun" : row.label,
      approved: i % 50 !== 0,
      ...(i % 50 === 0 && { importId: importId(row.id, BUDGET) }),
      ...(i % 50 === 2 && { transferAccountId: "ynab:savings" }),
      deleted: i % 50 === 1,
    })),
  );
  await store.collection(matches).upsertMany(
    labelled.map((row, i) => ({
      id: `ynab:t${i}`,
      budgetId: BUDGET,
      paymentId: row.id,
      rule: "import-id" as const,
      confidence: 1,
      reason: "",
    })),
  );
  const waiting = rows.slice(400);
  await store
    .collection(queue)
    .upsertMany(
      waiting.map((row, i) => itemOf(paymentOf(row), i === 0 ? { transferAccountId: "test:other" } : {})),
    );
  return waiting;
}

/** What is kept of a version that learned nothing. */
export const untrained = (model: string, version: string, createdAt: string) => ({
  model,
  version,
  createdAt,
  estimator: "e",
  parameters: {},
  featureVersion: 1,
  dataHash: "",
  codeVersion: "",
  trainedOn: { examples: 0, from: "2024-01-01", to: "2024-01-01", categories: [] },
  metrics: {},
  threshold: 1,
});
