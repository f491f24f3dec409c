import { toTallyError, type Instant } from "../values";

/** An account that may not be read before a moment: its quota is used up, which is no failure. */
export interface Wait {
  /** Name of the account; of the connection where it concerns all of them. */
  account: string;
  until: Instant;
  /** IANA zone in which people read `until`. */
  timeZone?: string;
}

/** A wait that is longer is a quota's and not one that a retry sits out. */
const QUOTA_MS = 10 * 60_000;

/**
 * Until when an error asks to wait, where it is the end of a quota (a few readings a day) and no fault.
 * @returns undefined for every other error
 */
export function quotaEnd(thrown: unknown, now: Instant): Instant | undefined {
  const { code, retryAfterMs, details } = toTallyError(thrown);
  if (code !== "RATE_LIMITED" || retryAfterMs === undefined) return undefined;
  if (retryAfterMs < QUOTA_MS && details["until"] === undefined) return undefined;
  return new Date(Date.parse(now) + retryAfterMs).toISOString();
}
