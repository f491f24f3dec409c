/** A threshold above every confidence: always abstain. */
export const NEVER = 2;

/**
 * Lower bound of a share by Wilson's score interval (Wilson 1927), one-sided.
 * @param z normal quantile; 1.2816 leaves one chance in ten that the truth is lower
 */
export function wilsonLower(right: number, n: number, z = 1.2816): number {
  if (n === 0) return 0;
  const p = right / n;
  const z2 = z * z;
  const centre = p + z2 / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p) + z2 / (4 * n)) / n);
  return (centre - spread) / (1 + z2 / n);
}

/**
 * The lowest confidence from which on predictions are right at least as often as wanted, where "as often" is a lower
 * bound that knows the sample size: ten right answers out of ten are no proof of 95 %.
 *
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
  let threshold = NEVER;
  for (let i = 0; i < order.length; i++) {
    hits += right[order[i]!]!;
    const here = confidences[order[i]!]!;
    if (i + 1 < order.length && confidences[order[i + 1]!] === here) continue;
    if (wilsonLower(hits, i + 1) >= target) threshold = here;
  }
  return threshold;
}
