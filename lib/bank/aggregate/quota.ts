import { RateLimiter, type Clock } from "../../http";
import type { Store } from "../../store";
import { TallyError, toTallyError } from "../../values";

export interface QuotaOptions {
  /** Key in `rate_budgets`. */
  key: string;
  calls: number;
  perMs: number;
  store: Store;
  clock: Clock;
  /**
   * For people: whose calls are counted, `payments of Everyday at Some Bank`; or the whole message, from the time to
   * wait and its end (`YYYY-MM-DD HH:MM` in UTC).
   */
  what: string | ((ms: number, at: string) => string);
}

/**
 * A quota of few calls in a long time, kept in the store over restarts. Nothing waits for it: when it is used up, the
 * caller is told at once when to go on, and no request is made.
 */
export class Quota {
  readonly #limiter: RateLimiter;

  constructor(private readonly options: QuotaOptions) {
    const { key, calls, perMs, store, clock } = options;
    this.#limiter = new RateLimiter([{ key, calls, perMs }], store, clock, 0);
  }

  /** @throws TallyError RATE_LIMITED (retryable, with retryAfterMs) that says when to go on */
  async take(): Promise<void> {
    try {
      await this.#limiter.take("GET");
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code !== "RATE_LIMITED" || error.retryAfterMs === undefined) throw error;
      throw this.usedUp(error.retryAfterMs);
    }
  }

  /** The call did not count. */
  async giveBack(): Promise<void> {
    await this.#limiter.giveBack("GET");
  }

  /** The provider said: nothing before `ms` from now. */
  async block(ms: number): Promise<void> {
    await this.#limiter.block("GET", ms);
  }

  usedUp(ms: number): TallyError {
    const { clock, what, calls, perMs } = this.options;
    const until = new Date(clock.now() + ms).toISOString();
    const at = until.slice(0, 16).replace("T", " ");
    const hours = Math.round(perMs / 3_600_000);
    const message =
      typeof what === "string"
        ? `The requests for ${what} are used up: ${calls} are allowed in ${hours} hours. The next one can be made at ${at} UTC; nothing is lost until then.`
        : what(ms, at);
    return new TallyError("RATE_LIMITED", message, { retryable: true, retryAfterMs: ms, details: { until } });
  }
}
