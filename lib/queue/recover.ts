import { queue, type QueueItem, type QueueState } from "../store";
import { findFilled } from "./fill";
import type { Pass } from "./pass";
import { moveItems, type Move } from "./states";

/** Items whose worker went away: those not sent yet go back, those in the air are read back first. */
export async function recoverExpired(pass: Pass): Promise<void> {
  const { context } = pass;
  await release(pass, await expired(pass, "leased"));
  const inTheAir = await expired(pass, "sending");
  const { bulk } = pass.budget.limits;
  for (let at = 0; at < inTheAir.length; at += bulk) {
    context.signal.throwIfAborted();
    await release(pass, await readBack(pass, inTheAir.slice(at, at + bulk)));
  }
}

/** Items in this state whose lease ran out, or whose worker is known to be gone. */
export async function expired(
  { context, budget, options }: Pick<Pass, "context" | "budget" | "options">,
  state: QueueState,
): Promise<QueueItem[]> {
  const now = context.now();
  const isGone = (owner: string | undefined) =>
    owner !== undefined && owner !== options.worker && (options.isGone?.(owner) ?? false);
  const found: QueueItem[] = [];
  for await (const item of context.store
    .collection(queue)
    .scan({ index: "byState", equals: [budget.budgetId, state] })) {
    if ((item.leaseUntil ?? "") <= now || isGone(item.leaseOwner)) found.push(item);
  }
  return found;
}

async function release({ context }: Pass, items: readonly QueueItem[]): Promise<void> {
  const moves = items.map((item): Move => ({ item, to: "classified" }));
  await moveItems(context.store, moves, context.now());
}

/** Which of these items in the air stand in the budget after all? They become synced; the others are returned. */
export async function readBack(pass: Pass, items: readonly QueueItem[]): Promise<QueueItem[]> {
  const { context, counts } = pass;
  const found = await findSent(pass, items);
  const there = items.filter((item) => found.has(item.id));
  const moved = await moveItems(
    context.store,
    there.map((item) => ({ item, to: "synced", set: { transactionId: found.get(item.id)! } })),
    context.now(),
  );
  counts["synced"]! += moved.length;
  counts["recovered"]! += moved.length;
  return items.filter((item) => !found.has(item.id));
}

/** Item id -> transaction id, for the items whose write stands in the budget. Asks the budget, writes nothing. */
export async function findSent(
  pass: Pick<Pass, "budget" | "writing">,
  items: readonly QueueItem[],
): Promise<Map<string, string>> {
  const filled = await findFilled(
    pass,
    items.filter((item) => item.fills),
  );
  const created = await findCreated(
    pass,
    // A change to what was booked is sent again: it says the same.
    items.filter((item) => !item.fills && !item.revises),
  );
  return new Map([...filled, ...created]);
}

async function findCreated(
  { budget, writing }: Pick<Pass, "budget" | "writing">,
  items: readonly QueueItem[],
): Promise<Map<string, string>> {
  const [first] = items;
  if (!first) return new Map();
  const from = items.reduce((least, item) => (item.date < least ? item.date : least), first.date);
  const accounts = items.flatMap((item) => writing.mapped.get(item.accountId)?.budget.id ?? []);
  const importIds = items.map((item) => item.importId);
  const found = await budget.find(importIds, { from, accountIds: [...new Set(accounts)] });
  return new Map(
    items.flatMap((item) => {
      const transactionId = found.get(item.importId);
      return transactionId ? [[item.id, transactionId]] : [];
    }),
  );
}
