import { budgetIds, classifications } from "../store";
import { recentPayments } from "./recent";
import type { PageOfRows, Sources, ViewRequest } from "./types";

/**
 * How many classifications are how sure: ten buckets, and how many of each abstained. With `days`, the classification
 * that counts of each recent payment; otherwise all there are, of every model version.
 */
export async function readConfidence({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const buckets = Array.from({ length: 10 }, (_, at) => ({
    from: at / 10,
    to: (at + 1) / 10,
    classifications: 0,
    abstained: 0,
  }));
  const count = (one: { confidence: number; path: string }) => {
    const bucket = buckets[Math.min(9, Math.max(0, Math.floor(one.confidence * 10)))]!;
    bucket.classifications++;
    if (one.path === "abstain") bucket.abstained++;
  };
  if (request.days !== undefined) {
    for await (const { standing } of recentPayments(store, request))
      if (standing.classification) count(standing.classification);
    return { rows: buckets };
  }
  for (const budgetId of await budgetIds(store, request.budgetId)) {
    for await (const one of store.collection(classifications).scan({ index: "byBudget", equals: [budgetId] }))
      count(one);
  }
  return { rows: buckets };
}
