import { RateLimiter, type HttpClientOptions } from "../../http";
import type { Store } from "../../store";
import { TallyError, toTallyError } from "../../values";
import { inWords, type About } from "./errors";

const DAY_MS = 86_400_000;

export type Endpoint = "transactions" | "balances";

/**
 * How often a bank may be asked while the person is not there: four times in 24 hours for each account and kind of
 * data. Source: Commission Delegated Regulation (EU) 2018/389, article 36 (5) (b). The further pages of a reading are
 * part of the access that began it. Kept in the store, so that a restart does not forget it and workers share it.
 */
export class Quota {
  readonly #limiters = new Map<string, RateLimiter>();

  /** @param prefix names the application in the keys of the store */
  constructor(
    private readonly prefix: string,
    private readonly perDay: number,
    private readonly store: Store,
    private readonly http: Partial<HttpClientOptions>,
    private readonly now: () => number,
  ) {}

  /**
   * Take one access.
   * @param own the account's own id
   * @throws TallyError RATE_LIMITED with when it goes on; nothing is to be sent then
   */
  async take(own: string, endpoint: Endpoint, about: About): Promise<void> {
    try {
      await this.#limiter(own, endpoint).take("GET");
    } catch (thrown) {
      const error = toTallyError(thrown);
      const ms = error.retryAfterMs;
      if (error.code !== "RATE_LIMITED" || ms === undefined) throw error;
      const at = new Date(this.now() + ms).toISOString().slice(0, 16).replace("T", " ");
      throw new TallyError(
        "RATE_LIMITED",
        `${about.bank ?? "The bank"}, ${about.account ?? "an account"}: a bank may be asked ${this.perDay} times a day without you, and that is used up. It goes on by itself in ${inWords(ms)}, at ${at} UTC.`,
        { retryable: true, retryAfterMs: ms, details: { endpoint, sent: false } },
      );
    }
  }

  /** The bank said that it is enough: nothing more for so long. */
  async block(own: string, endpoint: Endpoint, ms: number): Promise<void> {
    await this.#limiter(own, endpoint).block("GET", ms);
  }

  #limiter(own: string, endpoint: Endpoint): RateLimiter {
    const key = `${this.prefix}:${own}:${endpoint}`;
    let limiter = this.#limiters.get(key);
    if (!limiter) {
      const sleep = this.http.sleep ?? (() => Promise.resolve());
      const limits = [{ key, calls: this.perDay, perMs: DAY_MS }];
      // No wait is slept through: whoever asks hears when it goes on.
      limiter = new RateLimiter(limits, this.store, { now: this.now, sleep }, 0);
      this.#limiters.set(key, limiter);
    }
    return limiter;
  }
}
