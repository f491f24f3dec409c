import type { BudgetProvider } from "../budget";
import type { Counts, StepContext } from "../runs";
import { cursors, queue, type QueueItem, type QueueState } from "../store";
import type { Id } from "../values";
import { admit } from "./admit";
import { fillBatch, offerFills } from "./fill";
import { applyMapping, checkMapping, mappedAccounts, planMapping } from "./mapping";
import { writeContext, type Pass, type QueueSyncOptions, type QueueSyncResult } from "./pass";
import { preview } from "./preview";
import { followUncleared, reviseBatch } from "./revise";
import { recoverExpired } from "./recover";
import { sendBatch } from "./send";
import { moveItems, type Move } from "./states";

/**
 * Send classified queue items to the budget, exactly once. `sending` is stored before the request; a duplicate answer
 * counts as success; after an unknown outcome the budget is read back before anything is sent again. Oldest payments
 * go first. One bad item never holds up the others: what a whole request stumbled over comes after the others, in ever
 * smaller bulks. Everything in hand is handed back when the step is stopped.
 *
 * With `dryRun` neither the store nor the budget is changed.
 *
 * @throws TallyError AUTH_*, NOT_FOUND, RATE_LIMITED, PROVIDER_UNAVAILABLE: the budget as a whole cannot be written
 *   now. No item has lost its place by that.
 */
export async function queueSync(
  context: StepContext,
  budget: BudgetProvider,
  options: QueueSyncOptions,
): Promise<QueueSyncResult> {
  const { store } = context;
  const { budgetId } = budget;
  const mapping = options.mapping ?? [];
  checkMapping(mapping);
  const planned = await planMapping(store, budgetId, mapping);
  for (const line of planned.unknown) context.log("warn", line);
  const mapped = await mappedAccounts(store, budgetId, planned);
  const counts: Counts = {
    synced: 0,
    duplicates: 0,
    retried: 0,
    dead: 0,
    review: 0,
    waiting: 0,
    recovered: 0,
    lost: 0,
  };
  const pass: Pass = {
    context,
    budget,
    options,
    counts,
    result: { counts, skipped: {}, batchIds: [], problems: [] },
    writing: await writeContext(store, budget, options, mapped),
    fresh: new Map(),
  };
  const calls = budget.calls;
  if (options.dryRun) await listAll(pass);
  else {
    await applyMapping(store, budgetId, mapping);
    await sendAll(pass);
  }
  if (counts["waiting"]! > 0) {
    context.log(
      "warn",
      `${counts["waiting"]} payments wait until the budget was read and matched. Run budget extract and match before queue sync.`,
    );
  }
  counts["calls"] = budget.calls - calls;
  counts["review"] = await count(pass, "review");
  counts["dead"] = await count(pass, "dead");
  return pass.result;
}

/** When the match step last compared everything queued with the budget. */
export function matchedCursorId(budgetId: Id): string {
  return `matched:${budgetId}`;
}

async function matchedAt({ context, budget }: Pass): Promise<string> {
  return (await context.store.collection(cursors).get(matchedCursorId(budget.budgetId)))?.at ?? "";
}

async function listAll(pass: Pass): Promise<void> {
  const { writes, changes, skipped, waiting } = await preview(pass, await matchedAt(pass));
  pass.result.wouldWrite = writes;
  if (changes.length > 0) pass.result.wouldChange = changes;
  pass.result.skipped = skipped;
  pass.counts["waiting"] = waiting;
  const { emit, runId } = pass.context;
  const { limits, budgetId } = pass.budget;
  await emit("queue.previewed", budgetId, {
    runId,
    writes: writes.length,
    changes: changes.length,
    waiting,
    skipped,
  });
  for (let at = 0; at < writes.length; at += limits.bulk)
    await emit("queue.would-write", budgetId, { runId, at, items: writes.slice(at, at + limits.bulk) });
  for (let at = 0; at < changes.length; at += limits.bulk)
    await emit("queue.would-change", budgetId, { runId, at, items: changes.slice(at, at + limits.bulk) });
}

async function sendAll(pass: Pass): Promise<void> {
  const { context, budget, result } = pass;
  const { store } = context;
  await recoverExpired(pass);
  const { startDate } = pass.options;
  const admission = { budgetId: budget.budgetId, compareAgain: true, ...(startDate ? { startDate } : {}) };
  for (const [name, moved] of Object.entries(await admit(store, admission, context.now())))
    if (name.startsWith("skipped ")) result.skipped[name.slice(8)] = moved;
  await followUncleared(pass);
  await takeUpDue(pass);
  await sendReady(pass, () => true);
  if (pass.counts["apart"]) {
    await followUncleared(pass);
    await sendReady(pass, ({ revises }) => revises !== undefined);
  }
  if (pass.options.fill) await offerFills(pass);
}

/** Send what is classified and was compared with the budget. */
async function sendReady(pass: Pass, wanted: (item: QueueItem) => boolean): Promise<void> {
  const { context, budget, counts } = pass;
  const total = await count(pass, "classified");
  const matched = await matchedAt(pass);
  const suspects: QueueItem[] = [];
  let after: string | undefined;
  const send = async (items: readonly QueueItem[]) => {
    context.signal.throwIfAborted();
    const created = items.filter((item) => !item.fills && !item.revises);
    const filled = items.filter((item) => item.fills);
    const revised = items.filter((item) => item.revises);
    if (created.length > 0) await sendBatch(pass, created);
    if (filled.length > 0) await fillBatch(pass, filled);
    if (revised.length > 0) await reviseBatch(pass, revised);
    context.progress(counts["synced"]!, total);
  };
  do {
    context.signal.throwIfAborted();
    const page = await context.store.collection(queue).find({
      index: "byState",
      equals: [budget.budgetId, "classified"],
      limit: budget.limits.bulk,
      ...(after ? { after } : {}),
    });
    after = page.next;
    // Not compared with the budget yet: a person may have entered it by hand.
    const items = page.items.filter(wanted);
    const ready = items.filter((item) => item.enqueuedAt <= matched);
    counts["waiting"]! += items.length - ready.length;
    suspects.push(...ready.filter((item) => item.setbacks));
    await send(ready.filter((item) => !item.setbacks));
  } while (after);
  for (const bulk of smallerBulks(suspects, budget.limits.bulk)) await send(bulk);
}

/** Items that were part of failed requests: those with the fewest failures first, half as many at once with each. */
function* smallerBulks(items: readonly QueueItem[], most: number): Generator<QueueItem[]> {
  const groups = new Map<number, QueueItem[]>();
  for (const item of items) groups.set(item.setbacks!, [...(groups.get(item.setbacks!) ?? []), item]);
  for (const [setbacks, group] of [...groups].sort(([a], [b]) => a - b)) {
    const size = Math.max(1, Math.floor(most / 2 ** setbacks));
    for (let at = 0; at < group.length; at += size) yield group.slice(at, at + size);
  }
}

async function takeUpDue({ context, budget }: Pass): Promise<void> {
  const now = context.now();
  const due: Move[] = [];
  const range = { index: "byDue", equals: [budget.budgetId, "retry"], to: now + "~" };
  for await (const item of context.store.collection(queue).scan(range)) due.push({ item, to: "classified" });
  await moveItems(context.store, due, now);
}

function count({ context, budget }: Pass, state: QueueState): Promise<number> {
  return context.store.collection(queue).count({ index: "byState", equals: [budget.budgetId, state] });
}
