import { randomUUID } from "node:crypto";
import { batches, type QueueItem } from "../store";
import type { Pass } from "./pass";
import { moveItems, type Move } from "./states";

/** Items in a worker's hands, under the batch they are sent in. */
export interface Held {
  batchId: string;
  items: QueueItem[];
}

/**
 * Take items into this worker's hands: leased under a new batch, then `sending` with what is about to be written.
 * @param sent what `sending` says beside lease and batch
 * @param field where items name the batch: one that changes what was written leaves them in the batch that wrote it
 * @returns those that nobody else took meanwhile, or undefined when there are none, or the lease ran out over this:
 *   then whoever finds them reads them back first
 */
export async function take(
  pass: Pass,
  items: readonly QueueItem[],
  sent: (item: QueueItem) => Partial<QueueItem>,
  field: "batchId" | "revisedIn" = "batchId",
): Promise<Held | undefined> {
  const { context, options, budget } = pass;
  const { store } = context;
  const batchId = `batch:${randomUUID()}`;
  const lease = () => ({
    leaseOwner: options.worker,
    leaseUntil: new Date(Date.parse(context.now()) + (options.leaseMs ?? 300_000)).toISOString(),
    [field]: batchId,
  });
  const leasing = items.map((item): Move => ({ item, to: "leased", set: lease() }));
  const leased = await moveItems(store, leasing, context.now());
  if (leased.length === 0) return undefined;
  await store.collection(batches).insertMissing([
    {
      id: batchId,
      budgetId: budget.budgetId,
      at: context.now(),
      worker: options.worker,
      runId: context.runId,
      items: leased.length,
      ...(field === "revisedIn" ? { revises: true as const } : {}),
    },
  ]);
  const until = lease();
  const marks = leased.map((item): Move => ({ item, to: "sending", set: { ...sent(item), ...until } }));
  const sending = await moveItems(store, marks, context.now());
  if (sending.length === 0) return undefined;
  if (context.now() >= until.leaseUntil) {
    pass.counts["lost"]! += sending.length;
    return undefined;
  }
  return { batchId, items: sending };
}
