import { budgetExtract, type YnabProvider } from "../../lib/budget";
import { matchStep } from "../../lib/matching";
import { enqueue, moveItems, queueSync, type QueueSyncResult } from "../../lib/queue";
import { bankAccounts, payments, queue, type Payment, type QueueItem, type Store } from "../../lib/store";
import type { YnabTwin, YnabTwinOptions } from "../../simulators/ynab";
import { ACCOUNTS, memoryStore, stepContext, TestClock } from "./context";
import { NOW, openOn, startTwin } from "./ynab";

/** The steps between the bank and YNAB, on a twin, with a clock that the spec sets. */
export class YnabPasses {
  provider: YnabProvider;

  private constructor(
    readonly twin: YnabTwin,
    public store: Store,
    readonly clock: TestClock,
  ) {
    this.provider = this.open();
  }

  static async start(options: YnabTwinOptions = {}): Promise<YnabPasses> {
    const clock = new TestClock(NOW);
    const now = () => Date.parse(clock.now());
    const store = await memoryStore();
    await store.collection(bankAccounts).upsertMany(ACCOUNTS);
    return new YnabPasses(await startTwin({ now, ...options }), store, clock);
  }

  /** Begin anew with an empty store, as after a disk was lost. */
  async loseStore(): Promise<void> {
    await this.store.close();
    this.store = await memoryStore();
    await this.store.collection(bankAccounts).upsertMany(ACCOUNTS);
    this.provider = this.open();
  }

  /** Another connection, as a restarted process has it. */
  open(): YnabProvider {
    const now = () => Date.parse(this.clock.now());
    return openOn(this.twin, { store: this.store, http: { now } });
  }

  get mapping() {
    const { accountIds } = this.twin;
    return [
      { bank: "bank:1", budget: accountIds["current"]! },
      { bank: "bank:2", budget: accountIds["savings"]! },
    ];
  }

  category(key: string): string {
    return `ynab:${this.twin.categoryIds[key]}`;
  }

  context = () => stepContext(this.store, this.clock);

  async items(): Promise<QueueItem[]> {
    const found: QueueItem[] = [];
    for await (const item of this.store.collection(queue).scan({ index: "id" })) found.push(item);
    return found;
  }

  async item(id: string): Promise<QueueItem> {
    const found = (await this.items()).find((one) => one.paymentId === `bank:${id}`);
    if (!found) throw new Error(`no item of ${id}`);
    return found;
  }

  /** The bank shows payments: stored and queued as by the extract step. */
  async arrive(...rows: Payment[]): Promise<void> {
    await this.store.collection(payments).upsertMany(rows);
    await enqueue(this.store, this.provider.budgetId, rows, this.clock.now());
    this.clock.advance(1000);
  }

  async classify(categoryId: string | null): Promise<void> {
    const fresh = (await this.items()).filter((item) => item.state === "new");
    const set = { categoryId, confidence: 0.9, reason: "seen" };
    await moveItems(
      this.store,
      fresh.map((item) => ({ item, to: "classified" as const, set })),
      this.clock.now(),
    );
  }

  /** Read the budget and match. */
  async read(): Promise<void> {
    await budgetExtract(this.context(), this.provider);
    const { budgetId } = this.provider;
    await matchStep(this.context(), { budgetId, mapping: this.mapping });
  }

  async send(): Promise<QueueSyncResult> {
    return queueSync(this.context(), this.provider, { worker: "here", mapping: this.mapping });
  }

  /** A whole pass, as every hour. */
  async pass(categoryId: string | null = this.category("groceries")): Promise<QueueSyncResult> {
    await this.read();
    await this.classify(categoryId);
    const result = await this.send();
    this.clock.advance(1000);
    return result;
  }

  /** Requests that created transactions. */
  get posts(): number {
    return this.twin.control.log.filter(({ method }) => method === "POST").length;
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.twin.stop();
  }
}
