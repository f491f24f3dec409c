import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { rateBudgets, type RateBudget, type Store } from "../store";
import { TallyError } from "../values";
import type { HttpRequest, RateLimit } from "./port";

export interface Clock {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};

/**
 * Sliding-window limits. With a store the calls of the window are kept there, so that a restart does not forget them
 * and several workers share one budget; without one they are kept in memory.
 */
export class RateLimiter {
  private readonly memory = new Map<string, RateBudget>();
  waitedMs = 0;

  constructor(
    private readonly limits: readonly RateLimit[],
    private readonly store: Store | undefined,
    private readonly clock: Clock,
    /** A longer wait than this is not slept through but thrown as RATE_LIMITED. */
    private readonly maxWaitMs: number,
  ) {}

  /**
   * Take one call from every limit that applies, waiting for a free place.
   * @throws TallyError RATE_LIMITED (retryable, with retryAfterMs) when the wait would be longer than allowed
   */
  async take(method: HttpRequest["method"], signal?: AbortSignal): Promise<void> {
    for (const limit of this.limits) {
      if (limit.methods && !limit.methods.includes(method)) continue;
      while (true) {
        const waitMs = await this.tryTake(limit);
        if (waitMs === 0) break;
        await this.wait(waitMs, limit.key, signal);
      }
    }
  }

  /** The provider said 429: nothing on this method's limits before `ms` from now. */
  async block(method: HttpRequest["method"], ms: number): Promise<void> {
    for (const limit of this.limits) {
      if (limit.methods && !limit.methods.includes(method)) continue;
      await this.change(limit.key, (budget) => ({ ...budget, blockedUntil: this.clock.now() + ms }));
    }
  }

  /** The last call did not count after all (the provider said so, or it never arrived): its place is free again. */
  async giveBack(method: HttpRequest["method"]): Promise<void> {
    for (const limit of this.limits) {
      if (limit.methods && !limit.methods.includes(method)) continue;
      await this.change(limit.key, (budget) => ({ ...budget, calls: budget.calls.slice(0, -1) }));
    }
  }

  /** Sleep, or throw RATE_LIMITED when it would be longer than allowed. */
  async wait(ms: number, what: string, signal?: AbortSignal): Promise<void> {
    if (ms > this.maxWaitMs) {
      throw new TallyError(
        "RATE_LIMITED",
        `The rate limit of ${what.split(":")[0]} is used up for another ${Math.ceil(ms / 1000)} s. It goes on by itself after that.`,
        { retryable: true, retryAfterMs: ms },
      );
    }
    const before = this.clock.now();
    await this.clock.sleep(ms, signal);
    this.waitedMs += Math.max(0, this.clock.now() - before);
  }

  private async tryTake(limit: RateLimit): Promise<number> {
    let waitMs = 0;
    await this.change(limit.key, (budget) => {
      const now = this.clock.now();
      // A clock that was set back must not block for longer than one window.
      const calls = budget.calls.filter((at) => at > now - limit.perMs && at <= now + 1000);
      const blockedMs = Math.max(0, (budget.blockedUntil ?? 0) - now);
      const windowMs =
        calls.length < limit.calls ? 0 : calls[calls.length - limit.calls]! + limit.perMs - now;
      waitMs = Math.max(blockedMs, windowMs);
      if (waitMs > 0) return undefined;
      return { id: budget.id, revision: budget.revision, calls: [...calls, now] };
    });
    return waitMs;
  }

  private async change(key: string, next: (budget: RateBudget) => RateBudget | undefined): Promise<void> {
    if (!this.store) {
      const changed = next(this.memory.get(key) ?? { id: key, revision: 0, calls: [] });
      if (changed) this.memory.set(key, changed);
      return;
    }
    const collection = this.store.collection(rateBudgets);
    for (;;) {
      let budget = await collection.get(key);
      if (!budget) {
        await collection.insertMissing([{ id: key, revision: 0, calls: [] }]);
        budget = await collection.get(key);
      }
      const changed = budget && next(budget);
      if (!budget || !changed) return;
      const result = await collection.updateMany([
        {
          id: key,
          expected: { revision: budget.revision },
          set: { calls: changed.calls, blockedUntil: changed.blockedUntil, revision: budget.revision + 1 },
        },
      ]);
      if (result.updatedIds.length === 1) return;
      await this.clock.sleep(randomInt(5, 25));
    }
  }
}
