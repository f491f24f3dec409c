import { apiBase, HttpClient, type HttpClientOptions, type HttpRequest } from "../../http";
import type { Store } from "../../store";
import { sha256, TallyError } from "../../values";
import { OPERATIONS, pathOf, type OperationName, type PathIds } from "./operations";

export const YNAB_URL = "https://api.ynab.com/v1";
const HOUR = 3_600_000;
/** How long to leave YNAB alone when it says 429 but not for how long: a part of its rolling hour. */
const PAUSE = 10 * 60_000;

export interface YnabConnection {
  /** A personal access token, or an OAuth access token. */
  token: string;
  /** Base address, with or without `/v1`; YNAB's own when absent. */
  url?: string;
  /** Keeps the rate budget, so that restarts and other workers share it. */
  store?: Store;
  /** Requests an hour; 200 when absent, as YNAB allows for a token. */
  callsPerHour?: number;
  http?: Pick<HttpClientOptions, "timeoutMs" | "retries" | "maxWaitMs" | "sleep" | "now">;
}

/** What a request says beside which operation it is. */
export type YnabRequest = Omit<HttpRequest, "method" | "path"> & { ids?: PathIds };

/** Requests to YNAB, with errors that say what to do. */
export class YnabApi {
  private readonly client: HttpClient;

  constructor(options: YnabConnection) {
    if (!options.token.trim()) {
      throw new TallyError(
        "CONFIG_INVALID",
        "The YNAB connection has no token. Make a personal access token in YNAB under Account Settings, Developer Settings.",
      );
    }
    this.client = new HttpClient({
      timeoutMs: 60_000,
      ...options.http,
      provider: "YNAB",
      baseUrl: apiBase(options.url ?? YNAB_URL, "/v1"),
      headers: { authorization: `Bearer ${options.token}` },
      secrets: [options.token],
      rateLimits: [
        {
          key: `ynab:${sha256(options.token).slice(0, 16)}`,
          calls: options.callsPerHour ?? 200,
          perMs: HOUR,
        },
      ],
      ...(options.store ? { store: options.store } : {}),
    });
  }

  get calls(): number {
    return this.client.stats.calls;
  }

  /** The `data` of an answer. */
  async call<T>(name: OperationName, { ids = {}, ...request }: YnabRequest = {}): Promise<T> {
    try {
      const { method } = OPERATIONS[name];
      const { body } = await this.client.request<{ data?: T }>({
        ...request,
        method,
        path: pathOf(name, ids),
      });
      if (body?.data === undefined || body.data === null || typeof body.data !== "object") {
        throw new TallyError("PROVIDER_MALFORMED", "YNAB's answer holds no data. It is tried again later.", {
          retryable: true,
        });
      }
      return body.data;
    } catch (thrown) {
      throw thrown instanceof TallyError ? explained(thrown) : thrown;
    }
  }
}

/** What YNAB says in `error.detail` of a refusal. */
export function detailOf(error: TallyError): string | undefined {
  const said = error.details["said"];
  if (typeof said !== "string") return undefined;
  return /"detail"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(said)?.[1];
}

function explained(error: TallyError): TallyError {
  const { details, retryable } = error;
  const why = detailOf(error);
  switch (error.code) {
    case "AUTH_FAILED":
      return new TallyError(
        "AUTH_FAILED",
        details["status"] === 403
          ? `YNAB refuses access${why ? `: ${why}` : ""}. Check the subscription and what the token may do.`
          : "YNAB refused the token. Make a new personal access token in YNAB under Account Settings, Developer Settings, and put it into the connection.",
        { details, retryable, cause: error },
      );
    case "RATE_LIMITED":
      return new TallyError(
        "RATE_LIMITED",
        "YNAB's limit of requests an hour is used up. It goes on by itself when the hour has passed.",
        { details, retryable: true, retryAfterMs: error.retryAfterMs ?? PAUSE, cause: error },
      );
    case "PROVIDER_REFUSED":
      return new TallyError("PROVIDER_REFUSED", `YNAB refused: ${why ?? error.message}`, {
        details,
        retryable,
        cause: error,
      });
    default:
      return error;
  }
}
