import type { HttpClientOptions } from "../../http";
import type { Store } from "../../store";
import { Quota } from "../aggregate";
import { inWords, type About } from "./errors";

const DAY_MS = 86_400_000;

export type Endpoint = "transactions" | "balances";

/**
 * How often a bank may be asked while the person is not there: four times in 24 hours for each account and kind of
 * data. Source: Commission Delegated Regulation (EU) 2018/389, article 36 (5) (b). The further pages of a reading are
 * part of the access that began it. Kept in the store, so that a restart does not forget it and workers share it.
 */
export class Accesses {
  /** @param prefix names the application in the keys of the store */
  constructor(
    private readonly prefix: string,
    private readonly perDay: number,
    private readonly store: Store,
    private readonly http: Partial<HttpClientOptions>,
    private readonly now: () => number,
  ) {}

  /**
   * The accesses to one kind of data of an account.
   * @param own the account's own id
   */
  of(own: string, endpoint: Endpoint, { bank = "The bank", account = "an account" }: About = {}): Quota {
    const { prefix, perDay, store, now } = this;
    return new Quota({
      key: `${prefix}:${own}:${endpoint}`,
      calls: perDay,
      perMs: DAY_MS,
      store,
      clock: { now, sleep: this.http.sleep ?? (() => Promise.resolve()) },
      what: (ms, at) =>
        `${bank}, ${account}: a bank may be asked ${perDay} times a day without you, and that is used up. It goes on by itself in ${inWords(ms)}, at ${at} UTC.`,
    });
  }
}
