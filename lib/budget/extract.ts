import type { Counts, StepContext } from "../runs";
import {
  budgetAccounts,
  budgets,
  categories,
  cursors,
  payees,
  stamped,
  transactions,
  type Collection,
  type Doc,
  type RangeQuery,
  type Transaction,
  type UpsertResult,
} from "../store";
import type { CalendarDate, Id } from "../values";
import type { BudgetProvider } from "./port";

/** Where the delta cursor of a budget is kept. Its `at` is the moment before the budget was last read. */
export function budgetCursorId(budgetId: Id): string {
  return `budget:${budgetId}`;
}

export interface BudgetExtractOptions {
  /** Load the full history from this date on the first read; everything when absent. */
  since?: CalendarDate;
  /** Forget the cursor and read everything again. */
  full?: boolean;
}

export interface BudgetExtractResult {
  counts: Counts;
  /** Was everything read, or only what changed? */
  full: boolean;
}

type Perishable = Doc & { deleted: boolean };

/**
 * Read the budget into the store: by delta since the last read, with tombstones. After a full read, what the store
 * has and the budget no longer has is marked deleted. The cursor moves last, so that a crash repeats the read.
 * @throws TallyError AUTH_FAILED, NOT_FOUND, RATE_LIMITED, PROVIDER_*
 */
export async function budgetExtract(
  context: StepContext,
  provider: BudgetProvider,
  options: BudgetExtractOptions = {},
): Promise<BudgetExtractResult> {
  const { store } = context;
  const at = context.now();
  const cursorId = budgetCursorId(provider.budgetId);
  const known = options.full ? undefined : await store.collection(cursors).get(cursorId);
  const before = provider.calls;
  const delta = await provider.extract({
    cursor: known?.value ?? null,
    signal: context.signal,
    ...(options.since ? { since: options.since } : {}),
  });
  const counts: Counts = { inserted: 0, changed: 0, unchanged: 0, deleted: 0, calls: 0 };
  await store.collection(budgets).upsertMany([delta.budget]);
  const parts: [Collection<Perishable>, Perishable[], string][] = [
    [store.collection(budgetAccounts) as unknown as Collection<Perishable>, delta.accounts, "byBudget"],
    [store.collection(categories) as unknown as Collection<Perishable>, delta.categories, "byBudget"],
    [store.collection(payees) as unknown as Collection<Perishable>, delta.payees, "byBudget"],
    [store.collection(transactions) as unknown as Collection<Perishable>, delta.transactions, "byBudget"],
  ];
  const total = parts.reduce((sum, [, rows]) => sum + rows.length, 0);
  let done = 0;
  for (const [collection, rows, index] of parts) {
    for (let start = 0; start < rows.length; start += 500) {
      context.signal.throwIfAborted();
      const page = rows.slice(start, start + 500);
      add(counts, await collection.upsertMany(await withInstants(context, collection, page)));
      done += Math.min(500, rows.length - start);
      context.progress(done, total, collection.def.name);
    }
    counts["deleted"]! += rows.filter((row) => row.deleted).length;
    // With a start date, transactions before it were not asked for and are not gone.
    const since = collection.def.name === "transactions" ? options.since : undefined;
    if (delta.full)
      counts["deleted"]! += await buryMissing(
        collection,
        index,
        provider.budgetId,
        new Set(rows.map((row) => row.id)),
        since,
      );
  }
  await store.collection(cursors).upsertMany([{ id: cursorId, value: delta.cursor, at }]);
  counts["calls"] = provider.calls - before;
  return { counts, full: delta.full };
}

/** Transactions with the instant at which they came, so that whoever learns from them can ask for the new ones. */
function withInstants(
  { store, now }: StepContext,
  { def }: Collection<Perishable>,
  page: readonly Perishable[],
): Promise<readonly Perishable[]> {
  if (def.name !== transactions.name) return Promise.resolve(page);
  const rows = page as readonly Transaction[];
  return stamped(store.collection(transactions), "byChanged", rows[0]!.budgetId, rows, now());
}

async function buryMissing(
  collection: Collection<Perishable>,
  index: string,
  budgetId: Id,
  there: ReadonlySet<Id>,
  since: CalendarDate | undefined,
): Promise<number> {
  const missing: Id[] = [];
  const range: Omit<RangeQuery, "limit" | "after"> = {
    index,
    equals: [budgetId],
    ...(since ? { from: since } : {}),
  };
  for await (const row of collection.scan(range))
    if (!row.deleted && !there.has(row.id)) missing.push(row.id);
  for (let start = 0; start < missing.length; start += 500) {
    await collection.updateMany(
      missing.slice(start, start + 500).map((id) => ({ id, expected: {}, set: { deleted: true } })),
    );
  }
  return missing.length;
}

function add(counts: Counts, result: UpsertResult): void {
  counts["inserted"]! += result.inserted;
  counts["changed"]! += result.changed;
  counts["unchanged"]! += result.unchanged;
}
