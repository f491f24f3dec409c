/** Longest wait that a provider may ask for, in milliseconds. */
const LONGEST_ASKED = 24 * 3_600_000;

export interface Backoff {
  /** The wait before the first retry is less than twice this, in milliseconds. */
  baseMs: number;
  /** No wait is longer, unless the provider asks for it. */
  capMs: number;
}

/**
 * How long to wait after so many failures: exponential with full jitter, so that what failed together does not come
 * back together. Never less than the provider asked for, of which at most a day is believed.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param failures how many there were, the last one included
 * @param random a number from 0 to 1, exclusive
 * @returns whole milliseconds
 */
export function backoffMs(
  failures: number,
  { baseMs, capMs }: Backoff,
  retryAfterMs = 0,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures, 40));
  const asked = Math.min(Math.max(0, retryAfterMs), LONGEST_ASKED);
  return Math.max(asked, Math.floor(random() * ceiling));
}
