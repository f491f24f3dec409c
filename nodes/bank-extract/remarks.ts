import type { BankExtractResult } from "../../lib/bank";
import { localDate, type Instant } from "../../lib/values";

/** What a person should see of an extract, short: until when it waits for a quota, and which consent ends. */
export function remarksOf(
  { waits, consents }: Pick<BankExtractResult, "waits" | "consents">,
  text: (key: string, values?: Record<string, string>) => string,
  now = new Date().toISOString(),
): string[] {
  const remarks: string[] = [];
  const [ending] = consents;
  if (ending?.days === 0) remarks.push(text("consent.over"));
  else if (ending?.days === 1) remarks.push(text("consent.endsTomorrow"));
  else if (ending) remarks.push(text("consent.ends", { days: String(ending.days) }));
  const [wait] = [...waits].sort((a, b) => Date.parse(a.until) - Date.parse(b.until));
  if (wait) remarks.push(text("readAgain", { at: momentOf(wait.until, wait.timeZone, now) }));
  return remarks;
}

/** `14:00` today, `2025-07-02 14:00` on another day, where the account is. */
function momentOf(at: Instant, timeZone: string | undefined, now: Instant): string {
  const zone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Rounded up to the minute: what is said is never too early.
  const minute = new Date(Math.ceil(Date.parse(at) / 60_000) * 60_000);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = localDate(minute.getTime(), zone);
  const time = clock.format(minute);
  return day === localDate(Date.parse(now), zone) ? time : `${day} ${time}`;
}
