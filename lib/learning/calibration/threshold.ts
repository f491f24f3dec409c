/** A threshold above every confidence: always abstain. */
export const NEVER = 2;

/** Rows' worth of trust in the calibrated confidences themselves, beside what was counted. */
const TRUST = 20;
/** Standard errors that the estimate has to lie above the target. */
const MARGIN = 0.5;

/**
 * The lowest confidence from which on predictions are right at least as often as wanted. How often is estimated from the
 * rows above a confidence together with what their calibrated confidences promise, which counts as {@link TRUST} rows:
 * ten right answers out of ten are no proof of 95 %, ten that were expected to be right are a hint. The estimate has to
 * lie above the target by {@link MARGIN} standard errors, so that a small sample has to show more, and the rows themselves
 * may not contradict it.
 *
 * @param confidences calibrated, 0 to 1
 * @param right 1 where the prediction was right, else 0
 * @returns the threshold, or {@link NEVER} when no part of the sample is good enough
 */
export function chooseThreshold(
  confidences: ArrayLike<number>,
  right: ArrayLike<number>,
  target: number,
): number {
  const order = Array.from({ length: confidences.length }, (_, i) => i);
  order.sort((a, b) => confidences[b]! - confidences[a]!);
  let hits = 0;
  let promised = 0;
  let threshold = NEVER;
  for (let i = 0; i < order.length; i++) {
    const here = confidences[order[i]!]!;
    hits += right[order[i]!]!;
    promised += here;
    if (i + 1 < order.length && confidences[order[i + 1]!] === here) continue;
    const n = i + 1;
    const estimate = (hits + (TRUST * promised) / n) / (n + TRUST);
    const error = Math.sqrt((target * (1 - target)) / (n + TRUST));
    if (hits / n >= target && estimate - MARGIN * error >= target) threshold = here;
  }
  // Where the whole sample is good enough there is nothing below it to go by, and the confidence itself has to do.
  const lowest = confidences[order[order.length - 1] ?? 0];
  return threshold === lowest ? Math.min(threshold, target) : threshold;
}
