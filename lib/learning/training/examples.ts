import { createHash } from "node:crypto";
import { TallyError, type Id } from "../../values";
import type { LabelledExample } from "../types";

/** Hash of what a model learns from: order, fields and labels. */
export function hashExamples(examples: readonly LabelledExample[]): string {
  const hash = createHash("sha256");
  for (const e of examples) {
    hash.update(
      JSON.stringify([
        e.id,
        e.label,
        e.date,
        e.amount,
        e.currency,
        e.text,
        e.description,
        e.account,
        e.counterpartyAccount ?? "",
        e.type ?? "",
        e.context ?? [],
      ]),
    );
    hash.update("\n");
  }
  return hash.digest("hex");
}

/**
 * Examples by date; the order in which rows of one day came is kept: it carries which came first.
 * @throws TallyError TRAINING_DATA_TOO_SMALL when there are none
 */
export function inOrder(examples: readonly LabelledExample[]): LabelledExample[] {
  if (examples.length === 0) {
    throw new TallyError(
      "TRAINING_DATA_TOO_SMALL",
      "No payment has been given a category yet. Approve some in the budget, or decide them in review.",
      { details: { labels: 0 } },
    );
  }
  return examples
    .map((example, i) => ({ example, i }))
    .sort((a, b) => (a.example.date < b.example.date ? -1 : a.example.date > b.example.date ? 1 : a.i - b.i))
    .map(({ example }) => example);
}

/** The share of rows that have the category which is the most frequent one among the early ones. */
export function majorityAccuracy(
  early: readonly LabelledExample[],
  later: readonly LabelledExample[],
): number {
  const counts = new Map<Id, number>();
  for (const { label } of early) counts.set(label, (counts.get(label) ?? 0) + 1);
  let best: Id | undefined;
  for (const [label, count] of counts) if (best === undefined || count > counts.get(best)!) best = label;
  return later.filter((row) => row.label === best).length / later.length;
}
