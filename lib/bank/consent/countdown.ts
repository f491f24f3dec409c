import type { Instant } from "../../values";
import type { Consent } from "./port";

/** Days before its end at which a consent is told about; 0 is the end itself. */
export const CONSENT_DAYS = [14, 7, 1, 0] as const;

/** A consent comes to its end. */
export interface ConsentEvent {
  /** Stable: the same for every run that notices it. `<consent id>@<validUntil>|<days>` */
  key: string;
  consentId: string;
  institutionName: string;
  validUntil: Instant;
  /** The mark that was passed: 14, 7, 1, or 0 when it is over. */
  days: (typeof CONSENT_DAYS)[number];
  /** For people: what ends when, and what to do. */
  message: string;
}

const DAY_MS = 86_400_000;

/**
 * The events that are due now and were not told before: of each consent only the latest mark that was passed, so that
 * whoever was away for a while hears once. A renewed consent has another end and is told about anew.
 * @param told keys of events that were told already
 */
export function consentEvents(
  consents: readonly Consent[],
  now: Instant,
  told: ReadonlySet<string>,
): ConsentEvent[] {
  const events: ConsentEvent[] = [];
  for (const consent of consents) {
    const { id, institutionName, state, validUntil } = consent;
    if (validUntil === undefined || (state !== "valid" && state !== "expired")) continue;
    const left = (Date.parse(validUntil) - Date.parse(now)) / DAY_MS;
    const days = CONSENT_DAYS.findLast((mark) => left <= mark);
    if (days === undefined) continue;
    const key = `${id}@${validUntil}|${days}`;
    if (told.has(key)) continue;
    events.push({ key, consentId: id, institutionName, validUntil, days, message: messageOf(consent, left) });
  }
  return events;
}

function messageOf({ institutionName, validUntil }: Consent, left: number): string {
  const renew = "Open the bank connection in the editor and give the consent again.";
  if (left <= 0)
    return `The consent for ${institutionName} has ended; no payments come in any more. ${renew}`;
  const whole = Math.ceil(left);
  const days = whole === 1 ? "1 day" : `${whole} days`;
  return `The consent for ${institutionName} ends in ${days}, on ${validUntil!.slice(0, 10)}. ${renew}`;
}
