import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { HttpClient, type HttpClientOptions, type HttpRequest } from "../../http";
import type { Store } from "../../store";
import { toTallyError } from "../../values";
import { explained, type About } from "./errors";
import { readAs } from "./protocol";
import type { TokenMaker } from "./token";

export interface ConnectionOptions {
  url: string;
  tokens: TokenMaker;
  store: Store;
  /** The key's text and whatever else must never be shown. */
  secrets: readonly string[];
  http: Partial<HttpClientOptions>;
}

/** Tries after the first when there was no answer or a garbled one. Each may count at the bank, so they are few. */
const RETRIES = 2;

/** Signed calls of the API, with errors in Tallyflow's terms. */
export class Connection {
  readonly #client: HttpClient;
  readonly #retries: number;
  readonly #sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly #tokens: TokenMaker;

  constructor({ url, tokens, store, secrets, http }: ConnectionOptions) {
    this.#tokens = tokens;
    this.#retries = http.retries ?? RETRIES;
    this.#sleep = http.sleep ?? ((ms, signal) => delay(ms, undefined, signal ? { signal } : {}));
    this.#client = new HttpClient({
      baseUrl: url,
      store,
      provider: "Enable Banking",
      userAgent: "tallyflow",
      // A bank may need most of a minute for the first answer of an account.
      timeoutMs: 90_000,
      ...http,
      secrets: [...secrets, ...(http.secrets ?? [])],
      // A rate limit of a bank is not one to knock at again, so tries are counted here.
      retries: 0,
    });
  }

  get calls(): number {
    return this.#client.stats.calls;
  }

  /**
   * Call the API and read its answer.
   * @throws TallyError AUTH_FAILED, AUTH_EXPIRED, NOT_FOUND, RATE_LIMITED, PROVIDER_*, OUTCOME_UNKNOWN, CANCELLED
   */
  async call<T>(request: HttpRequest, schema: z.ZodType<T>, what: string, about: About = {}): Promise<T> {
    const repeatable = request.repeatable ?? request.method === "GET";
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#client.request({
          ...request,
          prepare: (headers) => {
            headers["authorization"] = `Bearer ${this.#tokens.current()}`;
          },
        });
        return readAs(schema, response.text === "" ? undefined : response.body, what);
      } catch (thrown) {
        const error = explained(toTallyError(thrown), about);
        const passing = error.code === "PROVIDER_UNAVAILABLE" || error.code === "PROVIDER_MALFORMED";
        if (!passing || !error.retryable || !repeatable || attempt > this.#retries) throw error;
        await this.#pause(Math.round((0.5 + Math.random()) * 1000 * 2 ** attempt), request.signal);
      }
    }
  }

  async #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#sleep(ms, signal);
    } catch (thrown) {
      throw toTallyError(thrown);
    }
  }
}
