import type { NewTransaction } from "../budget";
import { queue, type QueueItem, type QueueState } from "../store";
import { Judge } from "./admit";
import { paymentsOf, type Pass } from "./pass";
import { prepare } from "./prepare";
import { expired, findSent } from "./recover";

const PAGE = 500;

/**
 * What a pass would write now, oldest payment first. Reads the store, and the budget only where items of a worker that
 * went away may have been written; changes neither.
 * @returns how many payments would be skipped, by reason, and how many wait
 */
export async function preview(
  pass: Pass,
  matchedAt: string,
): Promise<{ writes: NewTransaction[]; skipped: Record<string, number>; waiting: number }> {
  const { context, budget, options, writing } = pass;
  const { budgetId } = budget;
  const { startDate } = options;
  const judge = await Judge.create(
    context.store,
    { budgetId, ...(startDate ? { startDate } : {}) },
    writing.mapped,
  );
  const skipped: Record<string, number> = {};
  const found: { date: string; write: NewTransaction }[] = [];
  let waiting = 0;
  const look = async (items: readonly QueueItem[]): Promise<void> => {
    context.signal.throwIfAborted();
    const payments = await paymentsOf(context.store, items);
    const admitted = items.filter((item) => {
      const payment = payments.get(item.paymentId);
      const reason = payment && judge.reason(item, payment);
      if (reason) skipped[reason] = (skipped[reason] ?? 0) + 1;
      return payment && !reason;
    });
    const ready = admitted.filter((item) => item.enqueuedAt <= matchedAt);
    waiting += admitted.length - ready.length;
    for (const { item, write } of (await prepare(pass, ready)).ready) found.push({ date: item.date, write });
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
  return { writes: found.map(({ write }) => write), skipped, waiting };
}
