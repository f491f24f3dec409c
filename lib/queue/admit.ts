import {
  budgets,
  cursors,
  payments,
  queue,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
  type SkipReason,
  type Store,
} from "../store";
import { contentHash, type CalendarDate, type Id, type Instant } from "../values";
import { mappedAccounts } from "./mapping";
import { moveItems, type Move } from "./states";

export interface AdmitOptions {
  budgetId: Id;
  /** Payments before this date are not written. */
  startDate?: CalendarDate;
}

/** States in which nothing was sent yet, so that a reason to skip still counts. */
const WAITING: readonly QueueState[] = ["new", "review", "classified", "retry"];
const PAGE = 500;

/**
 * Sort the waiting items: those with a reason not to be written become `skipped` with it, those whose reason is gone
 * (an account mapped since, an earlier start date, a pending payment that was booked) become `new` again.
 * @returns how many were moved, by what became of them
 */
export async function admit(
  store: Store,
  options: AdmitOptions,
  now: Instant,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const judge = await Judge.create(store, options);
  const states: QueueState[] = (await judge.settingsChanged()) ? [...WAITING, "skipped"] : [...WAITING];
  for (const state of states) await pass(store, options.budgetId, state, judge, now, counts);
  // Pending payments become booked without any change of the settings.
  if (!states.includes("skipped"))
    await pass(
      store,
      options.budgetId,
      "skipped",
      judge,
      now,
      counts,
      (item) => item.skipReason === "pending",
    );
  await judge.remember(now);
  return counts;
}

async function pass(
  store: Store,
  budgetId: Id,
  state: QueueState,
  judge: Judge,
  now: Instant,
  counts: Record<string, number>,
  wanted: (item: QueueItem) => boolean = () => true,
): Promise<void> {
  let after: string | undefined;
  do {
    const page = await store
      .collection(queue)
      .find({ index: "byState", equals: [budgetId, state], limit: PAGE, ...(after ? { after } : {}) });
    const moves = await judge.moves(page.items.filter(wanted));
    for (const moved of await moveItems(store, moves, now)) {
      const name = moved.state === "skipped" ? `skipped ${moved.skipReason}` : moved.state;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    after = page.next;
  } while (after);
}

class Judge {
  private constructor(
    private readonly store: Store,
    private readonly options: AdmitOptions,
    private readonly mapped: Awaited<ReturnType<typeof mappedAccounts>>,
    private readonly currency: string | undefined,
  ) {}

  static async create(store: Store, options: AdmitOptions): Promise<Judge> {
    const budget = await store.collection(budgets).get(options.budgetId);
    return new Judge(store, options, await mappedAccounts(store, options.budgetId), budget?.currency);
  }

  async moves(items: readonly QueueItem[]): Promise<Move[]> {
    if (items.length === 0) return [];
    const found = new Map(
      (
        await this.store.collection(payments).getMany(
          items.map((item) => item.paymentId),
          ["raw"],
        )
      ).map((payment) => [payment.id, payment]),
    );
    const moves: Move[] = [];
    for (const item of items) {
      const payment = found.get(item.paymentId);
      if (!payment) continue;
      const reason = this.reason(item, payment);
      if (reason && (item.state !== "skipped" || item.skipReason !== reason)) {
        moves.push({ item, to: "skipped", set: { skipReason: reason } });
      } else if (!reason && item.state === "skipped") {
        moves.push({ item, to: "new" });
      }
    }
    return moves;
  }

  private reason(item: QueueItem, payment: PaymentFacts): SkipReason | undefined {
    if (item.skipReason === "own-transfer" || item.skipReason === "already-in-budget") return item.skipReason;
    const mapped = this.mapped.get(item.accountId);
    if (!mapped) return "not-mapped";
    if (payment.status === "pending") return "pending";
    if (this.options.startDate && payment.date < this.options.startDate) return "before-start-date";
    if (this.currency && payment.currency !== this.currency) return "currency-mismatch";
    if (payment.amount === 0) return "zero-amount";
    if (mapped.budget.closed) return "account-closed";
    return undefined;
  }

  private get settings(): string {
    const accounts = [...this.mapped].map(([id, { budget }]) => [id, budget.id, budget.closed]).sort();
    return contentHash({ accounts, startDate: this.options.startDate, currency: this.currency });
  }

  private get cursorId(): string {
    return `admit:${this.options.budgetId}`;
  }

  async settingsChanged(): Promise<boolean> {
    return (await this.store.collection(cursors).get(this.cursorId))?.value !== this.settings;
  }

  async remember(now: Instant): Promise<void> {
    await this.store.collection(cursors).upsertMany([{ id: this.cursorId, value: this.settings, at: now }]);
  }
}
