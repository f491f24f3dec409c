import type { BankHint } from "../../lib/bank";

/** More payments of an account than this are not asked for one by one: the account is read instead. */
const MOST_PAYMENTS = 50;

/** Gathers the hints of a burst. The time runs from the first, so that a steady stream is sent on all the same. */
export class HintBuffer {
  private readonly waiting = new Map<string, Set<string>>();
  /** Accounts of which not all payments are known by name. */
  private readonly whole = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly ready: (hints: BankHint[]) => void) {}

  add(hints: readonly BankHint[], forMs: number): void {
    for (const { accountId, paymentId } of hints) {
      const payments = this.waiting.get(accountId) ?? new Set();
      this.waiting.set(accountId, payments);
      if (paymentId) payments.add(paymentId);
      if (!paymentId || payments.size > MOST_PAYMENTS) this.whole.add(accountId);
    }
    if (this.waiting.size > 0) this.timer ??= setTimeout(() => this.flush(), forMs);
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
    this.whole.clear();
  }

  private flush(): void {
    const hints = [...this.waiting].flatMap(([accountId, payments]): BankHint[] =>
      this.whole.has(accountId)
        ? [{ accountId }]
        : [...payments].map((paymentId) => ({ accountId, paymentId })),
    );
    this.clear();
    this.ready(hints);
  }
}
