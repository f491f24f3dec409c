import type { BudgetProvider, NewTransaction, TransactionChange } from "../budget";
import type { Counts, StepContext } from "../runs";
import {
  categories,
  payments,
  type Category,
  type PaymentFacts,
  type QueueItem,
  type Store,
  type Transaction,
} from "../store";
import type { CalendarDate, Id } from "../values";
import type { AccountMapping, MappedAccounts } from "./mapping";
import { payeeNamer, type PayeeRule } from "./payees";
import type { WriteContext, WriteOptions } from "./transaction";

export interface QueueSyncOptions extends Partial<Omit<WriteOptions, "payees">> {
  /** The user's own names of payees. */
  payees?: readonly PayeeRule[];
  mapping?: readonly AccountMapping[];
  startDate?: CalendarDate;
  /** List what would be written and write nothing. */
  dryRun?: boolean;
  /** Give transactions that were in the budget already, without a category, the category of their payment. */
  fill?: boolean;
  /** Names this process in leases. */
  worker: string;
  /** Is the process of this name surely gone, so that its leases need not run out? Nobody is when absent. */
  isGone?: (worker: string) => boolean;
  /** How long a worker may hold items; 5 minutes when absent. */
  leaseMs?: number;
  /** Failures of an item before it is given up as dead; 8 when absent. */
  maxAttempts?: number;
  /** A number from 0 to 1 for the jitter of retries; Math.random when absent. */
  random?: () => number;
}

export interface QueueSyncResult {
  counts: Counts;
  /** What became of this pass, by state or skip reason. */
  skipped: Counts;
  batchIds: string[];
  /** With `dryRun`: what would be written. */
  wouldWrite?: NewTransaction[];
  /** With `dryRun`: which transactions would be given a category. */
  wouldChange?: TransactionChange[];
  /** The first few items that were refused, for people. */
  problems: { paymentId: Id; message: string }[];
}

/** One pass of queue sync, as its parts share it. */
export interface Pass {
  readonly context: StepContext;
  readonly budget: BudgetProvider;
  readonly options: QueueSyncOptions;
  readonly counts: Counts;
  readonly result: QueueSyncResult;
  readonly writing: WriteContext;
  /** Rows that were written a moment ago and are to be changed in this very pass, as the budget stored them. */
  readonly fresh: Map<Id, Transaction>;
}

/** What turning payments into transactions needs, read once for a pass. */
export async function writeContext(
  store: Store,
  budget: BudgetProvider,
  options: QueueSyncOptions,
  mapped: MappedAccounts,
): Promise<WriteContext> {
  const known = new Map<Id, Category>();
  for await (const category of store
    .collection(categories)
    .scan({ index: "byBudget", equals: [budget.budgetId] }))
    known.set(category.id, category);
  return {
    mapped,
    categories: known,
    limits: budget.limits,
    options: {
      explain: options.explain ?? true,
      cleanPayees: options.cleanPayees ?? true,
      foreign: options.foreign ?? true,
      ...(options.payees?.length ? { payees: payeeNamer(options.payees) } : {}),
      ...(options.approveAbove === undefined ? {} : { approveAbove: options.approveAbove }),
    },
  };
}

/** The payments of these items, by id, without the banks' own rows. */
export async function paymentsOf(store: Store, items: readonly QueueItem[]): Promise<Map<Id, PaymentFacts>> {
  const ids = items.map((item) => item.paymentId);
  const found = await store.collection(payments).getMany(ids, ["raw"]);
  return new Map(found.map((payment) => [payment.id, payment]));
}
