/**
 * The running balance as a witness. Banks list oldest or newest first, and state the balance after each payment (or
 * after the last one of a day). Where `balance[i] = balance[i-1] + amount[i]` holds over the rows, that proves which
 * column is which, the order of the file, and the sign of the amounts.
 */

export interface Running {
  /** The order in which more rows hold; undefined when no two rows state a balance. */
  newestFirst?: boolean;
  /** Share of comparisons that hold with the amounts as read, and with their signs turned round. */
  holds: number;
  holdsNegated: number;
  /** Share that hold for either sign of each single amount. */
  holdsUnsigned: number;
  comparisons: number;
}

/** @param rows in the order of the file; amounts and balances in one unit, undefined where a row states none */
export function checkRunning(
  rows: readonly { amount: number | undefined; balance: number | undefined }[],
  preferNewestFirst = false,
): Running {
  // Index 0: oldest first, 1: newest first.
  const plus = [0, 0];
  const minus = [0, 0];
  const either = [0, 0];
  let comparisons = 0;
  let before: number | undefined;
  let sumAfter = 0;
  let sumBefore = 0;
  let single: { first: number; count: number } = { first: 0, count: 0 };
  for (const { amount, balance } of rows) {
    if (amount === undefined) {
      before = undefined;
      continue;
    }
    if (before !== undefined) {
      sumAfter += amount;
      single.count++;
    }
    if (balance === undefined) {
      sumBefore += amount;
      continue;
    }
    if (before !== undefined) {
      comparisons++;
      const step = balance - before;
      if (step === sumAfter) plus[0]!++;
      if (step === -sumAfter) minus[0]!++;
      if (-step === sumBefore) plus[1]!++;
      if (-step === -sumBefore) minus[1]!++;
      if (single.count === 1 && Math.abs(step) === Math.abs(amount)) either[0]!++;
      if (single.count === 1 && Math.abs(step) === Math.abs(single.first)) either[1]!++;
    }
    before = balance;
    sumAfter = 0;
    sumBefore = amount;
    single = { first: amount, count: 0 };
  }
  if (comparisons === 0) return { holds: 0, holdsNegated: 0, holdsUnsigned: 0, comparisons };
  const best = [0, 1].map((order) => Math.max(plus[order]!, minus[order]!, either[order]! - 0.5));
  const newestFirst = best[1]! > best[0]! || (best[1] === best[0] && preferNewestFirst);
  const order = newestFirst ? 1 : 0;
  // All before the object that takes them, for the reason given in evaluateModel (lib/learning/evaluation).
  const holds = plus[order]! / comparisons;
  const holdsNegated = minus[order]! / comparisons;
  const holdsUnsigned = either[order]! / comparisons;
  return { newestFirst, holds, holdsNegated, holdsUnsigned, comparisons };
}
