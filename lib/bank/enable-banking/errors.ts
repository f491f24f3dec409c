import { TallyError, type ErrorCode } from "../../values";
import type { ConsentState } from "../consent";

/**
 * Enable Banking's error codes in Tallyflow's terms. The code decides and not the HTTP status: 401 says both that the
 * token is wrong and that a consent has ended. Source: enablebanking.com/docs/api/reference, ErrorCode, and the FAQ.
 */

/** After `ASPSP_RATE_LIMIT_EXCEEDED` Enable Banking advises to go on after six hours. */
const RATE_LIMIT_MS = 6 * 3_600_000;

/** What a code says of the session: the consent is over, and only the person can give it again. */
const SESSION_STATES: Readonly<Record<string, ConsentState>> = {
  EXPIRED_SESSION: "expired",
  CLOSED_SESSION: "ended",
  REVOKED_SESSION: "ended",
  SESSION_DOES_NOT_EXIST: "ended",
  WRONG_SESSION_STATUS: "ended",
};

const BEGIN_AGAIN = "Open the bank connection in the editor and begin again.";

/** Codes that mean the same wherever they come. */
const MEANINGS: Readonly<Record<string, { code: ErrorCode; says: string; retryable?: boolean }>> = {
  ASPSP_ERROR: { code: "PROVIDER_UNAVAILABLE", says: "the bank answered with an error", retryable: true },
  ASPSP_TIMEOUT: { code: "PROVIDER_UNAVAILABLE", says: "the bank did not answer in time", retryable: true },
  ASPSP_ACCOUNT_NOT_ACCESSIBLE: {
    code: "PROVIDER_REFUSED",
    says: "the bank does not let this account be read. Where it still exists, give the consent again with the account in it",
  },
  ACCOUNT_DOES_NOT_EXIST: { code: "NOT_FOUND", says: "the account is not known (any more)" },
  ASPSP_PSU_ACTION_REQUIRED: {
    code: "AUTH_EXPIRED",
    says: "the bank wants you to do something first. Log in at the bank, then give the consent again in the bank connection",
  },
  PSU_HEADER_NOT_PROVIDED: {
    code: "PROVIDER_REFUSED",
    says: "the bank answers only while you are there yourself, so payments cannot be fetched unattended",
  },
  ACCESS_DENIED: {
    code: "AUTH_FAILED",
    says: "the application may not do this. Check in the Enable Banking control panel that it is active and may read account information",
  },
  UNAUTHORIZED_IP: {
    code: "AUTH_FAILED",
    says: "this computer's IP address is not allowed. Allow it in the Enable Banking control panel",
  },
  UNAUTHORIZED_ACCESS: {
    code: "AUTH_FAILED",
    says: "the application id or its private key was refused. Check both in the connection's settings; the key belongs to the certificate of this very application",
  },
  REDIRECT_URI_NOT_ALLOWED: {
    code: "CONFIG_INVALID",
    says: "the address to come back to is not registered. Add it to the application's redirect URLs in the Enable Banking control panel",
  },
  WRONG_ASPSP_PROVIDED: { code: "NOT_FOUND", says: "the bank is not known (any more). Choose it anew" },
  WRONG_AUTHORIZATION_CODE: {
    code: "AUTH_FAILED",
    says: `the way back from the bank did not hold. ${BEGIN_AGAIN}`,
  },
  EXPIRED_AUTHORIZATION_CODE: {
    code: "AUTH_FAILED",
    says: `coming back from the bank took too long. ${BEGIN_AGAIN}`,
  },
  AUTHORIZATION_NOT_PROVIDED: {
    code: "AUTH_FAILED",
    says: `the consent was not given at the bank. ${BEGIN_AGAIN}`,
  },
  ALREADY_AUTHORIZED: { code: "AUTH_FAILED", says: `this consent was completed already. ${BEGIN_AGAIN}` },
  NO_ACCOUNTS_ADDED: { code: "AUTH_FAILED", says: `the consent holds no account. ${BEGIN_AGAIN}` },
};

/** What the error is about, for the message. */
export interface About {
  /** Name of the bank, where one is concerned. */
  bank?: string;
  /** Name of the account, where one is concerned. */
  account?: string;
}

/** Enable Banking's own code of an error that came out of the connection; undefined where it gave none. */
export function providerCode(error: TallyError): string | undefined {
  const found = error.details["error"];
  return typeof found === "string" ? found : undefined;
}

/** What the error says of the session it happened in; undefined when nothing. */
export function sessionStateOf(error: TallyError): ConsentState | undefined {
  return SESSION_STATES[providerCode(error) ?? ""];
}

/**
 * An error of the HTTP client with the meaning of Enable Banking's code: AUTH_EXPIRED for the end of a session,
 * RATE_LIMITED with when to go on, PROVIDER_UNAVAILABLE for the bank's own faults, and so on.
 */
export function explained(error: TallyError, about: About): TallyError {
  const said = typeof error.details["said"] === "string" ? error.details["said"] : "";
  const status = error.details["status"];
  if (typeof status !== "number") return error;
  const code = /"error"\s*:\s*"([A-Za-z_]{3,60})"/.exec(said)?.[1]?.toUpperCase();
  const details = { ...error.details, said: withoutTokens(said), ...(code ? { error: code } : {}) };
  const who = about.account
    ? `${about.bank ?? "The bank"}, ${about.account}`
    : (about.bank ?? "Enable Banking");
  const make = (to: ErrorCode, message: string, retryable = false, retryAfterMs?: number) =>
    new TallyError(to, message, {
      retryable,
      details,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  if (code && SESSION_STATES[code]) return make("AUTH_EXPIRED", consentOver(about.bank));
  if (code === "ASPSP_RATE_LIMIT_EXCEEDED" || status === 429) {
    const ms = error.retryAfterMs ?? (code ? RATE_LIMIT_MS : 60_000);
    return make(
      "RATE_LIMITED",
      `${who}: the rate limit is used up. It goes on by itself in ${inWords(ms)}.`,
      true,
      ms,
    );
  }
  const meaning = code ? MEANINGS[code] : undefined;
  if (meaning) return make(meaning.code, `${who}: ${meaning.says}. (${code})`, meaning.retryable);
  if (status === 401) {
    const { code: to, says } = MEANINGS["UNAUTHORIZED_ACCESS"]!;
    return make(to, `Enable Banking: ${says}.`);
  }
  if (status === 408)
    return make("PROVIDER_UNAVAILABLE", `${who}: no answer in time. It is tried again later.`, true);
  const named = code ? ` (${code})` : "";
  return make(
    error.code,
    `${who}: ${withoutTokens(error.message)}${named}`,
    error.retryable,
    error.retryAfterMs,
  );
}

/** For people: a consent is over, of which bank, and what to do. */
export function consentOver(bank: string | undefined, on?: string): string {
  const which = bank ? ` for ${bank}` : "";
  const when = on ? ` on ${on.slice(0, 10)}` : "";
  return `The consent${which} has ended${when}, so nothing more of it can be read. Open the bank connection in the editor and give the consent${which} again; nothing is lost or doubled by that.`;
}

/** A time to wait, rounded up. */
export function inWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return `${Math.ceil(minutes / 60)} hours`;
}

/** A server that repeats what it was sent must not bring a token into a message. */
function withoutTokens(text: string): string {
  return text.replace(/eyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g, "***");
}
