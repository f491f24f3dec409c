import type { Counts, StepContext } from "../runs";
import {
  cursors,
  matches,
  payments,
  queue,
  stamped,
  transactions,
  type Match,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
  type Transaction,
} from "../store";
import {
  addDays,
  inChunks,
  isOwnImportId,
  ownId,
  TallyError,
  type CalendarDate,
  type Id,
  type Instant,
} from "../values";
import { budgetCursorId, doubledByMatch } from "../budget";
import {
  admit,
  applyMapping,
  checkMapping,
  mappedAccounts,
  matchedCursorId,
  settle,
  WAITING,
  type AccountMapping,
} from "../queue";
import { matchAccountInTurns, WINDOW_DAYS } from "./match";
import { matchedPayments } from "./matched";
import { markTransfers } from "./mark-transfers";
import type { MatchPayment, MatchTransaction } from "./types";

export interface MatchStepOptions {
  budgetId: Id;
  mapping?: readonly AccountMapping[];
  startDate?: CalendarDate;
  windowDays?: number;
}

export interface MatchStepResult {
  counts: Counts;
}

/** Budgets match imports with what was entered by hand over more days than we do (YNAB: ten). */
const BUDGETS_OWN_DAYS = 10;

const SETTLED: readonly QueueState[] = ["skipped", "synced"];

/**
 * Compare what is queued with the budget: pair payments with transactions of mapped accounts, pair the sides of own
 * transfers, and take out of the queue what stands in the budget already. Only what was queued before the budget was
 * last read may be sent afterwards. Looks at waiting items and at those settled since the last time, so that an hourly
 * pass costs what is new and not what there is.
 *
 * @throws TallyError CONFIG_INVALID when the budget was never extracted
 */
export async function matchStep(context: StepContext, options: MatchStepOptions): Promise<MatchStepResult> {
  const { store, now } = context;
  const { budgetId } = options;
  const read = await store.collection(cursors).get(budgetCursorId(budgetId));
  if (!read) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The budget has not been read yet. Put a budget extract step before match.",
    );
  }
  checkMapping(options.mapping ?? []);
  const unknown = await applyMapping(store, budgetId, options.mapping ?? []);
  for (const line of unknown) context.log("warn", line);
  if (unknown.length > 0) await context.emit("mapping.unknown", budgetId, { problems: unknown });
  const counts: Counts = { matched: 0, unmatchedPayments: 0, unmatchedTransactions: 0, transfersPaired: 0 };
  await admit(store, { budgetId, ...(options.startDate ? { startDate: options.startDate } : {}) }, now());

  const since = (await store.collection(cursors).get(matchedCursorId(budgetId)))?.at ?? "";
  const items = await candidates(context, budgetId, since);
  const mapped = await mappedAccounts(store, budgetId);
  const byAccount = new Map<Id, QueueItem[]>();
  for (const item of items) {
    if (!mapped.has(item.accountId)) continue;
    const list = byAccount.get(item.accountId);
    if (list) list.push(item);
    else byAccount.set(item.accountId, [item]);
  }
  let done = 0;
  for (const [accountId, list] of byAccount) {
    context.signal.throwIfAborted();
    const { bank, budget } = mapped.get(accountId)!;
    await matchOne(context, options, list, budget.id, bank.rules?.pending === "write", counts);
    context.progress(++done, byAccount.size, bank.name);
  }
  await markTransfers(context, budgetId, mapped, items, counts);
  await store.collection(cursors).upsertMany([{ id: matchedCursorId(budgetId), value: null, at: read.at }]);
  return { counts };
}

async function candidates(context: StepContext, budgetId: Id, since: Instant): Promise<QueueItem[]> {
  const collection = context.store.collection(queue);
  const found: QueueItem[] = [];
  for (const state of WAITING) {
    // What only waits to give its transaction a category, or what was booked, has been matched.
    for await (const item of collection.scan({ index: "byState", equals: [budgetId, state] }))
      if (!item.fills && !item.revises) found.push(item);
  }
  const settled: QueueItem[] = [];
  for (const state of SETTLED) {
    for await (const item of collection.scan({ index: "bySince", equals: [budgetId, state], from: since }))
      settled.push(item);
  }
  const matched = await matchedPayments(context.store, budgetId, settled);
  found.push(...settled.filter((item) => !matched.has(item.paymentId)));
  return found;
}

async function matchOne(
  context: StepContext,
  options: MatchStepOptions,
  items: readonly QueueItem[],
  accountId: Id,
  pending: boolean,
  counts: Counts,
): Promise<void> {
  const { store } = context;
  const window = options.windowDays ?? WINDOW_DAYS;
  const queued = new Map(items.map((item) => [item.paymentId, item]));
  // Whole payments, with the bank's own rows in them, are held for a chunk at a time only.
  const booked = await inChunks([...queued.keys()], async (ids) =>
    (await store.collection(payments).getMany(ids, ["raw"]))
      // A person may have entered what is pending; what was booked under another id is that payment's to match.
      .filter(({ status, bookedAs }) => status === "booked" || (pending && bookedAs === undefined))
      .map((payment) => toMatchPayment(payment, queued.get(payment.id)!)),
  );
  if (booked.length === 0) return;
  const first = booked.reduce(
    (least, payment) => (payment.date < least ? payment.date : least),
    booked[0]!.date,
  );
  const free = await freeTransactions(context, accountId, addDays(first, -window));
  const pairs = await matchAccountInTurns(booked, free, { windowDays: window });
  const found = pairs.map((pair): Match => ({
    id: pair.transactionId,
    budgetId: options.budgetId,
    paymentId: pair.paymentId,
    rule: pair.rule,
    confidence: pair.confidence,
    reason: pair.reason,
  }));
  await settle(store, found, context.now());
  await inChunks(found, async (chunk) => {
    const collection = store.collection(matches);
    await collection.upsertMany(
      await stamped(collection, "byMatched", options.budgetId, chunk, context.now()),
    );
    return [];
  });
  counts["matched"]! += pairs.length;
  counts["unmatchedPayments"]! += booked.length - pairs.length;
  counts["unmatchedTransactions"]! += free.length - pairs.length;
}

async function freeTransactions(
  context: StepContext,
  accountId: Id,
  from: CalendarDate,
): Promise<MatchTransaction[]> {
  const free: MatchTransaction[] = [];
  let page: Transaction[] = [];
  const take = async () => {
    const taken = new Set(
      (await context.store.collection(matches).getMany(page.map((row) => row.id))).map((match) => match.id),
    );
    const untaken = page.filter((row) => !taken.has(row.id));
    free.push(...(await toMatchTransactions(context, await withoutDoubled(context, untaken))));
    page = [];
  };
  for await (const row of context.store
    .collection(transactions)
    .scan({ index: "byAccount", equals: [accountId], from: addDays(from, -BUDGETS_OWN_DAYS) })) {
    if (!row.deleted && (row.date >= from || row.matchedTransactionId)) page.push(row);
    if (page.length === 500) await take();
  }
  await take();
  return free;
}

/**
 * Of two rows that the budget itself matched only one stands for the event. It bears the import id of both, so that no
 * other payment can claim it.
 */
async function withoutDoubled(context: StepContext, rows: readonly Transaction[]): Promise<Transaction[]> {
  const ids = rows.flatMap((row) => row.matchedTransactionId ?? []);
  if (ids.length === 0) return [...rows];
  const collection = context.store.collection(transactions);
  const partners = (await collection.getMany(ids)).filter((row) => !row.deleted);
  const taken = new Set((await context.store.collection(matches).getMany(ids)).map((match) => match.id));
  const byId = new Map([...rows, ...partners].map((row) => [row.id, row]));
  const doubled = doubledByMatch([...byId.values()], (id) => taken.has(id));
  return rows
    .filter((row) => !doubled.has(row.id))
    .map((row) => {
      const importId = row.importId ?? byId.get(row.matchedTransactionId ?? "")?.importId;
      return { ...row, ...(importId ? { importId } : {}) };
    });
}

function toMatchPayment(payment: PaymentFacts, item: QueueItem): MatchPayment {
  const references = [item.importId, ownId(payment.id)];
  if (payment.reference) references.push(payment.reference);
  return {
    id: payment.id,
    date: payment.date,
    amount: payment.amount,
    name: `${payment.counterparty?.name ?? ""} ${payment.description}`,
    references,
  };
}

async function toMatchTransactions(
  context: StepContext,
  rows: readonly Transaction[],
): Promise<MatchTransaction[]> {
  const otherIds = rows.map((row) => row.transferTransactionId).filter((id) => id !== undefined);
  const others = await inChunks(otherIds, (ids) => context.store.collection(transactions).getMany(ids));
  const ownSides = new Set(others.filter((row) => isOwnImportId(row.importId)).map((row) => row.id));
  return rows.map((row) => ({
    id: row.id,
    date: row.date,
    amount: row.amount,
    name: `${row.importedPayee ?? row.payeeName ?? ""} ${row.memo ?? ""}`,
    ...(row.importId ? { importId: row.importId } : {}),
    // The far side of a transfer that we wrote bears no import id of its own.
    own:
      isOwnImportId(row.importId) ||
      (row.transferTransactionId !== undefined && ownSides.has(row.transferTransactionId)),
  }));
}
