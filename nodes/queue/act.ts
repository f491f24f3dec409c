import type { BudgetProvider } from "../../lib/budget";
import {
  requeue,
  requeueSelection,
  undoBatch,
  type RequeueResult,
  type UndoneItem,
  type UndoResult,
} from "../../lib/queue";
import type { StepResult } from "../../lib/runs";
import { payments, queue, type PaymentFacts, type QueueItem, type Store } from "../../lib/store";
import { formatAmount, TallyError, type Id } from "../../lib/values";

/** What the node does, with what it answers for people: which payment, and what became of it. */

/** Rows that travel in a message; the counts are of all. */
const SHOWN = 200;

export interface QueueOptions {
  action: "requeue" | "undo";
  state?: string | undefined;
  code?: string | undefined;
  reason?: string | undefined;
  ids?: readonly string[] | undefined;
  batchId?: string | undefined;
  dryRun: boolean;
}

/** A payment and what became of it. */
export interface ActedRow {
  /** Of the queue item. */
  id: Id;
  date: string | null;
  amount: number | null;
  currency: string | null;
  amountText: string | null;
  counterparty: string | null;
  description: string | null;
  /** `removed`, `restored`, `gone`, or why it was refused. */
  outcome: string;
  /** Why it was refused. */
  message: string | null;
}

export interface QueueActionResult extends StepResult {
  action: "requeue" | "undo";
  batchId?: Id;
  dryRun?: boolean;
  /** Those refused first, at most 200. */
  rows: ActedRow[];
}

/**
 * Try payments again, or undo a batch.
 * @throws TallyError CONFIG_INVALID when it is not said what to act on; what `requeue` and `undoBatch` throw
 */
export async function act(
  store: Store,
  budget: BudgetProvider,
  options: QueueOptions,
  signal: AbortSignal,
): Promise<QueueActionResult> {
  const { action, batchId, dryRun } = options;
  if (action === "undo") {
    if (!batchId)
      throw new TallyError("CONFIG_INVALID", "Say which batch to undo: its id in the option batchId.");
    return undone(store, await undoBatch(store, budget, batchId, { dryRun, signal }), dryRun);
  }
  const { state, reason, ids, code } = options;
  const all = state !== undefined || reason !== undefined;
  const within = all ? { budgetId: budget.budgetId } : {};
  return requeued(
    store,
    await requeue(store, requeueSelection({ state, reason, ids, batchId, code, ...within })),
  );
}

async function undone(store: Store, result: UndoResult, dryRun: boolean): Promise<QueueActionResult> {
  const { batchId, undone: taken, gone, refused } = result;
  const restored = taken.filter((item) => item.restores);
  const told = [
    ...refused.map((item) => ({ ...item, outcome: item.reason as string })),
    ...taken.map((item) => ({ ...item, outcome: item.restores ? "restored" : "removed" })),
    ...gone.map((item) => ({ ...item, outcome: "gone" })),
  ];
  return {
    action: "undo",
    batchId,
    dryRun,
    counts: {
      undone: taken.length,
      removed: taken.length - restored.length,
      restored: restored.length,
      gone: gone.length,
      refused: refused.length,
      reconciled: refused.filter((item) => item.reason === "reconciled").length,
    },
    rows: await rowsOf(store, told),
  };
}

async function requeued(store: Store, result: RequeueResult): Promise<QueueActionResult> {
  const items = await store.collection(queue).getMany(result.refused.map(({ id }) => id));
  const known = new Map(items.map((item): [Id, QueueItem] => [item.id, item]));
  const told = result.refused.map(({ id, message }) => ({
    id,
    paymentId: known.get(id)?.paymentId ?? "",
    outcome: "refused",
    message,
  }));
  return {
    action: "requeue",
    counts: { requeued: result.requeued, refused: result.refusedTotal },
    rows: await rowsOf(store, told),
  };
}

async function rowsOf(
  store: Store,
  told: readonly (Pick<UndoneItem, "id" | "paymentId"> & { outcome: string; message?: string })[],
): Promise<ActedRow[]> {
  const shown = told.slice(0, SHOWN);
  const found = await store.collection(payments).getMany(
    shown.map((item) => item.paymentId),
    ["raw"],
  );
  const known = new Map(found.map((payment): [Id, PaymentFacts] => [payment.id, payment]));
  return shown.map(({ id, paymentId, outcome, message }) => {
    const payment = known.get(paymentId);
    return {
      id,
      date: payment?.date ?? null,
      amount: payment?.amount ?? null,
      currency: payment?.currency ?? null,
      amountText: payment ? formatAmount(payment.amount, payment.currency) : null,
      counterparty: payment?.counterparty?.name ?? null,
      description: payment?.description ?? null,
      outcome,
      message: message ?? null,
    };
  });
}
