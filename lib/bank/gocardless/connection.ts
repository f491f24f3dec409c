import { HttpClient, redactor, systemClock, type Clock, type HttpClientOptions } from "../../http";
import { z } from "zod";
import type { Store } from "../../store";
import { TallyError, sha256, toTallyError } from "../../values";
import { Quota } from "../aggregate";
import { READ_STATUSES, readRefusal, refusalError, refusesToken, type Refusal } from "./errors";

export interface ConnectionOptions {
  secretId: string;
  secretKey: string;
  url: string;
  store: Store;
  callsPerDay: number;
  http?: Partial<HttpClientOptions>;
}

/** What GoCardless counts by itself for each account. */
export type Scope = "balances" | "details" | "transactions";

export interface Get {
  path: string;
  query?: Record<string, string | number>;
  /** What is asked for, for people: `payments of Everyday`. */
  what: string;
  /** Counted by GoCardless, and so here. */
  quota?: { account: string; scope: Scope };
  signal?: AbortSignal | undefined;
}

const DAY_MS = 86_400_000;
/** Renew this long before a token ends, so that no request is lost to it. */
const EARLY_MS = 60_000;
/** A general limit that ends within this time is waited for. */
const SHORT_WAIT_MS = 60_000;
const MAX_PAGES = 200;

const pairSchema = z.object({
  access: z.string().min(1),
  access_expires: z.number().positive().default(86_400),
  refresh: z.string().min(1).optional(),
  refresh_expires: z.number().positive().default(2_592_000),
});

const pageSchema = z.object({ next: z.string().nullish(), results: z.array(z.unknown()) });

interface Tokens {
  access: string;
  accessUntil: number;
  refresh: string | undefined;
  refreshUntil: number;
}

/**
 * An authenticated connection to GoCardless. The access token is fetched when first needed, renewed with the refresh
 * token, and kept in memory only.
 */
export class GoCardlessConnection {
  readonly clock: Clock;
  readonly #options: ConnectionOptions;
  readonly #http: HttpClient;
  readonly #key: string;
  #tokens: Tokens | undefined;
  #opening: Promise<string> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { secretId, secretKey, url, store, http } = options;
    this.clock = { now: http?.now ?? systemClock.now, sleep: http?.sleep ?? systemClock.sleep };
    this.#key = sha256(secretId).slice(0, 16);
    this.#http = new HttpClient({
      baseUrl: url,
      store,
      secrets: [secretId, secretKey],
      provider: "GoCardless",
      // A bank asked for much of its history takes its time.
      timeoutMs: 120_000,
      retries: 2,
      ...http,
    });
  }

  get calls(): number {
    return this.#http.stats.calls;
  }

  /**
   * Read something. What GoCardless counts is counted here first, and not asked for when it would be refused; a
   * request that failed does not count.
   * @throws TallyError AUTH_FAILED, AUTH_EXPIRED, NOT_FOUND, RATE_LIMITED, PROVIDER_*, CANCELLED
   */
  async get(request: Get): Promise<unknown> {
    const quota = request.quota && this.#quota(request.quota, request.what);
    await quota?.take();
    let answer;
    try {
      answer = await this.#authorised("GET", request);
    } catch (thrown) {
      await quota?.giveBack();
      throw thrown;
    }
    const { headers } = answer;
    if (quota) {
      const left = headers["http_x_ratelimit_account_success_remaining"];
      const reset = Number(headers["http_x_ratelimit_account_success_reset"]);
      const none = left !== undefined && Number(left) <= 0;
      if (none && reset > 0) await quota.block(Math.min(reset * 1000, 2 * DAY_MS));
    }
    if (!("refusal" in answer)) return answer.body;
    const { refusal } = answer;
    if (refusal.status !== 429) await quota?.giveBack();
    else if (quota) {
      const ms = refusal.resetMs ?? DAY_MS / this.#options.callsPerDay;
      await quota.block(ms);
      throw refusalError({ ...refusal, resetMs: ms }, request.what);
    }
    throw refusalError(refusal, request.what);
  }

  /**
   * All entries of a listing, over as many pages as there are.
   * @throws TallyError as `get`
   */
  async list(path: string, what: string, signal?: AbortSignal): Promise<unknown[]> {
    const items: unknown[] = [];
    const seen = new Set<string>();
    let query: Record<string, string | number> = { limit: 100, offset: 0 };
    for (let page = 0; page < MAX_PAGES; page++) {
      const parsed = pageSchema.safeParse(await this.get({ path, query, what, signal }));
      if (!parsed.success) throw malformed(what);
      items.push(...parsed.data.results);
      const { next } = parsed.data;
      const offset = next && URL.canParse(next) ? new URL(next).searchParams.get("offset") : null;
      // The listing says where it goes on, but never to which server: only the place is taken from it.
      if (offset === null || !/^\d+$/.test(offset) || parsed.data.results.length === 0 || seen.has(offset))
        return items;
      seen.add(offset);
      query = { limit: 100, offset: Number(offset) };
    }
    return items;
  }

  /** @throws TallyError as `get`, and OUTCOME_UNKNOWN where nothing came back and it may not be sent again */
  async post(path: string, body: unknown, what: string, signal?: AbortSignal): Promise<unknown> {
    const answer = await this.#authorised("POST", { path, what, signal }, body);
    if ("refusal" in answer) throw refusalError(answer.refusal, what);
    return answer.body;
  }

  #quota({ account, scope }: NonNullable<Get["quota"]>, what: string): Quota {
    const { store, callsPerDay } = this.#options;
    return new Quota({
      key: `gocardless:${this.#key}:${account}:${scope}`,
      calls: callsPerDay,
      perMs: DAY_MS,
      store,
      clock: this.clock,
      what,
    });
  }

  async #authorised(
    method: "GET" | "POST",
    { path, query, what, signal }: Get,
    body?: unknown,
  ): Promise<{ headers: Record<string, string> } & ({ body: unknown } | { refusal: Refusal })> {
    for (let attempt = 1; ; attempt++) {
      const token = await this.#token(what);
      const redact = redactor([token, this.#options.secretKey, this.#options.secretId]);
      const response = await this.#http
        .request({
          method,
          path,
          headers: { authorization: `Bearer ${token}` },
          accept: READ_STATUSES,
          ...(query ? { query } : {}),
          ...(body === undefined ? {} : { body }),
          ...(signal ? { signal } : {}),
        })
        .catch((thrown: unknown) => {
          throw hidden(thrown, redact);
        });
      const { status, headers } = response;
      if (status < 300) return { headers, body: response.body };
      const refusal = readRefusal(response, redact);
      if (refusesToken(refusal) && attempt === 1) {
        if (this.#tokens?.access === token) this.#tokens = undefined;
        continue;
      }
      const general = status === 429 && headers["http_x_ratelimit_account_success_remaining"] === undefined;
      if (general && refusal.resetMs !== undefined && refusal.resetMs <= SHORT_WAIT_MS && attempt <= 2) {
        await this.clock.sleep(refusal.resetMs, signal);
        continue;
      }
      return { headers, refusal };
    }
  }

  /** A token that has not ended; callers at the same time share one request for it. */
  async #token(what: string): Promise<string> {
    const now = this.clock.now();
    if (this.#tokens && this.#tokens.accessUntil > now) return this.#tokens.access;
    this.#opening ??= this.#open(what).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(what: string): Promise<string> {
    const { secretId, secretKey } = this.#options;
    const now = this.clock.now();
    const until = (seconds: number) => now + seconds * 1000 - Math.min(EARLY_MS, seconds * 500);
    const old = this.#tokens;
    if (old?.refresh !== undefined && old.refreshUntil > now) {
      const renewed = await this.#tokenCall("/token/refresh/", { refresh: old.refresh });
      if ("access" in renewed) {
        this.#tokens = { ...old, access: renewed.access, accessUntil: until(renewed.access_expires) };
        return renewed.access;
      }
      // A refresh token that was taken back: the secret gives a new pair.
      if (renewed.status !== 401) throw refusalError(renewed, what);
    }
    this.#tokens = undefined;
    const made = await this.#tokenCall("/token/new/", { secret_id: secretId, secret_key: secretKey });
    if (!("access" in made)) throw loginError(made);
    const { access, access_expires, refresh, refresh_expires } = made;
    this.#tokens = {
      access,
      accessUntil: until(access_expires),
      refresh,
      refreshUntil: until(refresh_expires),
    };
    return access;
  }

  async #tokenCall(
    path: string,
    body: Record<string, string>,
  ): Promise<z.infer<typeof pairSchema> | Refusal> {
    const redact = redactor(Object.values(body));
    const response = await this.#http
      .request({
        method: "POST",
        path,
        body,
        repeatable: true,
        accept: READ_STATUSES,
      })
      .catch((thrown: unknown) => {
        throw hidden(thrown, redact);
      });
    if (response.status >= 300) return readRefusal(response, redact);
    const parsed = pairSchema.safeParse(response.body);
    if (!parsed.success) throw malformed("a token");
    return parsed.data;
  }
}

/** An error without its cause, which quotes an answer that is no JSON, and without a token that an answer quoted. */
function hidden(thrown: unknown, redact: (text: string) => string): TallyError {
  const { code, message, retryable, details, retryAfterMs } = toTallyError(thrown);
  return new TallyError(code, redact(message), {
    retryable,
    details: JSON.parse(redact(JSON.stringify(details))) as Record<string, unknown>,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function loginError(refusal: Refusal): TallyError {
  if (refusal.status !== 401 && refusal.status !== 400) return refusalError(refusal, "a token");
  return new TallyError(
    "AUTH_FAILED",
    `GoCardless refused the secret id and key. Make a new user secret in the GoCardless portal (Developers, User secrets) and enter both parts in the connection's settings. GoCardless says: ${refusal.words || refusal.status}`,
    { details: { status: refusal.status } },
  );
}

/** @param what what was asked for */
export function malformed(what: string): TallyError {
  return new TallyError("PROVIDER_MALFORMED", `GoCardless sent ${what} in a form that cannot be read.`, {
    retryable: true,
  });
}
