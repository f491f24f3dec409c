import type { Readable } from "node:stream";
import axios, { AxiosError, type AxiosInstance } from "axios";
import type { Store } from "../store";
import { parseInTurns, TallyError, toTallyError } from "../values";
import type { HttpRequest, HttpResponse, HttpStats, RateLimit } from "./port";
import { RateLimiter, systemClock, type Clock } from "./rate-limiter";
import { redactor } from "./redact";

export interface HttpClientOptions {
  baseUrl: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** Per try; 30,000 ms when absent. */
  timeoutMs?: number;
  /** Tries after the first; 4 when absent. */
  retries?: number;
  rateLimits?: readonly RateLimit[];
  /** Keeps the rate budgets; without it they are forgotten at a restart. */
  store?: Store;
  /** A wait longer than this is thrown as RATE_LIMITED instead; 60,000 ms when absent. */
  maxWaitMs?: number;
  /** Texts that must never appear in an error. */
  secrets?: readonly string[];
  userAgent?: string;
  /** Whom errors name: `bunq`, `YNAB`. */
  provider?: string;
  now?: Clock["now"];
  sleep?: Clock["sleep"];
}

const TIMEOUT_MS = 30_000;
/** Bytes of an answer beyond which it is no answer that anybody meant. */
const LONGEST_ANSWER = 256 * 1024 * 1024;

/** Answers from this length on are parsed in pieces. */
const LONG_TEXT = 100_000;

/** Errors that happen before a byte of the request is sent: the request surely did not arrive. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_INVALID_URL",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/**
 * HTTP with retries (exponential back-off, full jitter), time-outs, rate budgets and redaction. One per connection.
 * A write that is not `repeatable` is sent at most once: when its outcome cannot be known it throws OUTCOME_UNKNOWN.
 */
export class HttpClient {
  private readonly axios: AxiosInstance;
  private readonly limiter: RateLimiter;
  private readonly clock: Clock;
  private readonly redact: (text: string) => string;
  private callCount = 0;

  constructor(private readonly options: HttpClientOptions) {
    this.clock = { now: options.now ?? systemClock.now, sleep: options.sleep ?? systemClock.sleep };
    this.limiter = new RateLimiter(
      options.rateLimits ?? [],
      options.store,
      this.clock,
      options.maxWaitMs ?? 60_000,
    );
    this.redact = redactor(options.secrets ?? []);
    this.axios = axios.create({
      timeout: options.timeoutMs ?? TIMEOUT_MS,
      maxRedirects: 0,
      responseType: "stream",
      transformRequest: [(data: unknown) => data],
      transformResponse: [(data: unknown) => data],
      validateStatus: () => true,
    });
  }

  get stats(): HttpStats {
    return { calls: this.callCount, waitedMs: this.limiter.waitedMs };
  }

  /**
   * Send a request and hand back any 2xx answer (and those in `accept`).
   * @throws TallyError AUTH_FAILED (401, 403), NOT_FOUND (404), RATE_LIMITED (429), PROVIDER_REFUSED (other 4xx),
   *   PROVIDER_UNAVAILABLE (5xx, no answer), OUTCOME_UNKNOWN (a write that may or may not have arrived), CANCELLED
   */
  async request<T = unknown>(request: HttpRequest): Promise<HttpResponse<T>> {
    const tries = 1 + (this.options.retries ?? 4);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once<T>(request);
      } catch (thrown) {
        const error = toTallyError(thrown);
        if (request.signal?.aborted) throw cancelled(error);
        const repeatable = request.repeatable ?? request.method === "GET";
        const safe = error.code === "RATE_LIMITED" || error.details["sent"] === false || repeatable;
        if (!error.retryable || !safe || attempt >= tries) throw error;
        await this.backOff(attempt, error, request);
      }
    }
  }

  private async once<T>(request: HttpRequest): Promise<HttpResponse<T>> {
    await this.limiter.take(request.method, request.signal);
    const body =
      request.body === undefined
        ? ""
        : typeof request.body === "string"
          ? request.body
          : JSON.stringify(request.body);
    const headers: Record<string, string> = {
      accept: "application/json",
      "user-agent": this.options.userAgent ?? "tallyflow",
      ...(body && typeof request.body !== "string" ? { "content-type": "application/json" } : {}),
      ...this.options.headers,
      ...request.headers,
    };
    await request.prepare?.(headers, body);
    this.callCount++;
    const answer = await this.send(request, headers, body);
    const response = new Response<T>(answer.status, answer.headers, answer.text, this.name);
    await response.prepare();
    if (answer.status >= 200 && answer.status < 300) {
      // Read here, a garbled answer to a repeatable request is asked for again.
      if ((request.repeatable ?? request.method === "GET") && answer.text) void response.body;
      return response;
    }
    // A refusal need not be JSON: whoever accepts it reads it, and a gateway's page is not asked for again.
    if (request.accept?.includes(answer.status)) return response;
    throw this.statusError(request, response);
  }

  private async send(request: HttpRequest, headers: Record<string, string>, body: string) {
    try {
      const answer = await this.axios.request<Readable>({
        method: request.method,
        url: this.url(request.path),
        params: request.query,
        headers,
        data: body || undefined,
        ...(request.timeoutMs ? { timeout: request.timeoutMs } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      });
      const received: Record<string, string> = {};
      for (const [key, value] of Object.entries(answer.headers)) received[key.toLowerCase()] = String(value);
      const idleMs = request.timeoutMs ?? this.options.timeoutMs ?? TIMEOUT_MS;
      return { status: answer.status, headers: received, text: await readText(answer.data, idleMs) };
    } catch (thrown) {
      throw this.networkError(request, thrown);
    }
  }

  private get name(): string {
    return this.options.provider ?? new URL(this.options.baseUrl).host;
  }

  private url(path: string): string {
    const base = new URL(this.options.baseUrl);
    if (!/^https?:/.test(path)) return base.href.replace(/\/$/, "") + path;
    if (new URL(path).origin !== base.origin) {
      throw new TallyError(
        "PROVIDER_MALFORMED",
        `${this.name} pointed to another server, ${new URL(path).origin}; it was not followed.`,
      );
    }
    return path;
  }

  private networkError(request: HttpRequest, thrown: unknown): TallyError {
    if (thrown instanceof TallyError) return thrown;
    if (request.signal?.aborted) return cancelled(thrown);
    const code = thrown instanceof AxiosError ? (thrown.code ?? "") : "";
    const text = this.redact(thrown instanceof Error ? thrown.message : String(thrown));
    const sent = !NOT_SENT.has(code);
    const write = request.method !== "GET" && !request.repeatable;
    const details = { sent, cause: code || text };
    if (sent && write) {
      return new TallyError(
        "OUTCOME_UNKNOWN",
        `${this.name} did not answer a write (${text}); whether it arrived is not known.`,
        { retryable: true, details },
      );
    }
    return new TallyError(
      "PROVIDER_UNAVAILABLE",
      `${this.name} could not be reached: ${text}. It is tried again later.`,
      { retryable: true, details },
    );
  }

  private statusError(request: HttpRequest, response: Response<unknown>): TallyError {
    const { status } = response;
    const said = this.redact(response.text.slice(0, 500));
    const details: Record<string, unknown> = { status, said, sent: true };
    const where = `${this.name} answered ${status} to ${request.method} ${this.redact(request.path.split("?")[0]!)}`;
    if (status === 401 || status === 403) {
      return new TallyError(
        "AUTH_FAILED",
        `${where}: the key or token was refused. Check it in the connection's settings.`,
        { details },
      );
    }
    if (status === 404) return new TallyError("NOT_FOUND", `${where}: there is no such thing.`, { details });
    if (status === 429) {
      const retryAfterMs = retryAfter(response.headers["retry-after"], this.clock.now());
      return new TallyError("RATE_LIMITED", `${where}: its rate limit is used up. It is tried again later.`, {
        retryable: true,
        details,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      });
    }
    if (status >= 500) {
      const write = request.method !== "GET" && !request.repeatable;
      return write
        ? new TallyError("OUTCOME_UNKNOWN", `${where}; whether the write took place is not known.`, {
            retryable: true,
            details,
          })
        : new TallyError("PROVIDER_UNAVAILABLE", `${where}. It is tried again later.`, {
            retryable: true,
            details,
          });
    }
    return new TallyError("PROVIDER_REFUSED", `${where}: ${said || "no reason given"}`, { details });
  }

  private async backOff(attempt: number, error: TallyError, request: HttpRequest): Promise<void> {
    // Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    const jittered = Math.round(Math.random() * Math.min(30_000, 500 * 2 ** attempt));
    const waitMs = error.retryAfterMs ?? (error.code === "RATE_LIMITED" ? 1000 + jittered : jittered);
    if (error.code === "RATE_LIMITED" && error.retryAfterMs) await this.limiter.block(request.method, waitMs);
    await this.limiter.wait(waitMs, this.name, request.signal);
  }
}

class Response<T> implements HttpResponse<T> {
  private parsed: { value: T } | undefined;

  constructor(
    readonly status: number,
    readonly headers: Record<string, string>,
    readonly text: string,
    private readonly provider: string,
  ) {}

  /** Parse a long text beforehand, with the event loop free in between. What is wrong with it, `body` says. */
  async prepare(): Promise<void> {
    if (this.text.length < LONG_TEXT) return;
    try {
      this.parsed = { value: (await parseInTurns(this.text)) as T };
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
    }
  }

  get body(): T {
    if (!this.parsed) {
      try {
        this.parsed = { value: JSON.parse(this.text) as T };
      } catch (cause) {
        throw new TallyError(
          "PROVIDER_MALFORMED",
          `${this.provider} answered ${this.status} with something that is not JSON. It is tried again later.`,
          {
            retryable: true,
            details: { status: this.status, length: this.text.length },
            cause,
          },
        );
      }
    }
    return this.parsed.value;
  }
}

/**
 * A body as text, decoded piece by piece as it comes: to join and decode megabytes in one go would hold up the event
 * loop for tens of milliseconds.
 * @param idleMs how long to wait for the next piece
 * @throws Error when it breaks off, stops midway or never ends
 */
async function readText(body: Readable, idleMs: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  const idle = setTimeout(
    () => body.destroy(new Error(`the answer stopped midway for ${idleMs} ms`)),
    idleMs,
  );
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      idle.refresh();
      bytes += piece.length;
      if (bytes > LONGEST_ANSWER) throw new Error(`the answer is longer than ${LONGEST_ANSWER} bytes`);
      text += decoder.decode(piece, { stream: true });
    }
    return text + decoder.decode();
  } finally {
    clearTimeout(idle);
  }
}

function cancelled(cause: unknown): TallyError {
  return new TallyError("CANCELLED", "The work was stopped before it was done.", { retryable: true, cause });
}

/** `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfter(header: string | undefined, now: number): number | undefined {
  if (!header) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
