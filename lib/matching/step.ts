import type { Counts, StepContext } from "../runs";
import {
  cursors,
  matches,
  payments,
  queue,
  transactions,
  type Match,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
  type Transaction,
} from "../store";
import {
  addDays,
  isOwnImportId,
  normaliseIban,
  ownId,
  TallyError,
  Turns,
  type CalendarDate,
  type Id,
  type Instant,
} from "../values";
import { budgetCursorId } from "../budget";
import {
  admit,
  applyMapping,
  checkMapping,
  mappedAccounts,
  matchedCursorId,
  moveItems,
  settle,
  type AccountMapping,
  type Move,
} from "../queue";
import { matchAccountInTurns, type MatchPayment, type MatchTransaction } from "./match";
import { matchedPayments } from "./matched";
import { pairTransfers, type TransferPair, type TransferPayment } from "./transfers";

export interface MatchStepOptions {
  budgetId: Id;
  mapping?: readonly AccountMapping[];
  startDate?: CalendarDate;
  windowDays?: number;
}

export interface MatchStepResult {
  counts: Counts;
}

const WAITING: readonly QueueState[] = ["new", "review", "classified", "retry"];
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
  const window = options.windowDays ?? 5;
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
    await store.collection(matches).upsertMany(chunk);
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
    free.push(...(await toMatchTransactions(context, untaken)));
    page = [];
  };
  for await (const row of context.store
    .collection(transactions)
    .scan({ index: "byAccount", equals: [accountId], from })) {
    if (!row.deleted) page.push(row);
    if (page.length === 500) await take();
  }
  await take();
  return free;
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

/** Pair own transfers and tell the queue: one side is written as a transfer, the other comes with it. */
async function markTransfers(
  context: StepContext,
  budgetId: Id,
  mapped: Awaited<ReturnType<typeof mappedAccounts>>,
  items: readonly QueueItem[],
  counts: Counts,
): Promise<void> {
  const { store } = context;
  if (items.length === 0) return;
  let [first, last] = [items[0]!.date, items[0]!.date];
  for (const { date } of items) {
    if (date < first) first = date;
    if (date > last) last = date;
  }
  const ibans = new Map<string, Id>();
  for (const [id, { bank }] of mapped) if (bank.iban) ibans.set(normaliseIban(bank.iban), id);
  const rows: TransferPayment[] = [];
  for (const accountId of mapped.keys()) {
    const range = {
      index: "byAccount",
      equals: [accountId],
      from: addDays(first, -4),
      to: addDays(last, 5),
    };
    for await (const payment of store.collection(payments).scan(range, ["raw"])) {
      if (payment.status !== "booked") continue;
      const iban = payment.counterparty?.iban;
      rows.push({ ...pick(payment), ...(iban ? { counterpartyIban: iban } : {}) });
    }
  }
  const pairs = pairTransfers(rows, ibans);
  const mark = new TransferMarker(context, budgetId, rows, ibans);
  await inChunks(pairs, async (chunk) => {
    counts["transfersPaired"]! += await mark.pairs(chunk);
    return [];
  });
  const paired = new Set(pairs.flatMap((pair) => [pair.outgoing, pair.incoming]));
  await mark.lonely(items.filter((item) => !paired.has(item.paymentId)));
}

class TransferMarker {
  private readonly byId: ReadonlyMap<Id, TransferPayment>;

  constructor(
    private readonly context: StepContext,
    private readonly budgetId: Id,
    rows: readonly TransferPayment[],
    private readonly ibans: ReadonlyMap<string, Id>,
  ) {
    this.byId = new Map(rows.map((row) => [row.id, row]));
  }

  /** @returns how many pairs were not known before */
  async pairs(pairs: readonly TransferPair[]): Promise<number> {
    const { store } = this.context;
    const ids = pairs.flatMap((pair) => [pair.outgoing, pair.incoming]).map((id) => `${id}|${this.budgetId}`);
    const items = new Map((await store.collection(queue).getMany(ids)).map((item) => [item.paymentId, item]));
    const moves: Move[] = [];
    const marks: { id: Id; expected: Partial<QueueItem>; set: Partial<QueueItem> }[] = [];
    let fresh = 0;
    for (const pair of pairs) {
      const outgoing = items.get(pair.outgoing);
      const incoming = items.get(pair.incoming);
      if (!outgoing || !incoming) continue;
      if (outgoing.transferPaymentId !== pair.incoming) fresh++;
      const [lead, follower] = this.roles(outgoing, incoming);
      for (const [item, other] of [
        [outgoing, incoming],
        [incoming, outgoing],
      ] as const) {
        const set = { transferPaymentId: other.paymentId, transferAccountId: other.accountId };
        if (item.transferPaymentId === set.transferPaymentId) continue;
        if (item === follower) continue;
        if (item !== lead && isWaiting(item)) continue;
        marks.push({ id: item.id, expected: { state: item.state, stateSince: item.stateSince }, set });
      }
      if (follower && lead) {
        const set = {
          skipReason: "own-transfer" as const,
          transferPaymentId: lead.paymentId,
          transferAccountId: lead.accountId,
        };
        moves.push({ item: follower, to: "skipped", set });
      }
    }
    await store.collection(queue).updateMany(marks);
    await moveItems(store, moves, this.context.now());
    return fresh;
  }

  /** Which side is written as the transfer, and which waiting side then comes with it. */
  private roles(outgoing: QueueItem, incoming: QueueItem): [QueueItem | undefined, QueueItem | undefined] {
    if (isWaiting(outgoing) && isWaiting(incoming)) return [outgoing, incoming];
    if (isWaiting(incoming) && writesTransfer(outgoing)) return [outgoing, incoming];
    if (isWaiting(outgoing) && writesTransfer(incoming)) return [incoming, outgoing];
    return [undefined, undefined];
  }

  /** A payment to or from an own account whose other side has not come yet: it is written as a transfer already. */
  async lonely(items: readonly QueueItem[]): Promise<void> {
    const marks = [];
    const turns = new Turns();
    for (const item of items) {
      if (turns.due) await turns.take();
      const iban = this.byId.get(item.paymentId)?.counterpartyIban;
      const other = iban ? this.ibans.get(normaliseIban(iban)) : undefined;
      if (!other || other === item.accountId || !isWaiting(item) || item.transferAccountId === other)
        continue;
      marks.push({
        id: item.id,
        expected: { state: item.state, stateSince: item.stateSince },
        set: { transferAccountId: other },
      });
    }
    await inChunks(marks, async (chunk) => {
      await this.context.store.collection(queue).updateMany(chunk);
      return [];
    });
  }
}

function isWaiting(item: QueueItem): boolean {
  return WAITING.includes(item.state) && !item.fills && !item.revises;
}

/** Was, or is being, this side written by us as a transfer, so that the budget makes the other side itself? */
function writesTransfer(item: QueueItem): boolean {
  return (
    item.transferAccountId !== undefined &&
    ["synced", "leased", "sending"].includes(item.state) &&
    item.skipReason === undefined
  );
}

function pick({ id, accountId, date, amount, currency }: PaymentFacts) {
  return { id, accountId, date, amount, currency };
}

async function inChunks<T, R>(
  items: readonly T[],
  work: (chunk: T[]) => Promise<R[]>,
  size = 500,
): Promise<R[]> {
  const found: R[] = [];
  for (let start = 0; start < items.length; start += size)
    found.push(...(await work(items.slice(start, start + size))));
  return found;
}
