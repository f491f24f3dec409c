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
import { contentHash, localDate, type CalendarDate, type Id, type Instant } from "../values";
import { mappedAccounts, type MappedAccounts } from "./mapping";
import { moveItems, type Move } from "./states";

export interface AdmitOptions {
  budgetId: Id;
  /** Payments before this date are not written. */
  startDate?: CalendarDate;
  /**
   * What comes back is compared with the budget before it is sent. Set by steps that do not compare themselves: a person
   * may have entered the payment by hand while it was skipped.
   */
  compareAgain?: boolean;
}

/** States in which nothing was sent yet, so that a reason to skip still counts. */
const WAITING: readonly QueueState[] = ["new", "review", "classified", "retry"];
/** Reasons that only a person takes away, or the match step when it finds the other side. */
const STICKY: readonly (SkipReason | undefined)[] = ["own-transfer", "already-in-budget", "undone"];
/** Reasons that go without a change of the settings: it is booked, the bank corrects its amount, its day comes. */
const OF_PAYMENT: readonly (SkipReason | undefined)[] = ["pending", "zero-amount", "future-date"];
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
  const judge = await Judge.create(store, options, now);
  const all = await judge.settingsChanged();
  for (const state of WAITING) await pass(store, options, state, judge, now, counts);
  await pass(
    store,
    options,
    "skipped",
    judge,
    now,
    counts,
    (item) => all || OF_PAYMENT.includes(item.skipReason),
  );
  await judge.remember(now);
  return counts;
}

async function pass(
  store: Store,
  options: AdmitOptions,
  state: QueueState,
  judge: Judge,
  now: Instant,
  counts: Record<string, number>,
  wanted: (item: QueueItem) => boolean = () => true,
): Promise<void> {
  let after: string | undefined;
  do {
    const page = await store.collection(queue).find({
      index: "byState",
      equals: [options.budgetId, state],
      limit: PAGE,
      ...(after ? { after } : {}),
    });
    const moves = await judge.moves(page.items.filter(wanted));
    if (options.compareAgain)
      for (const move of moves) if (move.to === "new") move.set = { ...move.set, enqueuedAt: now };
    for (const moved of await moveItems(store, moves, now)) {
      const name = moved.state === "skipped" ? `skipped ${moved.skipReason}` : moved.state;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    after = page.next;
  } while (after);
}

/** Tells whether there is a reason not to write a payment. */
export class Judge {
  private constructor(
    private readonly store: Store,
    private readonly options: AdmitOptions,
    private readonly now: Instant,
    private readonly mapped: MappedAccounts,
    private readonly currency: string | undefined,
  ) {}

  static async create(
    store: Store,
    options: AdmitOptions,
    now: Instant,
    mapped?: MappedAccounts,
  ): Promise<Judge> {
    const budget = await store.collection(budgets).get(options.budgetId);
    const accounts = mapped ?? (await mappedAccounts(store, options.budgetId));
    return new Judge(store, options, now, accounts, budget?.currency);
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

  /** Why the payment is not written, or undefined when nothing stands in its way. */
  reason(item: QueueItem, payment: PaymentFacts): SkipReason | undefined {
    if (STICKY.includes(item.skipReason)) return item.skipReason;
    const mapped = this.mapped.get(item.accountId);
    if (!mapped) return "not-mapped";
    if (payment.status === "pending") return "pending";
    if (this.options.startDate && payment.date < this.options.startDate) return "before-start-date";
    if (this.currency && payment.currency !== this.currency) return "currency-mismatch";
    if (payment.amount === 0) return "zero-amount";
    if (mapped.budget.closed) return "account-closed";
    // Queue sync finds it out, since it knows whether the budget takes such a date.
    const today = localDate(this.now, mapped.bank.timeZone ?? "UTC");
    if (item.skipReason === "future-date" && payment.date > today) return "future-date";
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
