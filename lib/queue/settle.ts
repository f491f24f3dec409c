import { payments, queue, transactions, type Match, type QueueState, type Store } from "../store";
import { queueId, type Instant } from "../values";
import { enqueue } from "./enqueue";
import { moveItems, type Move } from "./states";

/** Written, or a worker's to write. */
const IN_HAND: readonly QueueState[] = ["synced", "leased", "sending"];

/**
 * Tell the queue of payments that were found in the budget: under our own import id they are `synced`, otherwise
 * `skipped(already-in-budget)`. Items in a worker's hands are left to it. Call it before the matches are stored: a
 * crash in between is then repaired by the next match step, which finds the same pairs again.
 * @returns how many items were moved
 */
export async function settle(
  store: Store,
  found: readonly Match[],
  now: Instant,
): Promise<{ synced: number; skipped: number }> {
  const counts = { synced: 0, skipped: 0 };
  const collection = store.collection(queue);
  for (let start = 0; start < found.length; start += 500) {
    const matches = new Map(
      found.slice(start, start + 500).map((match) => [queueId(match.paymentId, match.budgetId), match]),
    );
    const items = await collection.getMany([...matches.keys()]);
    const known = new Set(items.map((item) => item.id));
    const missing = [...matches].filter(([id]) => !known.has(id)).map(([, match]) => match);
    for (const budgetId of new Set(missing.map((match) => match.budgetId))) {
      const ids = missing.filter((match) => match.budgetId === budgetId).map((match) => match.paymentId);
      await enqueue(store, budgetId, await store.collection(payments).getMany(ids, ["raw"]), now);
      items.push(...(await collection.getMany(ids.map((id) => queueId(id, budgetId)))));
    }
    // Most that bear our import id are synced already: nothing is to be asked about them.
    const own = items.flatMap((item) => {
      const { id, rule } = matches.get(item.id)!;
      return rule === "import-id" && !IN_HAND.includes(item.state) ? [id] : [];
    });
    const open = new Set(
      (await store.collection(transactions).getMany(own))
        .filter(({ cleared }) => cleared === "uncleared")
        .map(({ id }) => id),
    );
    const moves: Move[] = [];
    for (const item of items) {
      const match = matches.get(item.id)!;
      if (IN_HAND.includes(item.state)) continue;
      if (item.skipReason === "own-transfer") continue;
      const ours = match.rule === "import-id";
      if (!ours && item.state === "skipped" && item.skipReason === "already-in-budget") continue;
      moves.push({
        item,
        to: ours ? "synced" : "skipped",
        // Which transaction it is stands in the match; left out here, one write serves all that are skipped.
        // What we wrote and stands uncleared may not have its last date and amount yet.
        set: ours
          ? { transactionId: match.id, ...(open.has(match.id) ? { uncleared: true } : {}) }
          : { skipReason: "already-in-budget" as const },
      });
    }
    for (const moved of await moveItems(store, moves, now))
      counts[moved.state === "synced" ? "synced" : "skipped"]++;
  }
  return counts;
}
