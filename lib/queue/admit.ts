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
import {
  contentHash,
  localDate,
  takeTurn,
  turnDue,
  type CalendarDate,
  type Id,
  type Instant,
} from "../values";
import { ownAccounts } from "./accounts";
import { passOn, successions, type Succession } from "./handover";
import { mappedAccounts, type MappedAccounts } from "./mapping";
import { moveItems, WAITING, type Move } from "./states";

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

/** Reasons that only a person takes away, or the match step when it finds the other side. */
const STICKY: readonly (SkipReason | undefined)[] = ["own-transfer", "already-in-budget", "undone"];
/** Reasons that go without a change of the settings: it is booked, the bank corrects its amount, its day comes. */
const OF_PAYMENT: readonly (SkipReason | undefined)[] = ["pending", "zero-amount", "future-date", "vanished"];
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
    const done = await moveItems(store, moves, now);
    await judge.handedOver(done);
    for (const moved of done) {
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
    private readonly isOwn: (payment: PaymentFacts) => boolean,
  ) {}

  static async create(
    store: Store,
    options: AdmitOptions,
    now: Instant,
    mapped?: MappedAccounts,
  ): Promise<Judge> {
    const budget = await store.collection(budgets).get(options.budgetId);
    const accounts = mapped ?? (await mappedAccounts(store, options.budgetId));
    const own = ownAccounts([...accounts.values()].map(({ bank }) => bank));
    return new Judge(
      store,
      options,
      now,
      accounts,
      budget?.currency,
      (payment) => own(payment) !== undefined,
    );
  }

  async moves(items: readonly QueueItem[]): Promise<Move[]> {
    if (items.length === 0) return [];
    const found = await this.payments(items);
    const successors = await successions(this.store, items, found, this.now);
    const moves: Move[] = [];
    for (const item of items) {
      if (turnDue()) await takeTurn();
      const payment = found.get(item.paymentId);
      if (!payment) continue;
      // Its change of a transaction that stands is on the way; nothing is in its way any more.
      if (item.revises) continue;
      // It may have been written: that is found out first.
      if (item.state === "retry" && item.wrote && payment.status === "pending") continue;
      const succession = successors.get(item.id);
      const reason = this.reason(item, payment, succession);
      if (!reason && succession?.to === "revise") {
        moves.push({ item, to: "classified", set: succession.set });
      } else if (reason && (item.state !== "skipped" || item.skipReason !== reason)) {
        moves.push({ item, to: "skipped", set: { skipReason: reason } });
      } else if (!reason && item.state === "skipped") {
        moves.push({ item, to: "new" });
      }
    }
    return moves;
  }

  /** To be called with what was moved: those that now stand for a pending payment take over what is known of it. */
  async handedOver(moved: readonly QueueItem[]): Promise<void> {
    const heirs = moved.filter(({ revises, skipReason }) => revises || skipReason === "already-in-budget");
    if (heirs.length > 0) await passOn(this.store, heirs, await this.payments(heirs), this.now);
  }

  private async payments(items: readonly QueueItem[]): Promise<Map<Id, PaymentFacts>> {
    const found = await this.store.collection(payments).getMany(
      items.map((item) => item.paymentId),
      ["raw"],
    );
    return new Map(found.map((payment) => [payment.id, payment]));
  }

  /**
   * Why the payment is not written, or undefined when nothing stands in its way.
   * @param succession what {@link successions} says of it
   */
  reason(item: QueueItem, payment: PaymentFacts, succession?: Succession): SkipReason | undefined {
    if (STICKY.includes(item.skipReason)) return item.skipReason;
    const mapped = this.mapped.get(item.accountId);
    if (!mapped) return "not-mapped";
    if (succession?.to === "wait") return "pending";
    if (succession?.to === "skipped") return succession.set.skipReason;
    // What stands in the budget is followed to its end, whatever the settings are by now.
    if (succession?.to === "revise") return undefined;
    if (payment.status === "pending") {
      if (payment.bookedAs) return "superseded";
      // Which account a transfer goes to is told by both sides of it, once they are booked.
      if (mapped.bank.rules?.pending !== "write" || this.isOwn(payment)) return "pending";
      if (payment.goneSince) return "vanished";
    }
    const startDate = mapped.bank.rules?.startDate ?? this.options.startDate;
    if (startDate && payment.date < startDate) return "before-start-date";
    if (this.currency && payment.currency !== this.currency) return "currency-mismatch";
    if (payment.amount === 0) return "zero-amount";
    if (mapped.budget.closed) return "account-closed";
    // Queue sync finds it out, since it knows whether the budget takes such a date.
    if (
      item.skipReason === "future-date" &&
      payment.date > localDate(this.now, mapped.bank.timeZone ?? "UTC")
    )
      return "future-date";
    return undefined;
  }

  private get settings(): string {
    const accounts = [...this.mapped]
      .map(([id, { bank, budget }]) => [id, budget.id, budget.closed, bank.rules ?? null])
      .sort();
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
