import { randomUUID } from "node:crypto";
import type { BudgetProvider, CreateOutcome, NewTransaction } from "../budget";
import type { Counts, StepContext } from "../runs";
import {
  categories,
  cursors,
  payments,
  queue,
  type Category,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
} from "../store";
import { localDate, TallyError, toTallyError, Turns, type CalendarDate, type Id } from "../values";
import { admit } from "./admit";
import { applyMapping, checkMapping, mappedAccounts, type AccountMapping } from "./mapping";
import { moveItems, type Move } from "./states";
import { liesAhead, toTransaction, type WriteContext, type WriteOptions } from "./transaction";

export interface QueueSyncOptions extends Partial<WriteOptions> {
  mapping?: readonly AccountMapping[];
  startDate?: CalendarDate;
  /** List what would be written and write nothing. */
  dryRun?: boolean;
  /** Names this process in leases. */
  worker: string;
  /** Is the process of this name surely gone, so that its leases need not run out? Nobody is when absent. */
  isGone?: (worker: string) => boolean;
  /** How long a worker may hold items; 5 minutes when absent. */
  leaseMs?: number;
  /** Failures of an item before it is given up as dead; 8 when absent. */
  maxAttempts?: number;
}

export interface QueueSyncResult {
  counts: Counts;
  /** What became of this pass, by state or skip reason. */
  skipped: Counts;
  batchIds: string[];
  /** With `dryRun`: what would be written. */
  wouldWrite?: NewTransaction[];
  /** The first few items that were refused, for people. */
  problems: { paymentId: Id; message: string }[];
}

/**
 * Send classified queue items to the budget, exactly once. `sending` is stored before the request; a duplicate answer
 * counts as success; after an unknown outcome the budget is read back before anything is sent again. One bad item
 * never holds up the others. Everything in hand is handed back when the step is stopped.
 *
 * @throws TallyError AUTH_*, NOT_FOUND, RATE_LIMITED, PROVIDER_UNAVAILABLE: the budget as a whole cannot be written
 *   now. No item has lost its place by that.
 */
export async function queueSync(
  context: StepContext,
  budget: BudgetProvider,
  options: QueueSyncOptions,
): Promise<QueueSyncResult> {
  return new Sync(context, budget, options).run();
}

/** When the match step last compared everything queued with the budget. */
export function matchedCursorId(budgetId: Id): string {
  return `matched:${budgetId}`;
}

class Sync {
  private readonly counts: Counts = {
    synced: 0,
    duplicates: 0,
    retried: 0,
    dead: 0,
    review: 0,
    waiting: 0,
    recovered: 0,
  };
  private readonly result: QueueSyncResult = { counts: this.counts, skipped: {}, batchIds: [], problems: [] };
  private writing!: WriteContext;
  private total = 0;

  constructor(
    private readonly context: StepContext,
    private readonly budget: BudgetProvider,
    private readonly options: QueueSyncOptions,
  ) {}

  async run(): Promise<QueueSyncResult> {
    const { store } = this.context;
    checkMapping(this.options.mapping ?? []);
    for (const line of await applyMapping(store, this.budget.budgetId, this.options.mapping ?? []))
      this.context.log("warn", line);
    await this.recoverExpired();
    const moved = await admit(
      store,
      {
        budgetId: this.budget.budgetId,
        ...(this.options.startDate ? { startDate: this.options.startDate } : {}),
      },
      this.context.now(),
    );
    for (const [name, count] of Object.entries(moved))
      if (name.startsWith("skipped ")) this.result.skipped[name.slice(8)] = count;
    await this.takeUpDue();
    this.writing = await this.writeContext();
    const calls = this.budget.calls;
    await this.sendAll();
    this.counts["calls"] = this.budget.calls - calls;
    this.counts["review"] = await this.count("review");
    this.counts["dead"] = await this.count("dead");
    return this.result;
  }

  private async sendAll(): Promise<void> {
    this.total = await this.count("classified");
    const matchedAt =
      (await this.context.store.collection(cursors).get(matchedCursorId(this.budget.budgetId)))?.at ?? "";
    let after: string | undefined;
    do {
      this.context.signal.throwIfAborted();
      const page = await this.context.store.collection(queue).find({
        index: "byState",
        equals: [this.budget.budgetId, "classified"],
        limit: this.budget.limits.bulk,
        ...(after ? { after } : {}),
      });
      after = page.next;
      // Not compared with the budget yet: a person may have entered it by hand.
      const ready = page.items.filter((item) => item.enqueuedAt <= matchedAt);
      this.counts["waiting"]! += page.items.length - ready.length;
      if (ready.length > 0) await this.sendBatch(ready);
      this.context.progress(this.counts["synced"]!, this.total);
    } while (after);
    if (this.counts["waiting"]! > 0) {
      this.context.log(
        "warn",
        `${this.counts["waiting"]} payments wait until the budget was read and matched. Run budget extract and match before queue sync.`,
      );
    }
  }

  private async sendBatch(items: readonly QueueItem[]): Promise<void> {
    const { store } = this.context;
    const found = await this.paymentsOf(items);
    const prepared: { item: QueueItem; write: NewTransaction }[] = [];
    const refused: Move[] = [];
    const today = this.todayByZone();
    const turns = new Turns();
    for (const item of items) {
      if (turns.due) await turns.take();
      const payment = found.get(item.paymentId);
      if (!payment) continue;
      const zone = this.writing.mapped.get(payment.accountId)?.bank.timeZone ?? "UTC";
      if (liesAhead(payment.date, today(zone), this.budget.limits)) {
        refused.push({ item, to: "retry", set: { dueAt: `${payment.date}T00:00:00.000Z` } });
        continue;
      }
      try {
        prepared.push({ item, write: toTransaction(item, payment, this.writing) });
      } catch (thrown) {
        refused.push(this.refusal(item, toTallyError(thrown)));
      }
    }
    if (this.options.dryRun) {
      const items = prepared.map(({ write }) => write);
      (this.result.wouldWrite ??= []).push(...items);
      await this.context.emit("queue.would-write", this.budget.budgetId, { items });
      return;
    }
    await moveItems(store, refused, this.context.now());
    await this.write(prepared);
  }

  /** The date of now in a time zone, worked out once for each zone. */
  private todayByZone(): (zone: string) => CalendarDate {
    const known = new Map<string, CalendarDate>();
    return (zone) => {
      let date = known.get(zone);
      if (date === undefined) known.set(zone, (date = localDate(this.context.now(), zone)));
      return date;
    };
  }

  private async write(prepared: readonly { item: QueueItem; write: NewTransaction }[]): Promise<void> {
    const { store } = this.context;
    const lease = () =>
      new Date(Date.parse(this.context.now()) + (this.options.leaseMs ?? 300_000)).toISOString();
    const leased = await moveItems(
      store,
      prepared.map(({ item }) => ({
        item,
        to: "leased",
        set: { leaseOwner: this.options.worker, leaseUntil: lease() },
      })),
      this.context.now(),
    );
    if (leased.length === 0) return;
    const batchId = `batch:${randomUUID()}`;
    const sending = await moveItems(
      store,
      leased.map((item) => ({
        item,
        to: "sending",
        set: { batchId, leaseOwner: this.options.worker, leaseUntil: lease() },
      })),
      this.context.now(),
    );
    const writes = new Map(prepared.map(({ item, write }) => [item.id, write]));
    try {
      const outcomes = await this.budget.create(
        sending.map((item) => writes.get(item.id)!),
        this.context.signal,
      );
      await this.record(sending, outcomes);
      this.result.batchIds.push(batchId);
    } catch (thrown) {
      await this.afterFailure(sending, toTallyError(thrown));
    }
  }

  private async record(sending: readonly QueueItem[], outcomes: readonly CreateOutcome[]): Promise<void> {
    const byImportId = new Map(outcomes.map((outcome) => [outcome.importId, outcome]));
    const moves: Move[] = [];
    for (const item of sending) {
      const outcome = byImportId.get(item.importId);
      if (!outcome) {
        const error = new TallyError(
          "PROVIDER_MALFORMED",
          "The budget's answer does not mention this payment.",
          { retryable: true },
        );
        moves.push(this.refusal(item, error));
      } else if (outcome.status === "rejected") {
        const { code, message, retryable, details } = outcome.error;
        moves.push(
          this.refusal(item, new TallyError(code, message, { retryable, ...(details ? { details } : {}) })),
        );
      } else {
        if (outcome.status === "duplicate") this.counts["duplicates"]!++;
        moves.push({
          item,
          to: "synced",
          set: outcome.transactionId ? { transactionId: outcome.transactionId } : {},
        });
      }
    }
    const moved = await moveItems(this.context.store, moves, this.context.now());
    this.counts["synced"]! += moved.filter((item) => item.state === "synced").length;
  }

  private async afterFailure(sending: readonly QueueItem[], error: TallyError): Promise<void> {
    if (
      error.code === "OUTCOME_UNKNOWN" ||
      error.code === "CANCELLED" ||
      error.code === "PROVIDER_MALFORMED"
    ) {
      const lost = await this.readBack(sending);
      await this.handBack(lost, error);
      if (error.code === "OUTCOME_UNKNOWN" && lost.length === 0) return;
      throw error;
    }
    // Every other error means that nothing was written.
    await this.handBack(sending, error);
    throw error;
  }

  /** Which of these stand in the budget after all? They become synced; the others are returned. */
  private async readBack(items: readonly QueueItem[]): Promise<QueueItem[]> {
    const from = items.reduce((first, item) => (item.date < first ? item.date : first), items[0]!.date);
    const accountIds = [
      ...new Set(
        items
          .map((item) => this.writing?.mapped.get(item.accountId)?.budget.id)
          .filter((id) => id !== undefined),
      ),
    ];
    const found = await this.budget.find(
      items.map((item) => item.importId),
      { from, accountIds },
    );
    const there = items.filter((item) => found.has(item.importId));
    const moved = await moveItems(
      this.context.store,
      there.map((item) => ({ item, to: "synced", set: { transactionId: found.get(item.importId)! } })),
      this.context.now(),
    );
    this.counts["synced"]! += moved.length;
    this.counts["recovered"]! += moved.length;
    return items.filter((item) => !found.has(item.importId));
  }

  /** The budget as a whole failed: the items keep their place and no attempt is counted against them. */
  private async handBack(items: readonly QueueItem[], error: TallyError): Promise<void> {
    const waitMs = error.retryAfterMs ?? (error.code === "RATE_LIMITED" ? 60_000 : 0);
    const dueAt = new Date(Date.parse(this.context.now()) + waitMs).toISOString();
    const moved = await moveItems(
      this.context.store,
      items.map((item) => ({ item, to: "retry", set: { dueAt, error: error.toJSON() } })),
      this.context.now(),
    );
    this.counts["retried"]! += moved.length;
  }

  /** What becomes of an item that was refused for a reason of its own. */
  private refusal(item: QueueItem, error: TallyError): Move {
    if (this.result.problems.length < 20)
      this.result.problems.push({ paymentId: item.paymentId, message: error.message });
    if (error.code === "CATEGORY_GONE") {
      return item.state === "sending"
        ? { item, to: "review", set: { error: error.toJSON(), categoryId: undefined } }
        : { item, to: "new", set: { categoryId: undefined } };
    }
    const attempt = item.attempt + 1;
    if (!error.retryable || attempt >= (this.options.maxAttempts ?? 8)) {
      // Only `leased` and `sending` lead to `dead`; a refusal before that waits where a person sees it.
      return item.state === "sending"
        ? { item, to: "dead", set: { attempt, error: error.toJSON() } }
        : { item, to: "review", set: { attempt, error: error.toJSON() } };
    }
    const waitMs = Math.min(6 * 3_600_000, 30_000 * 2 ** attempt) * (0.5 + Math.random() / 2);
    const dueAt = new Date(Date.parse(this.context.now()) + waitMs).toISOString();
    this.counts["retried"]!++;
    return { item, to: "retry", set: { attempt, dueAt, error: error.toJSON() } };
  }

  /** Items whose worker went away: those not sent yet go back, those in the air are read back first. */
  private async recoverExpired(): Promise<void> {
    const now = this.context.now();
    const expired = async (state: QueueState) => {
      const found: QueueItem[] = [];
      for await (const item of this.context.store
        .collection(queue)
        .scan({ index: "byState", equals: [this.budget.budgetId, state] })) {
        if ((item.leaseUntil ?? "") <= now || this.isGone(item.leaseOwner)) found.push(item);
      }
      return found;
    };
    await moveItems(
      this.context.store,
      (await expired("leased")).map((item) => ({ item, to: "classified" })),
      now,
    );
    const inTheAir = await expired("sending");
    if (inTheAir.length === 0) return;
    this.writing = await this.writeContext();
    const notThere = await this.readBack(inTheAir);
    await moveItems(
      this.context.store,
      notThere.map((item) => ({ item, to: "classified" })),
      now,
    );
  }

  private isGone(owner: string | undefined): boolean {
    return owner !== undefined && owner !== this.options.worker && (this.options.isGone?.(owner) ?? false);
  }

  private async takeUpDue(): Promise<void> {
    const now = this.context.now();
    const due: QueueItem[] = [];
    const range = { index: "byDue", equals: [this.budget.budgetId, "retry"], to: now + "~" };
    for await (const item of this.context.store.collection(queue).scan(range)) due.push(item);
    await moveItems(
      this.context.store,
      due.map((item) => ({ item, to: "classified" })),
      now,
    );
  }

  private async writeContext(): Promise<WriteContext> {
    const { store } = this.context;
    const known = new Map<Id, Category>();
    for await (const category of store
      .collection(categories)
      .scan({ index: "byBudget", equals: [this.budget.budgetId] }))
      known.set(category.id, category);
    return {
      mapped: await mappedAccounts(store, this.budget.budgetId),
      categories: known,
      limits: this.budget.limits,
      options: {
        explain: this.options.explain ?? true,
        ...(this.options.approveAbove === undefined ? {} : { approveAbove: this.options.approveAbove }),
      },
    };
  }

  private async paymentsOf(items: readonly QueueItem[]): Promise<Map<Id, PaymentFacts>> {
    const ids = items.map((item) => item.paymentId);
    return new Map(
      (await this.context.store.collection(payments).getMany(ids, ["raw"])).map((payment) => [
        payment.id,
        payment,
      ]),
    );
  }

  private count(state: QueueState): Promise<number> {
    return this.context.store
      .collection(queue)
      .count({ index: "byState", equals: [this.budget.budgetId, state] });
  }
}
