import type { Candidates } from "./candidates";
import { sortInTurns } from "./sort-in-turns";

/** Rounds of the estimate: it is near its end after a few, and none waits for it. */
const ROUNDS = 16;
/** Candidates gone through between two pauses. */
const PAUSE = 5000;

/**
 * Probabilities where there are too many pairings to go through: belief propagation for monomer-dimer systems, with a
 * fixed number of rounds, O(candidates) each. Exact where candidates form no ring.
 * Source: Bayati, Gamarnik, Katz, Nair and Tetali (2007), "Simple deterministic approximation algorithms for counting
 * matchings".
 */
export function* estimatedProbabilities({
  payments,
  transactions,
  payment,
  transaction,
  weight,
}: Candidates): Generator<void, Float64Array, void> {
  const size = payment.length;
  // How free each row is, told to each of its candidates without what that candidate says.
  const fromPayment = new Float64Array(size).fill(1);
  const fromTransaction = new Float64Array(size).fill(1);
  let since = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [told, heard, row, rows] of [
      [fromPayment, fromTransaction, payment, payments],
      [fromTransaction, fromPayment, transaction, transactions],
    ] as const) {
      const sums = new Float64Array(rows);
      for (let at = 0; at < size; at++) {
        sums[row[at]!]! += weight[at]! * heard[at]!;
        if (++since % PAUSE === 0) yield;
      }
      for (let at = 0; at < size; at++) {
        // The mean of this round and the last one: without it rounds swing from too free to too little.
        told[at] = Math.sqrt(told[at]! / (1 + Math.max(0, sums[row[at]!]! - weight[at]! * heard[at]!)));
        if (++since % PAUSE === 0) yield;
      }
    }
  }
  for (let at = 0; at < size; at++) {
    const joined = weight[at]! * fromPayment[at]! * fromTransaction[at]!;
    fromPayment[at] = joined / (1 + joined);
    if (++since % PAUSE === 0) yield;
  }
  return fromPayment;
}

/** Weights nearer to each other than this are taken as equal, so that like rows are paired in their order. */
const STEP = 0.005;
/** Payments that are asked to give way for one that was left out, at most. */
const ASKED = 100;

/**
 * Largest weight first, among like weights rows of like rank; then who was left out gets a row that others can give
 * way from, where a hundred of them can. Deterministic, O(n log n) for the first, and a fixed bound for each left out.
 */
export function* greedyChoice(candidates: Candidates): Generator<void, number[], void> {
  const { payments, transactions, payment, transaction, weight } = candidates;
  const size = weight.length;
  const order = new Int32Array(size);
  const level = new Int32Array(size);
  const starts = new Int32Array(payments + 1).fill(size);
  for (let at = size - 1; at >= 0; at--) {
    order[at] = at;
    level[at] = Math.round(weight[at]! / STEP);
    starts[payment[at]!] = at;
    if (at % PAUSE === 0) yield;
  }
  for (let row = payments - 1; row >= 0; row--) starts[row] = Math.min(starts[row]!, starts[row + 1]!);
  const apart = (at: number) => Math.abs(payment[at]! - transaction[at]!);
  yield* sortInTurns(order, (a, b) => level[b]! - level[a]! || apart(a) - apart(b) || a - b);
  const ofPayment = new Int32Array(payments).fill(-1);
  const ofTransaction = new Int32Array(transactions).fill(-1);
  for (let n = 0; n < size; n++) {
    if (n % PAUSE === 0) yield;
    const at = order[n]!;
    if (ofPayment[payment[at]!]! < 0 && ofTransaction[transaction[at]!]! < 0)
      ofPayment[payment[at]!] = ofTransaction[transaction[at]!] = at;
  }
  for (let row = 0; row < payments; row++) {
    if (ofPayment[row]! >= 0 || starts[row] === starts[row + 1]) continue;
    makeRoom(candidates, starts, ofPayment, ofTransaction, row);
    yield;
  }
  const chosen: number[] = [];
  for (let row = 0; row < payments; row++) if (ofPayment[row]! >= 0) chosen.push(ofPayment[row]!);
  return chosen;
}

/** Breadth first from a payment to a free transaction, over payments that have another one, and shift them along. */
function makeRoom(
  { payment, transaction }: Candidates,
  starts: Int32Array,
  ofPayment: Int32Array,
  ofTransaction: Int32Array,
  first: number,
): void {
  const asked = [first];
  // The candidate by which each payment was come to asks its owner to give way.
  const by = new Map<number, number>([[first, -1]]);
  for (let n = 0; n < asked.length && n < ASKED; n++) {
    for (let at = starts[asked[n]!]!; at < starts[asked[n]! + 1]!; at++) {
      const held = ofTransaction[transaction[at]!]!;
      if (held >= 0) {
        const owner = payment[held]!;
        if (by.has(owner)) continue;
        by.set(owner, at);
        asked.push(owner);
        continue;
      }
      for (let take = at; take >= 0; take = by.get(payment[take]!)!) {
        ofTransaction[transaction[take]!] = take;
        ofPayment[payment[take]!] = take;
      }
      return;
    }
  }
}
