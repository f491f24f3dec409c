import type { BudgetProvider } from "../budget";
import {
  batches,
  payments,
  queue,
  transactions,
  type Batch,
  type QueueItem,
  type Store,
  type Transaction,
  type WrittenValues,
} from "../store";
import { TallyError, toTallyError, type ErrorCode, type Id, type Instant } from "../values";
import { itemsOf } from "./batches";
import { moveItems, WAITING, type Move } from "./states";
import { changesSince } from "./written";

export interface UndoOptions {
  /** Only say what would become of each item: the budget is read, and neither it nor the store is changed. */
  dryRun?: boolean;
  /** Stops at the next safe point with CANCELLED; what is undone stays so. */
  signal?: AbortSignal;
  now?: () => Instant;
}

/** An item of a batch and the transaction it was written to. */
export interface UndoneItem {
  /** Of the queue item. */
  id: Id;
  paymentId: Id;
  transactionId?: Id;
  /** The transaction stood in the budget before the batch: it is given back what it had, and not deleted. */
  restores?: true;
}

export type UndoRefusal =
  /** The row, or the other side of the transfer, is reconciled. */
  | "reconciled"
  /** A person changed or approved it after us. */
  | "changed"
  /** It stood in the budget before this batch, which wrote nothing for it. */
  | "not-written"
  /** A worker holds it right now. */
  | "in-hand"
  /** The budget refused. */
  | "refused";

export interface UndoResult {
  batchId: Id;
  /** Deleted, or given back what it had before. */
  undone: UndoneItem[];
  /** Nothing of it stood in the budget any more. */
  gone: UndoneItem[];
  refused: (UndoneItem & { reason: UndoRefusal; message: string })[];
}

/** Items undone between two writes to the store: what a crash leaves to be found as gone. */
const CHUNK = 25;
/** What the budget may answer about one row, so that the others are tried without it. */
const OF_ONE_ROW: readonly ErrorCode[] = ["PROVIDER_REFUSED", "CATEGORY_GONE", "NOT_FOUND"];

interface Plan {
  item: QueueItem;
  /** As it stands now. */
  row: Transaction;
}

/**
 * Take a batch back: transactions that it created are deleted, transactions that it changed get back what they had.
 * Left alone, each with its reason, are reconciled rows and rows that a person changed since. The payments become
 * `skipped(undone)` and are written again only when a person requeues them.
 *
 * What was changed afterwards to what the bank booked, or is about to be, goes with the batch that created it. It goes
 * with the batch that changed it as well, since what stood there before is not what the bank says any more.
 *
 * It can be repeated: after a crash or an error, another call finds what is gone already and goes on with the rest.
 *
 * @throws TallyError NOT_FOUND when there is no such batch; CONFIG_INVALID when it belongs to another budget than the
 *   provider's; CANCELLED; what the budget throws when it cannot be reached (`details.undone` says how far it came)
 */
export async function undoBatch(
  store: Store,
  provider: BudgetProvider,
  batchId: Id,
  options: UndoOptions = {},
): Promise<UndoResult> {
  const batch = await store.collection(batches).get(batchId);
  if (!batch) throw new TallyError("NOT_FOUND", `There is no batch ${batchId.slice(0, 60)}.`);
  if (batch.budgetId !== provider.budgetId) {
    throw new TallyError(
      "CONFIG_INVALID",
      `The batch was written to the budget ${batch.budgetId}, and the connection is to ${provider.budgetId}. Choose the connection of that budget.`,
    );
  }
  const undo = new Undo(store, provider, batch, options);
  try {
    await undo.run();
  } catch (thrown) {
    const error = toTallyError(thrown);
    const { retryable, retryAfterMs, details } = error;
    throw new TallyError(error.code, `${error.message} Undo the batch again to go on where it stopped.`, {
      retryable,
      details: { ...details, undone: undo.result.undone.length },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      cause: error,
    });
  }
  if (options.dryRun) return undo.result;
  const { undone, gone, refused } = undo.result;
  const counts = { undone: undone.length, gone: gone.length, refused: refused.length };
  await store
    .collection(batches)
    .updateMany([{ id: batchId, expected: {}, set: { undoneAt: undo.now(), undo: counts } }]);
  return undo.result;
}

class Undo {
  readonly result: UndoResult;
  readonly now: () => Instant;

  constructor(
    private readonly store: Store,
    private readonly provider: BudgetProvider,
    private readonly batch: Batch,
    private readonly options: UndoOptions,
  ) {
    this.result = { batchId: batch.id, undone: [], gone: [], refused: [] };
    this.now = options.now ?? (() => new Date().toISOString());
  }

  async run(): Promise<void> {
    const written = await this.named(await this.written());
    const rows = await this.read(written.flatMap(({ transactionId }) => transactionId ?? []));
    const booked = await this.booked(written);
    const others = await this.read([...rows.values()].flatMap((row) => row.transferTransactionId ?? []));
    const plans: Plan[] = [];
    const gone: QueueItem[] = [];
    for (const item of written) {
      const row = rows.get(item.transactionId ?? "");
      if (!row || isRestored(item, row)) gone.push(item);
      else if (this.mayUndo(item, row, others.get(row.transferTransactionId ?? ""), booked.get(item.id)))
        plans.push({ item, row });
    }
    await this.settle(gone, this.result.gone);
    for (let at = 0; at < plans.length; at += CHUNK) await this.takeBack(plans.slice(at, at + CHUNK));
  }

  /** What the batch wrote, as far as it is not undone yet; what cannot be undone is refused here. */
  private async written(): Promise<QueueItem[]> {
    const found: QueueItem[] = [];
    for await (const item of this.store.collection(queue).scan(itemsOf(this.batch))) {
      if (item.state === "leased" || item.state === "sending") {
        this.refuse(item, "in-hand", "It is being written right now. Undo the batch again in a few minutes.");
      } else if (item.state === "skipped" && item.skipReason === "undone") {
        this.result.gone.push(nameOf(item));
      } else if (stands(item) && item.wrote) found.push(item);
      else if (stands(item))
        this.refuse(item, "not-written", "It stood in the budget already; this batch did not write it.");
    }
    return found;
  }

  /**
   * The same, each with its transaction. Where a duplicate answer alone told that it stands, and so not which one it is,
   * the budget is asked: it must not be taken for gone.
   */
  private async named(items: readonly QueueItem[]): Promise<QueueItem[]> {
    const known = items.map((item) => {
      const transactionId = item.transactionId ?? item.revises;
      return transactionId ? { ...item, transactionId } : item;
    });
    const unnamed = known.filter((item) => !item.transactionId);
    const [first] = unnamed;
    if (!first) return known;
    const found = await this.provider.find(
      unnamed.map(({ importId }) => importId),
      {
        from: unnamed.reduce((least, { wrote }) => (wrote!.date < least ? wrote!.date : least), first.date),
        accountIds: [...new Set(unnamed.map(({ wrote }) => wrote!.accountId))],
      },
      this.options.signal,
    );
    return known.map((item) => {
      const transactionId = item.transactionId ?? found.get(item.importId);
      return transactionId ? { ...item, transactionId } : item;
    });
  }

  /**
   * What stands in the budget where a change to what the bank booked was sent and no answer came: that is our own doing
   * too, and no person's.
   */
  private async booked(items: readonly QueueItem[]): Promise<Map<Id, WrittenValues>> {
    const changing = items.filter((item) => item.revises);
    const found = await this.store.collection(payments).getMany(
      changing.map(({ paymentId }) => paymentId),
      ["raw"],
    );
    const facts = new Map(found.map((payment) => [payment.id, payment]));
    return new Map(
      changing.flatMap(({ id, paymentId, wrote }) => {
        const payment = facts.get(paymentId);
        return payment ? [[id, { ...wrote!, date: payment.date, amount: payment.amount }]] : [];
      }),
    );
  }

  private async read(ids: readonly Id[]): Promise<Map<Id, Transaction>> {
    const rows = await this.provider.read([...new Set(ids)], this.options.signal);
    return new Map(rows.map((row) => [row.id, row]));
  }

  private mayUndo(
    item: QueueItem,
    row: Transaction,
    otherSide: Transaction | undefined,
    booked: WrittenValues | undefined,
  ): boolean {
    if (row.cleared === "reconciled" || otherSide?.cleared === "reconciled") {
      this.refuse(item, "reconciled", "It is reconciled. Unlock it in the budget first, or delete it there.");
      return false;
    }
    const changed = changesSince(item.wrote!, row).filter(
      (what) => !item.fills || what === "category" || what === "approval",
    );
    if (changed.length > 0 && booked && changesSince(booked, row).length === 0) return true;
    if (changed.length > 0)
      this.refuse(
        item,
        "changed",
        `A person changed it since (${changed.join(", ")}). Undo it in the budget.`,
      );
    return changed.length === 0;
  }

  private async takeBack(plans: readonly Plan[]): Promise<void> {
    const { signal, dryRun } = this.options;
    if (dryRun) {
      this.result.undone.push(...plans.map(({ item }) => nameOf(item)));
      return;
    }
    if (signal?.aborted)
      throw new TallyError("CANCELLED", "The undo was stopped before it was done.", { retryable: true });
    const changed = plans.filter(({ item }) => item.fills);
    const created = plans.filter(({ item }) => !item.fills);
    try {
      if (created.length > 0)
        await this.provider.delete([...new Set(created.map(({ row }) => row.id))], signal);
      if (changed.length > 0)
        await this.provider.update(
          changed.map(({ item, row }) => ({ id: row.id, categoryId: item.prior?.categoryId ?? null })),
          signal,
        );
    } catch (thrown) {
      const error = toTallyError(thrown);
      const [only] = plans;
      if (!only || !OF_ONE_ROW.includes(error.code)) throw error;
      if (plans.length === 1) return this.refuse(only.item, "refused", error.message);
      for (const plan of plans) await this.takeBack([plan]);
      return;
    }
    await this.remember(created, changed);
    await this.settle(
      plans.map(({ item }) => item),
      this.result.undone,
    );
  }

  /** The store's copy follows at once, so that nothing is matched with or learned from what is gone. */
  private async remember(created: readonly Plan[], changed: readonly Plan[]): Promise<void> {
    const deleted = created.flatMap(({ row }) => [row.id, row.transferTransactionId ?? []].flat());
    await this.store.collection(transactions).updateMany([
      ...deleted.map((id) => ({ id, expected: {}, set: { deleted: true } })),
      ...changed.map(({ item, row }) => ({
        id: row.id,
        expected: {},
        set: { categoryId: item.prior?.categoryId ?? null },
      })),
    ]);
  }

  private async settle(items: readonly QueueItem[], into: UndoneItem[]): Promise<void> {
    if (this.options.dryRun) {
      into.push(...items.map(nameOf));
      return;
    }
    const moves = items.map((item): Move => {
      const set = {
        skipReason: "undone" as const,
        wrote: undefined,
        revises: undefined,
        uncleared: undefined,
        attempt: 0,
        error: undefined,
      };
      return { item, to: "skipped", set };
    });
    await moveItems(this.store, moves, this.now());
    into.push(...items.map(nameOf));
  }

  private refuse(item: QueueItem, reason: UndoRefusal, message: string): void {
    this.result.refused.push({ ...nameOf(item), reason, message });
  }
}

/** Does what was written for it stand in the budget, be it that its change to what was booked waits, or was refused? */
function stands({ state, revises }: QueueItem): boolean {
  return state === "synced" || (revises !== undefined && (state === "dead" || WAITING.includes(state)));
}

/** Has a filled transaction what it had before, by an undo that was cut off or by a person? */
function isRestored(item: QueueItem, row: Transaction): boolean {
  return (
    item.fills !== undefined && !row.split && (row.categoryId ?? null) === (item.prior?.categoryId ?? null)
  );
}

function nameOf({ id, paymentId, transactionId, fills }: QueueItem): UndoneItem {
  return {
    id,
    paymentId,
    ...(transactionId ? { transactionId } : {}),
    ...(fills ? { restores: true as const } : {}),
  };
}
