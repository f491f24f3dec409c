import type { Counts, StepContext } from "../runs";
import { payments, queue, transactions, type PaymentFacts, type QueueItem } from "../store";
import { addDays, inChunks, normaliseIban, queueId, runInTurns, takeTurn, turnDue, type Id } from "../values";
import { moveItems, ownAccounts, WAITING, type MappedAccounts, type Move } from "../queue";
import { findingTransfers, type LeftTransfer, type TransferPair, type TransferPayment } from "./transfers";

/** Pair own transfers and tell the queue: one side is written as a transfer, the other comes with it. */
export async function markTransfers(
  context: StepContext,
  budgetId: Id,
  mapped: MappedAccounts,
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
  const banks = [...mapped.values()].map(({ bank }) => bank);
  const ibans = new Map(banks.flatMap(({ id, iban }) => (iban ? [[normaliseIban(iban), id] as const] : [])));
  const ibanOf = new Map([...ibans].map(([iban, id]) => [id, iban]));
  const own = ownAccounts(banks);
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
      const other = own(payment);
      const iban = (other && ibanOf.get(other)) ?? payment.counterparty?.iban;
      rows.push({ ...pick(payment), ...(iban ? { counterpartyIban: iban } : {}) });
    }
  }
  const names = new Map(banks.map(({ id, name }) => [id, name]));
  const { pairs, left } = await runInTurns(findingTransfers(rows, { ibans, names }));
  const mark = new TransferMarker(context, budgetId, rows, ibans);
  await inChunks(pairs, async (chunk) => {
    counts["transfersPaired"]! += await mark.pairs(chunk);
    return [];
  });
  const paired = new Set(pairs.flatMap((pair) => [pair.outgoing, pair.incoming]));
  const waiting = new Map(items.filter(isWaiting).map((item) => [item.paymentId, item]));
  counts["transfersLeft"] = await mark.left(left, waiting);
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
    const ids = pairs
      .flatMap((pair) => [pair.outgoing, pair.incoming])
      .map((id) => queueId(id, this.budgetId));
    const items = new Map((await store.collection(queue).getMany(ids)).map((item) => [item.paymentId, item]));
    const moves: Move[] = [];
    const marks: { id: Id; expected: Partial<QueueItem>; set: Partial<QueueItem> }[] = [];
    let fresh = 0;
    const written = await this.standingTransfers([...items.values()]);
    for (const pair of pairs) {
      const outgoing = items.get(pair.outgoing);
      const incoming = items.get(pair.incoming);
      if (!outgoing || !incoming) continue;
      if (outgoing.transferPaymentId !== pair.incoming) fresh++;
      const [lead, follower] = this.roles(outgoing, incoming, written);
      for (const [item, other] of [
        [outgoing, incoming],
        [incoming, outgoing],
      ] as const) {
        const set = {
          transferPaymentId: other.paymentId,
          transferAccountId: other.accountId,
          transferReason: pair.reason,
        };
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
          transferReason: pair.reason,
        };
        moves.push({ item: follower, to: "skipped", set });
      }
    }
    await store.collection(queue).updateMany(marks);
    await moveItems(store, moves, this.context.now());
    return fresh;
  }

  /** Which side is written as the transfer, and which waiting side then comes with it. */
  private roles(
    outgoing: QueueItem,
    incoming: QueueItem,
    written: ReadonlySet<Id>,
  ): [QueueItem | undefined, QueueItem | undefined] {
    const writes = (item: QueueItem) => writesTransfer(item) || written.has(item.id);
    if (isWaiting(outgoing) && isWaiting(incoming)) return [outgoing, incoming];
    if (isWaiting(incoming) && writes(outgoing)) return [outgoing, incoming];
    if (isWaiting(outgoing) && writes(incoming)) return [incoming, outgoing];
    return [undefined, undefined];
  }

  /**
   * Items found in the budget under our import id whose transaction is a transfer there: written by us before the store
   * was lost, so that the item does not say it.
   */
  private async standingTransfers(items: readonly QueueItem[]): Promise<Set<Id>> {
    const synced = items.filter((item) => item.state === "synced" && item.transferAccountId === undefined);
    const rows = await this.context.store
      .collection(transactions)
      .getMany(synced.flatMap((item) => item.transactionId ?? []));
    const transfers = new Set(
      rows.filter((row) => !row.deleted && row.transferAccountId).map(({ id }) => id),
    );
    return new Set(synced.filter((item) => transfers.has(item.transactionId ?? "")).map(({ id }) => id));
  }

  /** What was left alone keeps the reason. */
  async left(left: readonly LeftTransfer[], waiting: ReadonlyMap<Id, QueueItem>): Promise<number> {
    const marks = left.flatMap(({ id, reason }) => {
      const item = waiting.get(id);
      if (!item || item.transferReason === reason) return [];
      return [
        {
          id: item.id,
          expected: { state: item.state, stateSince: item.stateSince },
          set: { transferReason: reason },
        },
      ];
    });
    return (await this.context.store.collection(queue).updateMany(marks)).updatedIds.length;
  }

  /** A payment to or from an own account whose other side has not come yet: it is written as a transfer already. */
  async lonely(items: readonly QueueItem[]): Promise<void> {
    const marks = [];
    for (const item of items) {
      if (turnDue()) await takeTurn();
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

/** Does it wait to be written as a transaction of its own? */
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

function pick(payment: PaymentFacts): TransferPayment {
  const { id, accountId, date, amount, currency, counterparty, description, original } = payment;
  return {
    id,
    accountId,
    date,
    amount,
    currency,
    text: description,
    ...(counterparty?.name ? { name: counterparty.name } : {}),
    ...(original ? { original } : {}),
  };
}
