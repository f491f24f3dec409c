import { HttpClient, systemClock, type Clock, type HttpClientOptions, type HttpResponse } from "../../http";
import type { Store } from "../../store";
import { TallyError, sha256, toTallyError } from "../../values";
import { Quota, quoted } from "../aggregate";
import type { Access } from "./claim";
import { readAccountSet, type AccountSet } from "./wire";

export interface ConnectionOptions {
  access: Access;
  store: Store;
  callsPerDay: number;
  pending: boolean;
  http?: Partial<HttpClientOptions>;
}

/** Unix seconds; `end` is exclusive and absent for "until now". */
export interface Range {
  start: number;
  end?: number;
}

/** An answer and who was told of its errors. */
export interface Answer {
  set: AccountSet;
  told: Set<unknown>;
}

const DAY_MS = 86_400_000;
/** One answer holds all accounts; within this time it serves them all. The server itself asks the banks once a day. */
const FRESH_MS = 10 * 60_000;
const REFUSALS = [301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 409, 410, 429];

/** Asks for account sets, as few times as can be. */
export class SimpleFinConnection {
  readonly clock: Clock;
  readonly #http: HttpClient;
  readonly #quota: Quota;
  readonly #options: ConnectionOptions;
  readonly #answers = new Map<string, { at: number; answer: Answer }>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { access, store, callsPerDay, http } = options;
    this.clock = { now: http?.now ?? systemClock.now, sleep: http?.sleep ?? systemClock.sleep };
    this.#http = new HttpClient({
      baseUrl: access.url,
      headers: { authorization: access.authorization },
      secrets: access.secrets,
      provider: "SimpleFIN",
      timeoutMs: 120_000,
      retries: 2,
      ...http,
    });
    this.#quota = new Quota({
      key: `simplefin:${sha256(access.authorization + access.url).slice(0, 16)}`,
      calls: callsPerDay,
      perMs: DAY_MS,
      store,
      clock: this.clock,
      what: "this SimpleFIN connection",
    });
  }

  get calls(): number {
    return this.#http.stats.calls;
  }

  /**
   * All accounts with their transactions of a range. Asked for once within a few minutes.
   * @throws TallyError AUTH_FAILED, AUTH_EXPIRED, RATE_LIMITED, PROVIDER_*, CANCELLED
   */
  async accounts({ start, end }: Range, signal?: AbortSignal): Promise<Answer> {
    const key = `${start}-${end ?? ""}`;
    const now = this.clock.now();
    for (const [each, { at }] of this.#answers) if (now - at > FRESH_MS) this.#answers.delete(each);
    const known = this.#answers.get(key);
    if (known) return known.answer;
    await this.#quota.take();
    let response;
    try {
      response = await this.#http.request({
        method: "GET",
        path: "/accounts",
        query: {
          version: 2,
          "start-date": start,
          ...(end === undefined ? {} : { "end-date": end }),
          ...(this.#options.pending ? { pending: 1 } : {}),
        },
        accept: REFUSALS,
        ...(signal ? { signal } : {}),
      });
    } catch (thrown) {
      // What never arrived was not counted; what was answered may have been.
      if (toTallyError(thrown).details["sent"] === false) await this.#quota.giveBack();
      throw thrown;
    }
    if (response.status >= 300) throw await this.#refusal(response);
    const answer: Answer = { set: readAccountSet(response.body), told: new Set() };
    this.#answers.set(key, { at: now, answer });
    return answer;
  }

  async #refusal({ status, headers }: HttpResponse): Promise<TallyError> {
    const details = { status };
    if (status === 429) {
      const seconds = /^\d{1,7}$/.test(headers["retry-after"] ?? "") ? Number(headers["retry-after"]) : 3600;
      await this.#quota.block(seconds * 1000);
      return this.#quota.usedUp(seconds * 1000);
    }
    if (status === 402) {
      return new TallyError(
        "PROVIDER_REFUSED",
        "SimpleFIN asks for payment. Look into the subscription at the SimpleFIN bridge.",
        { details },
      );
    }
    if (status === 401 || status === 403 || status === 410) {
      return new TallyError(
        "AUTH_FAILED",
        "SimpleFIN refused the access URL: it was disabled at the bridge, or is wrong. Make a new setup token at the SimpleFIN bridge and enter it in the connection's settings.",
        { details },
      );
    }
    if (status === 404) {
      return new TallyError("NOT_FOUND", "There is no SimpleFIN server at the access URL.", { details });
    }
    if (status < 400) {
      // Credentials are not carried to another address.
      const to = URL.canParse(headers["location"] ?? "")
        ? quoted(new URL(headers["location"]!).host, 100)
        : "";
      return new TallyError(
        "PROVIDER_REFUSED",
        `The SimpleFIN server has moved${to ? ` to ${to}` : ""}. Make a new setup token there and enter it in the connection's settings.`,
        { details },
      );
    }
    return new TallyError("PROVIDER_REFUSED", `SimpleFIN refused the request (${status}).`, { details });
  }
}
