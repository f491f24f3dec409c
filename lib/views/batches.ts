import { itemsOf, listBatches, type BatchSummary } from "../queue";
import {
  batches,
  budgets,
  payments,
  queue,
  runs,
  type Batch,
  type Budget,
  type QueueItem,
  type Run,
} from "../store";
import { formatAmount, TallyError } from "../values";
import { byId } from "./read";
import { itemRows } from "./queue";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/**
 * What was written together, newest first: when, by which run, how many payments, what they come to, and what became of
 * them since. What was sent again counts in the later batch.
 */
export async function readBatches({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const { budgetId, limit, after } = request;
  const page = await listBatches(store, {
    limit,
    ...(budgetId ? { budgetId } : {}),
    ...(after ? { after } : {}),
  });
  const [of, known] = await Promise.all([
    byId<Run>(store.collection(runs).getMany([...new Set(page.batches.map((batch) => batch.runId))])),
    byId<Budget>(store.collection(budgets).getMany([...new Set(page.batches.map((one) => one.budgetId))])),
  ]);
  const rows: Row[] = [];
  for (const batch of page.batches) {
    const run = of.get(batch.runId);
    rows.push({
      id: batch.id,
      budgetId: batch.budgetId,
      budget: known.get(batch.budgetId)?.name ?? null,
      at: batch.at,
      runId: batch.runId,
      job: run?.job ?? null,
      trigger: run?.trigger ?? null,
      items: batch.items,
      ...standing(batch),
      ...(await sums(store, batch)),
      undoneAt: batch.undoneAt ?? null,
      undone: batch.undo?.undone ?? null,
      gone: batch.undo?.gone ?? null,
      refused: batch.undo?.refused ?? null,
    });
  }
  return { rows, next: page.next };
}

function standing({ states }: BatchSummary): Row {
  const { synced = 0, skipped = 0, dead = 0 } = states;
  const all = Object.values(states).reduce((sum, items) => sum + items, 0);
  return { written: synced, takenBack: skipped, dead, underway: all - synced - skipped - dead };
}

/** What came in and went out by the payments of a batch, in each currency. */
async function sums(store: Sources["store"], batch: Batch): Promise<Row> {
  const found = new Map<string, { in: number; out: number }>();
  let after: string | undefined;
  do {
    const page = await store.collection(queue).find({
      ...itemsOf(batch),
      limit: 500,
      ...(after ? { after } : {}),
    });
    const ids = page.items.map((item) => item.paymentId);
    for (const { currency, amount } of await store.collection(payments).getMany(ids, ["raw"])) {
      const sum = found.get(currency) ?? { in: 0, out: 0 };
      if (amount > 0) sum.in += amount;
      else sum.out += amount;
      found.set(currency, sum);
    }
    after = page.next;
  } while (after);
  const text = (side: "in" | "out") =>
    [...found]
      .filter(([, sum]) => sum[side] !== 0)
      .map(([currency, sum]) => `${formatAmount(sum[side], currency)} ${currency}`)
      .join(", ") || null;
  return { inText: text("in"), outText: text("out") };
}

/**
 * The payments of one batch, each with what the batch did: `created` a transaction, `filled` in a category, `changed` what
 * another batch had created to what the bank booked, or `nothing`, since it was there already or was taken back.
 */
export async function readBatch(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const { batchId, limit, after } = request;
  if (!batchId)
    throw new TallyError("CONFIG_INVALID", "No batch is named. Give its id as the option batchId.");
  const { store } = sources;
  const batch = await store.collection(batches).get(batchId);
  if (!batch) throw new TallyError("NOT_FOUND", `There is no batch ${batchId.slice(0, 60)}.`);
  const page = await store.collection(queue).find({
    ...itemsOf(batch),
    limit,
    ...(after ? { after } : {}),
  });
  const rows = await itemRows(sources, page.items);
  return { rows: rows.map((row, at) => ({ ...row, did: didOf(batch, page.items[at]!) })), next: page.next };
}

function didOf(batch: Batch, item: QueueItem): string {
  if (item.state !== "synced" || !item.wrote) return "nothing";
  if (batch.revises) return "changed";
  return item.fills ? "filled" : "created";
}
