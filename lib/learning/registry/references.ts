import { queue, reviews, shadows, type Store } from "../../store";
import type { Id, Instant } from "../../values";

/** For how long a decision or a shadow outcome keeps the version that it names. */
export const REFERENCE_DAYS = 90;

/** The instant that many days before another. */
export function daysBefore(at: Instant, days: number): Instant {
  return new Date(Date.parse(at) - days * 86_400_000).toISOString();
}

/**
 * Versions that something still names: payments that wait for a person, what people decided, and shadow outcomes, the
 * last two of the last 90 days.
 */
export async function versionsReferredTo(store: Store, budgetId: Id, now: Instant): Promise<Set<string>> {
  const found = new Set<string>();
  const from = daysBefore(now, REFERENCE_DAYS);
  for await (const item of store.collection(queue).scan({ index: "byState", equals: [budgetId, "review"] }))
    if (item.modelVersion) found.add(item.modelVersion);
  const recent = { index: "byBudget", equals: [budgetId], from };
  for await (const review of store.collection(reviews).scan(recent))
    if (review.modelVersion) found.add(review.modelVersion);
  for await (const outcome of store.collection(shadows).scan(recent)) {
    found.add(outcome.version);
    found.add(outcome.against);
  }
  return found;
}
