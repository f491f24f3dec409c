import type { TransactionChange } from "../budget";
import { queue, type PaymentFacts, type QueueItem, type Transaction } from "../store";
import { formatAmount, TallyError, toTallyError, type ErrorCode, type Id } from "../values";
import { handBack, refusal } from "./failure";
import { passOn } from "./handover";
import { paymentsOf, type Pass } from "./pass";
import { knownRows } from "./rewrite";
import { moveItems, type Move } from "./states";
import { take } from "./take";
import { payeeName, truncate } from "./transaction";
import { changesSince, writtenRow } from "./written";

/**
 * Payments that were written while the bank had not booked them, or at first with another amount (see `keepApart`).
 * Once booked, the same transaction gets the date, the amount and the payee that were booked, and is cleared. Category,
 * memo, approval, and a payee that a person chose stay as they are; reconciled and deleted transactions are left alone.
 */

const PAGE = 500;
/** A payment that the bank dropped may be booked some days later still. */
const GRACE_MS = 3 * 86_400_000;
const OF_ROWS: readonly ErrorCode[] = ["PROVIDER_REFUSED", "NOT_FOUND", "CATEGORY_GONE"];

/** Look at what stands uncleared in the budget: send on its way what was booked or changed since, and end what is gone. */
export async function followUncleared(pass: Pass): Promise<void> {
  const { context, budget, counts, writing } = pass;
  const { store } = context;
  const dropped: QueueItem[] = [];
  let after: string | undefined;
  do {
    context.signal.throwIfAborted();
    const page = await store.collection(queue).find({
      index: "byUncleared",
      equals: [budget.budgetId, true],
      limit: PAGE,
      ...(after ? { after } : {}),
    });
    after = page.next;
    const synced = page.items.filter(({ state }) => state === "synced");
    // Told by a duplicate answer alone, which does not say which transaction it is.
    const unnamed = await knownRows(
      store,
      synced.filter((item) => !item.transactionId),
    );
    const items = synced.flatMap((item) => {
      const transactionId = item.transactionId ?? unnamed.get(item.id)?.id;
      return transactionId ? [{ ...item, transactionId }] : [];
    });
    const found = await paymentsOf(store, items);
    const moves: Move[] = [];
    const now = context.now();
    for (const item of items) {
      const payment = found.get(item.paymentId);
      // What was booked under another id is that payment's to change.
      if (!payment || payment.bookedAs) continue;
      if (payment.status === "booked" || differs(item, payment))
        moves.push({ item, to: "classified", set: { revises: item.transactionId } });
      else if (payment.goneSince && Date.parse(now) - Date.parse(payment.goneSince) >= GRACE_MS)
        dropped.push(item);
    }
    const moved = await moveItems(store, moves, now);
    counts["revising"] = (counts["revising"] ?? 0) + moved.length;
  } while (after);
  const keeps = (item: QueueItem) => writing.mapped.get(item.accountId)?.bank.rules?.vanished === "keep";
  await drop(
    pass,
    dropped.filter((item) => !keeps(item)),
    dropped.filter(keeps),
  );
}

function differs({ wrote }: QueueItem, { date, amount }: PaymentFacts): boolean {
  return wrote !== undefined && (wrote.date !== date || wrote.amount !== amount);
}

/** The bank dropped them: what we wrote goes, unless a person has touched it or wants it kept. */
async function drop(pass: Pass, items: readonly QueueItem[], kept: readonly QueueItem[]): Promise<void> {
  const { context, budget, counts, result } = pass;
  if (items.length + kept.length === 0) return;
  const rows = new Map(
    (await budget.read(items.flatMap((item) => item.transactionId ?? []))).map((row) => [row.id, row]),
  );
  const left = [...kept];
  const going: QueueItem[] = [];
  for (const item of items) {
    const row = rows.get(item.transactionId!);
    const touched =
      row && (row.cleared === "reconciled" || !item.wrote || changesSince(item.wrote, row).length > 0);
    (touched ? left : going).push(item);
  }
  await budget.delete(going.flatMap((item) => (rows.has(item.transactionId!) ? item.transactionId! : [])));
  const moved = await moveItems(
    context.store,
    [
      ...going.map((item): Move => ({
        item,
        to: "skipped",
        set: { skipReason: "vanished", uncleared: undefined, wrote: undefined },
      })),
      ...left.map((item): Move => ({ item, to: "synced", set: { uncleared: undefined } })),
    ],
    context.now(),
  );
  counts["vanished"] = (counts["vanished"] ?? 0) + moved.filter(({ state }) => state === "skipped").length;
  for (const { paymentId, date } of left)
    problem(
      result,
      paymentId,
      `The pending payment of ${date} was dropped by the bank. Its transaction was left in the budget: delete it there if it is not wanted.`,
    );
  if (left.length > 0)
    await context.emit("queue.vanished", budget.budgetId, {
      paymentIds: left.map(({ paymentId }) => paymentId),
    });
}

/**
 * Change transactions to what was booked.
 * @throws TallyError when the request failed as a whole
 */
export async function reviseBatch(pass: Pass, items: readonly QueueItem[]): Promise<void> {
  const { context, budget } = pass;
  const found = await paymentsOf(context.store, items);
  const rows = await standing(pass, items);
  const changes = new Map<Id, TransactionChange>();
  const moves: Move[] = [];
  for (const item of items) {
    const payment = found.get(item.paymentId);
    const row = rows.get(item.revises!);
    if (!payment) continue;
    if (!row) moves.push(ended(item, payment));
    else if (row.cleared === "reconciled") {
      moves.push(ended(item, payment));
      if (row.amount !== payment.amount)
        problem(pass.result, item.paymentId, otherAmount("reconciled", row, payment));
    } else if (row.split && row.amount !== payment.amount)
      moves.push(keepWrote(refusal(pass, item, splitByPerson(row, payment)), item));
    else changes.set(item.id, changeTo(pass, item, payment, row));
  }
  await moveItems(context.store, moves, context.now());
  const held = await take(
    pass,
    items.filter((item) => changes.has(item.id)),
    (item) => ({ transactionId: item.revises! }),
    "revisedIn",
  );
  if (!held) return;
  let failure: TallyError | undefined;
  try {
    await budget.update(
      held.items.map((item) => changes.get(item.id)!),
      context.signal,
    );
  } catch (thrown) {
    failure = toTallyError(thrown);
  }
  await record(pass, held.items, found, changes, rows, failure);
  pass.result.batchIds.push(held.batchId);
}

function changeTo(pass: Pass, item: QueueItem, payment: PaymentFacts, row: Transaction): TransactionChange {
  const { limits, options } = pass.writing;
  const name = truncate(payeeName(payment, options), limits.payeeName);
  const persons = item.wrote ? changesSince(item.wrote, row).includes("payee") : true;
  return {
    id: row.id,
    cleared: payment.status === "booked" ? "cleared" : "uncleared",
    ...(row.split ? {} : { date: payment.date, amount: payment.amount }),
    ...(persons || row.split || row.transferAccountId || !name || row.payeeName === name
      ? {}
      : { payeeName: name }),
  };
}

/** Without an answer that says so, what counts is what stands in the budget now. */
async function record(
  pass: Pass,
  items: readonly QueueItem[],
  found: ReadonlyMap<Id, PaymentFacts>,
  changes: ReadonlyMap<Id, TransactionChange>,
  before: ReadonlyMap<Id, Transaction>,
  failure: TallyError | undefined,
): Promise<void> {
  const { context, counts } = pass;
  // Under which id the budget keeps a new payee it does not say.
  const unclear =
    failure !== undefined || [...changes.values()].some(({ payeeName }) => payeeName !== undefined);
  const rows = unclear ? await standing(pass, items) : before;
  const done: Move[] = [];
  const left: QueueItem[] = [];
  for (const item of items) {
    const change = changes.get(item.id)!;
    const stood = rows.get(item.revises!);
    const row = unclear || !stood ? stood : { ...stood, ...change };
    if (!row || stands(row, change)) done.push(ended(item, found.get(item.paymentId)!, row, change));
    else left.push(item);
  }
  const moved = await moveItems(context.store, done, context.now());
  // Once more, for what a crash has cut off after the change was set on its way.
  await passOn(context.store, moved, found, context.now());
  counts["revised"] = (counts["revised"] ?? 0) + moved.length;
  counts["lost"]! += done.length - moved.length;
  if (left.length === 0) return;
  if (failure && !OF_ROWS.includes(failure.code)) {
    await handBack(pass, left, failure, true);
    throw failure;
  }
  const error =
    failure ?? new TallyError("PROVIDER_REFUSED", "The budget did not take what the bank booked.");
  await moveItems(
    context.store,
    left.map((item) => keepWrote(refusal(pass, item, error), item)),
    context.now(),
  );
}

/** What was written while pending is still in the budget, whatever becomes of the change. */
function keepWrote(move: Move, item: QueueItem): Move {
  return { ...move, set: { ...move.set, wrote: item.wrote } };
}

function stands(row: Transaction, change: TransactionChange): boolean {
  return (
    (change.amount === undefined || row.amount === change.amount) &&
    (change.date === undefined || row.date === change.date) &&
    (row.cleared === undefined || change.cleared === undefined || row.cleared === change.cleared)
  );
}

/** Its transaction is as booked, or is not ours to change any more. */
function ended(item: QueueItem, payment: PaymentFacts, row?: Transaction, change?: TransactionChange): Move {
  const wrote =
    item.wrote && row && change
      ? {
          ...item.wrote,
          date: row.date,
          amount: row.amount,
          ...(change.payeeName === undefined ? {} : { payee: writtenRow(row).payee! }),
        }
      : item.wrote;
  const open = payment.status === "pending" && row !== undefined;
  return {
    item,
    to: "synced",
    set: { revises: undefined, transactionId: item.revises!, wrote, uncleared: open ? true : undefined },
  };
}

function splitByPerson(row: Transaction, payment: PaymentFacts): TallyError {
  return new TallyError("PROVIDER_REFUSED", otherAmount("split", row, payment));
}

function otherAmount(what: "split" | "reconciled", row: Transaction, payment: PaymentFacts): string {
  const [stood, booked] = [row, payment].map(({ amount }) => formatAmount(amount, payment.currency));
  return `The bank booked ${booked} ${payment.currency} on ${payment.date} in place of ${stood}, and the transaction is ${what} by you. Change it in the budget.`;
}

function problem(result: Pass["result"], paymentId: Id, message: string): void {
  if (result.problems.length < 20) result.problems.push({ paymentId, message });
}

async function standing({ budget, fresh }: Pass, items: readonly QueueItem[]): Promise<Map<Id, Transaction>> {
  const ids = items.flatMap((item) => item.revises ?? []);
  const known = ids.flatMap((id) => fresh.get(id) ?? []);
  const unread = ids.filter((id) => !fresh.has(id));
  // Once: whoever asks again wants to know what has become of it.
  for (const id of ids) fresh.delete(id);
  const rows = unread.length === 0 ? [] : await budget.read(unread);
  return new Map([...known, ...rows].map((row) => [row.id, row]));
}
