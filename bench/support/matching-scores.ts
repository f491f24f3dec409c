import type { MatchPayment, Pair } from "../../lib/matching";
import type { Id } from "../../lib/values";
import { rounded } from "../result";

/** What became of the payments of several accounts. */
export interface Score {
  payments: number;
  paired: number;
  right: number;
  /** Paired, but nothing in the budget is theirs: they would never be written. */
  lost: number;
  /** Paired with a row that is another payment's, while their own is there. */
  swapped: number;
  /** Not paired though their row is there: they would be written a second time. */
  doubled: number;
  /** In the budget. */
  there: number;
}

export const NONE: Score = { payments: 0, paired: 0, right: 0, lost: 0, swapped: 0, doubled: 0, there: 0 };

/** Count one account in, by {@link betweenTwins}. */
export function counted(
  score: Score,
  payments: readonly MatchPayment[],
  found: ReadonlyMap<Id, Id>,
  truth: ReadonlyMap<Id, Id>,
): Score {
  const next = { ...score };
  const claims = betweenTwins(payments, found, truth);
  for (const { id } of payments) {
    const [claimed, own] = [claims.get(id), truth.get(id)];
    next.payments++;
    if (own !== undefined) next.there++;
    if (claimed !== undefined) next.paired++;
    if (claimed === undefined) next.doubled += own === undefined ? 0 : 1;
    else if (claimed === own) next.right++;
    else if (own === undefined) next.lost++;
    else next.swapped++;
  }
  return next;
}

/**
 * Payments of one day, amount and name are told apart by nothing but a made-up id, which no rule can know: what twins
 * claim is theirs together, and goes to the one it belongs to.
 */
function betweenTwins(
  payments: readonly MatchPayment[],
  found: ReadonlyMap<Id, Id>,
  truth: ReadonlyMap<Id, Id>,
): Map<Id, Id> {
  const twins = new Map<string, Id[]>();
  for (const { id, date, amount, name } of payments) {
    const key = JSON.stringify([date, amount, name]);
    const list = twins.get(key);
    if (list) list.push(id);
    else twins.set(key, [id]);
  }
  const claims = new Map<Id, Id>();
  for (const ids of twins.values()) {
    const claimed = new Set(ids.flatMap((id) => found.get(id) ?? []));
    const free = ids.filter((id) => {
      const own = truth.get(id);
      if (own === undefined || !claimed.delete(own)) return true;
      claims.set(id, own);
      return false;
    });
    // What is nobody's among them goes to those whose own row was not found, then to those who have none.
    free.sort((a, b) => Number(truth.has(b)) - Number(truth.has(a)));
    for (const transaction of claimed) claims.set(free.shift()!, transaction);
  }
  return claims;
}

/** For reading: shares in percent, and counts. */
export function scoreFigures({ payments, paired, right, lost, swapped, doubled, there }: Score) {
  const percent = (part: number, all: number) => (all === 0 ? 0 : Math.round((10_000 * part) / all) / 100);
  return {
    precision: percent(right, paired),
    recall: percent(right, there),
    lost,
    swapped,
    doubled,
    payments,
  };
}

/** Of pairs whose confidence lay in a range, how many were right. */
export class Reliability {
  private readonly buckets = EDGES.map(() => ({ pairs: 0, stated: 0, right: 0 }));

  add(pairs: readonly Pair[], truth: ReadonlyMap<Id, Id>): void {
    for (const { paymentId, transactionId, confidence } of pairs) {
      const bucket = this.buckets[EDGES.findLastIndex((edge) => confidence >= edge)]!;
      bucket.pairs++;
      bucket.stated += confidence;
      if (truth.get(paymentId) === transactionId) bucket.right++;
    }
  }

  figures(): Record<string, { pairs: number; stated: number; right: number }> {
    return Object.fromEntries(
      this.buckets.flatMap(({ pairs, stated, right }, at) =>
        pairs === 0
          ? []
          : [
              [
                `${EDGES[at]} to ${EDGES[at + 1] ?? 1}`,
                { pairs, stated: rounded(stated / pairs), right: rounded(right / pairs) },
              ],
            ],
      ),
    );
  }

  /** Mean distance between what was stated and what was right, over all pairs. */
  error(): number {
    const all = this.buckets.reduce((sum, { pairs }) => sum + pairs, 0);
    const off = this.buckets.reduce((sum, { stated, right }) => sum + Math.abs(stated - right), 0);
    return all === 0 ? 0 : rounded(off / all);
  }
}

const EDGES = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99];
