import type { QueueItem } from "../store";
import type { ErrorCode, TallyError } from "../values";
import { backoffMs, type Backoff } from "./backoff";
import type { Pass } from "./pass";
import { moveItems, type Move } from "./states";

/** What becomes of items whose write failed. */

/** Waits after failures of an item's own: up to a minute after the first, up to six hours later on. */
const OWN: Backoff = { baseMs: 30_000, capMs: 6 * 3_600_000 };
/** Waits after a request failed as a whole for the second time or more. */
const SHARED: Backoff = { baseMs: 1_000, capMs: 15 * 60_000 };
/** How long to leave the budget alone when it says that it is asked too often, but not for how long. */
const PAUSE_MS = 60_000;
/** Errors of a whole request that one item in it may have caused. */
const SUSPICIOUS: readonly ErrorCode[] = [
  "PROVIDER_UNAVAILABLE",
  "PROVIDER_MALFORMED",
  "OUTCOME_UNKNOWN",
  "INTERNAL",
];
/** Errors that say nothing about the item they are told of. */
const NOBODYS: readonly ErrorCode[] = ["RATE_LIMITED", "CANCELLED", "AUTH_FAILED", "AUTH_EXPIRED"];

export function isSuspicious(error: TallyError): boolean {
  return SUSPICIOUS.includes(error.code);
}

/**
 * The move of an item that was refused: again later, to be classified again, or given up. Errors that are not its
 * own cost it no attempt.
 */
export function refusal(pass: Pass, item: QueueItem, error: TallyError): Move {
  const { counts, result, options } = pass;
  if (NOBODYS.includes(error.code)) {
    counts["retried"]!++;
    return { item, to: "retry", set: { ...later(pass, error, pauseOf(error)), wrote: undefined } };
  }
  if (result.problems.length < 20)
    result.problems.push({ paymentId: item.paymentId, message: error.message });
  if (error.code === "CATEGORY_GONE") {
    return item.state === "sending"
      ? { item, to: "review", set: { error: error.toJSON(), categoryId: undefined, wrote: undefined } }
      : { item, to: "new", set: { categoryId: undefined } };
  }
  const attempt = item.attempt + 1;
  if (!error.retryable || attempt >= (options.maxAttempts ?? 8))
    return { item, to: "dead", set: { attempt, error: error.toJSON(), wrote: undefined } };
  counts["retried"]!++;
  const waitMs = backoffMs(attempt, OWN, error.retryAfterMs, options.random);
  return { item, to: "retry", set: { ...later(pass, error, waitMs), attempt, wrote: undefined } };
}

/**
 * The request failed as a whole: the items keep their place and no attempt is counted against them. Where one of them
 * may be what the budget stumbles over, all are suspects: next time they are sent after the others and in smaller
 * bulks, until the one is alone.
 * @param inDoubt they may have been written after all, so what was sent is kept to tell them by
 */
export async function handBack(
  pass: Pass,
  items: readonly QueueItem[],
  error: TallyError,
  inDoubt: boolean,
): Promise<void> {
  const moves = items.map((item): Move => {
    const setbacks = (item.setbacks ?? 0) + (isSuspicious(error) ? 1 : 0);
    const waitMs =
      setbacks > 1 ? backoffMs(setbacks, SHARED, error.retryAfterMs, pass.options.random) : pauseOf(error);
    return {
      item,
      to: "retry",
      set: {
        ...later(pass, error, waitMs),
        ...(setbacks > 0 ? { setbacks } : {}),
        ...(inDoubt ? {} : { wrote: undefined }),
      },
    };
  });
  const moved = await moveItems(pass.context.store, moves, pass.context.now());
  pass.counts["retried"]! += moved.length;
}

function pauseOf(error: TallyError): number {
  return backoffMs(
    0,
    { baseMs: 0, capMs: 0 },
    error.retryAfterMs ?? (error.code === "RATE_LIMITED" ? PAUSE_MS : 0),
  );
}

function later(pass: Pass, error: TallyError, waitMs: number): Pick<QueueItem, "dueAt" | "error"> {
  const dueAt = new Date(Date.parse(pass.context.now()) + waitMs).toISOString();
  return { dueAt, error: error.toJSON() };
}
