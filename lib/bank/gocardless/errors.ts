import type { HttpResponse } from "../../http";
import { TallyError } from "../../values";
import { quoted, recordOf } from "../aggregate";

/** GoCardless' refusals as errors that say what to do. Source: its OpenAPI description, the examples of each status. */

/** Statuses that are read here and not by the HTTP client, since their words and headers matter. */
export const READ_STATUSES = [400, 401, 402, 403, 404, 409, 429] as const;

export interface Refusal {
  status: number;
  /** `AccessExpiredError`, ...; only errors of accounts have one. */
  type: string;
  /** GoCardless' words, fit to be shown. */
  words: string;
  /** Milliseconds until GoCardless answers again, where it says so. */
  resetMs: number | undefined;
}

/** Read a refusal: `{summary, detail, type}`, or one such object (or a list of them) under each bad field's name. */
export function readRefusal(response: HttpResponse, redact: (text: string) => string): Refusal {
  let body: unknown;
  try {
    body = response.body;
  } catch (thrown) {
    // A gateway before GoCardless answers with a page; the status says enough.
    if (!(thrown instanceof TallyError)) throw thrown;
  }
  const whole = recordOf(body) ?? {};
  const words = quoted(redact([...new Set(wordsOf(whole))].join(" ")), 300);
  return {
    status: response.status,
    type: typeof whole["type"] === "string" ? whole["type"] : "",
    words,
    resetMs: resetOf(response.headers),
  };
}

function wordsOf(value: unknown): string[] {
  if (typeof value === "string") return [value.endsWith(".") ? value : `${value}.`];
  if (Array.isArray(value)) return value.flatMap(wordsOf);
  const record = recordOf(value);
  if (!record) return [];
  return Object.entries(record)
    .filter(([key]) => key !== "type" && key !== "status_code")
    .flatMap(([, member]) => wordsOf(member));
}

/** The longest wait that is asked for: after a shorter one the next refusal is sure. */
function resetOf(headers: Record<string, string>): number | undefined {
  const seconds = [
    headers["retry-after"],
    headers["http_x_ratelimit_account_success_reset"],
    headers["http_x_ratelimit_account_success_remaining"] === undefined
      ? headers["http_x_ratelimit_reset"]
      : undefined,
  ]
    .filter((text) => text !== undefined && /^\d{1,9}$/.test(text.trim()))
    .map(Number);
  return seconds.length > 0 ? Math.max(...seconds) * 1000 : undefined;
}

/** Is it the token that was refused, and not the bank's consent? */
export function refusesToken({ status, type, words }: Refusal): boolean {
  return (
    status === 401 &&
    type === "" &&
    /token|authentication credentials/i.test(words) &&
    !/agreement|EUA/i.test(words)
  );
}

const AGAIN = "Open the bank connection in the editor and give the consent again.";

/**
 * What a refusal means.
 * @param what what was asked for, for people: `payments of Everyday`
 */
export function refusalError(refusal: Refusal, what: string): TallyError {
  const { status, type, words, resetMs } = refusal;
  const details = { status, ...(type ? { type } : {}) };
  const quote = words ? ` GoCardless says: ${words}` : "";
  const make = (code: TallyError["code"], text: string, retryable = false) =>
    new TallyError(code, `${text}${quote}`, { details, retryable });
  if (status === 429) {
    const wait = resetMs === undefined ? "" : ` for another ${Math.ceil(resetMs / 1000)} s`;
    return new TallyError(
      "RATE_LIMITED",
      `GoCardless or the bank answers no more requests for ${what}${wait}; it goes on by itself after that.${quote}`,
      { retryable: true, details, ...(resetMs === undefined ? {} : { retryAfterMs: resetMs }) },
    );
  }
  if (status === 402) {
    return make(
      "PROVIDER_REFUSED",
      `GoCardless gives no ${what} under its present plan. Look into the billing of the GoCardless account.`,
    );
  }
  if (status === 403 && /\bIP\b/.test(words)) {
    return make(
      "AUTH_FAILED",
      "GoCardless does not let this computer's IP address in. Add it to the allowed addresses of the secret in the GoCardless portal.",
    );
  }
  if (status === 401 || (status === 403 && (/agreement|EUA/i.test(words) || type !== ""))) {
    if (type === "AccountInactiveError")
      return make(
        "AUTH_EXPIRED",
        `The account behind ${what} is closed at the bank, or can no longer be read.`,
      );
    if (/scope/i.test(words)) return make("AUTH_EXPIRED", `The consent does not cover ${what}. ${AGAIN}`);
    if (refusesToken(refusal)) {
      return make(
        "AUTH_FAILED",
        "GoCardless refused a token that it had just given. Check the secret id and key in the connection's settings.",
      );
    }
    return make("AUTH_EXPIRED", `The consent for ${what} has ended or was taken back. ${AGAIN}`);
  }
  if (status === 403) return make("AUTH_FAILED", `GoCardless does not let this connection see ${what}.`);
  if (status === 404) return make("NOT_FOUND", `GoCardless does not know ${what}.`);
  if (status === 409) {
    if (/suspended/i.test(words))
      return make(
        "AUTH_EXPIRED",
        `GoCardless suspended the account behind ${what} after many errors. ${AGAIN}`,
      );
    return make(
      "PROVIDER_UNAVAILABLE",
      `The bank is not ready to give ${what}. It is tried again later.`,
      true,
    );
  }
  return make("PROVIDER_REFUSED", `GoCardless refused to give ${what} (${status}).`);
}
