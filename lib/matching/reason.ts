import { LIKENESS } from "./names";
import type { NameOdds } from "./odds";

/**
 * What spoke for a pair, in words.
 * @param days from the payment to the transaction
 * @param others transactions that the payment could have been instead
 */
export function reasonOf(days: number, { level, percent, before }: NameOdds, others: number): string {
  const far = Math.abs(days);
  const when =
    days === 0 ? "on the same day" : `${far} day${far === 1 ? "" : "s"} ${days > 0 ? "later" : "earlier"}`;
  let names = "";
  if (level > LIKENESS.none) names = `, and the names are ${percent} % alike`;
  else if (before > 0)
    names = `, and the names went together ${before === 1 ? "once" : `${before} times`} more`;
  const rivals =
    others === 0
      ? "Nothing else could have been meant."
      : `${others} other${others === 1 ? "" : "s"} could have been meant.`;
  return `The same amount ${when}${names}. ${rivals}`;
}
