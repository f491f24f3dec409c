import { bankExtract, type BankExtractResult, type BankProvider } from "../../lib/bank";
import { budgetExtract } from "../../lib/budget";
import { matchStep } from "../../lib/matching";
import {
  enqueue,
  moveItems,
  queueSync,
  type AccountMapping,
  type QueueSyncOptions,
  type QueueSyncResult,
} from "../../lib/queue";
import {
  bankAccounts,
  payments,
  queue,
  type Payment,
  type QueueItem,
  type Store,
  type Transaction,
} from "../../lib/store";
import { ACCOUNTS, MAPPING, memoryStore, stepContext, TestClock } from "../support/context";
import { MemoryBudget } from "../support/memory-budget";

export const OPTIONS: QueueSyncOptions = {
  worker: "here#1",
  isGone: (worker) => worker.startsWith("here"),
  mapping: MAPPING,
};

/** What the specs of the queue work with: a store, a budget in memory, a clock, and the steps before queue sync. */
export class Bench {
  readonly clock = new TestClock();
  mapping: readonly AccountMapping[] = MAPPING;
  budget = new MemoryBudget();

  private constructor(public store: Store) {}

  static async open(store?: Store): Promise<Bench> {
    const bench = new Bench(store ?? (await memoryStore()));
    await bench.store.collection(bankAccounts).upsertMany(ACCOUNTS);
    return bench;
  }

  /** Begin anew with an empty store and an empty budget. */
  async reset(): Promise<void> {
    await this.store.close();
    this.store = await memoryStore();
    this.budget = new MemoryBudget();
    await this.store.collection(bankAccounts).upsertMany(ACCOUNTS);
  }

  context = () => stepContext(this.store, this.clock);

  items = async (): Promise<QueueItem[]> => {
    const found: QueueItem[] = [];
    for await (const item of this.store.collection(queue).scan({ index: "id" })) found.push(item);
    return found;
  };

  item = async (id: string): Promise<QueueItem> =>
    (await this.items()).find((row) => row.paymentId === `bank:${id}`)!;

  /** One reading of a bank that shows these payments, and lists all that is pending when it says so. */
  async extract(rows: readonly Payment[], more: Partial<BankProvider> = {}): Promise<BankExtractResult> {
    const provider: BankProvider = {
      kind: "bank",
      source: "bank",
      calls: 0,
      accounts: async () => structuredClone(ACCOUNTS),
      async *payments(account) {
        const own = rows.filter(({ accountId }) => accountId === account.id);
        yield { payments: structuredClone(own), errors: [], cursor: null };
      },
      close: async () => {},
      ...more,
    };
    return bankExtract(this.context(), provider, { budgetIds: [this.budget.budgetId] });
  }

  /** Bring payments into the queue as the extract step does, and match them with the budget. */
  async arrive(...rows: Payment[]): Promise<void> {
    await this.store.collection(payments).upsertMany(rows);
    await enqueue(this.store, this.budget.budgetId, rows, this.clock.now());
    await this.match();
  }

  /** What a person enters into the budget by hand: by default what `payment("1")` became. */
  byHand(parts: Partial<Transaction> = {}): Transaction {
    const row: Transaction = {
      id: "memory:hand",
      budgetId: this.budget.budgetId,
      accountId: "memory:a1",
      date: "2026-02-10",
      amount: -1000,
      currency: "EUR",
      approved: true,
      deleted: false,
      ...parts,
    };
    this.budget.rows.push(row);
    return row;
  }

  /** Read the budget and match what is queued with it. */
  async match(): Promise<void> {
    await budgetExtract(this.context(), this.budget);
    await matchStep(this.context(), { budgetId: this.budget.budgetId, mapping: this.mapping });
  }

  /** What the classify step does, with one category for all. */
  async classify(categoryId: string | null = "memory:food"): Promise<void> {
    const fresh = (await this.items()).filter((row) => row.state === "new");
    await moveItems(
      this.store,
      fresh.map((row) => ({
        item: row,
        to: "classified",
        set: { categoryId, confidence: 0.9, reason: "seen 4 times" },
      })),
      this.clock.now(),
    );
  }

  sync = (options: Partial<QueueSyncOptions> = {}): Promise<QueueSyncResult> =>
    queueSync(this.context(), this.budget, { ...OPTIONS, mapping: this.mapping, ...options });

  /** A whole pass over what is queued. */
  async pass(options: Partial<QueueSyncOptions> = {}): Promise<QueueSyncResult> {
    await this.match();
    await this.classify();
    return this.sync(options);
  }
}
