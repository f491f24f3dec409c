import type { NewTransaction, TransactionChange } from "../budget";
import { queue, transactions, type QueueItem, type QueueState } from "../store";
import { Judge } from "./admit";
import { changeOf, isFillable } from "./fill";
import { successions } from "./handover";
import { paymentsOf, type Pass } from "./pass";
import { prepare } from "./prepare";
import { expired, findSent } from "./recover";

const PAGE = 500;

export interface Preview {
  /** Oldest payment first. */
  writes: NewTransaction[];
  /** Transactions that would be given a category. */
  changes: TransactionChange[];
  /** How many payments would be skipped, by reason. */
  skipped: Record<string, number>;
  /** How many wait until the budget was read and matched. */
  waiting: number;
}

/**
 * What a pass would write now. Reads the store, and the budget only where items of a worker that went away may have
 * been written; changes neither.
 */
export async function preview(pass: Pass, matchedAt: string): Promise<Preview> {
  const { context, budget, options, writing } = pass;
  const { budgetId } = budget;
  const { startDate } = options;
  const judge = await Judge.create(
    context.store,
    { budgetId, ...(startDate ? { startDate } : {}) },
    context.now(),
    writing.mapped,
  );
  const skipped: Record<string, number> = {};
  const found: { date: string; write: NewTransaction }[] = [];
  const changes: TransactionChange[] = [];
  let waiting = 0;
  const look = async (items: readonly QueueItem[]): Promise<void> => {
    context.signal.throwIfAborted();
    const payments = await paymentsOf(context.store, items);
    const heirs = await successions(context.store, items, payments, context.now(), true);
    const admitted = items.filter((item) => {
      const payment = payments.get(item.paymentId);
      const succession = heirs.get(item.id);
      // A change to what was booked, or on its way to be one.
      if (item.revises || succession?.to === "revise") return false;
      const reason = payment && judge.reason(item, payment, succession);
      if (reason) skipped[reason] = (skipped[reason] ?? 0) + 1;
      return payment && !reason;
    });
    const ready = admitted.filter((item) => item.enqueuedAt <= matchedAt);
    waiting += admitted.length - ready.length;
    const fills = ready.flatMap((item) => changeOf(item) ?? []);
    const rows = await context.store.collection(transactions).getMany(fills.map(({ id }) => id));
    const fillable = new Set(rows.filter(isFillable).map(({ id }) => id));
    changes.push(...fills.filter(({ id }) => fillable.has(id)));
    const created = ready.filter((item) => !item.fills);
    const { ready: writes, ahead } = await prepare(pass, created);
    for (const { item, write } of writes) found.push({ date: item.date, write });
    if (ahead.length > 0) skipped["future-date"] = (skipped["future-date"] ?? 0) + ahead.length;
  };
  const scan = async (state: QueueState, wanted: (item: QueueItem) => boolean): Promise<void> => {
    let after: string | undefined;
    do {
      const page = await context.store
        .collection(queue)
        .find({ index: "byState", equals: [budgetId, state], limit: PAGE, ...(after ? { after } : {}) });
      await look(page.items.filter(wanted));
      after = page.next;
    } while (after);
  };
  const now = context.now();
  await scan("classified", () => true);
  await scan("retry", (item) => item.dueAt <= now);
  await look(await expired(pass, "leased"));
  const inTheAir = await expired(pass, "sending");
  const sent = await findSent(pass, inTheAir);
  await look(inTheAir.filter((item) => !sent.has(item.id)));
  found.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  return { writes: found.map(({ write }) => write), changes, skipped, waiting };
}
