import type { Candidates } from "./candidates";

/** Transactions open at once, at most: each doubles the states. */
const MOST_OPEN = 8;
/** States that are held for all payments together, at most: 8 bytes each. */
const MOST_STATES = 2 ** 21;
/** States gone through between two pauses. */
const PAUSE_STATES = 2 ** 13;

/** How to go through candidates payment by payment, with a bit for each transaction that is open then. */
export interface Plan {
  /** Bit of each transaction; transactions that are never open together share one. */
  bit: Int32Array;
  /** Where the candidates of each payment begin; one more at the end. */
  starts: Int32Array;
  /** Bits of transactions that no later payment asks for, by payment. */
  closing: Int32Array;
  states: number;
}

/**
 * A plan for exact work, or undefined where it would cost more than a fixed bound: payments x 2^(transactions open at
 * once). Whoever has no plan estimates.
 */
export function planOf({ payments, transactions, payment, transaction }: Candidates): Plan | undefined {
  const last = new Int32Array(transactions);
  const starts = new Int32Array(payments + 1);
  for (let at = 0; at < payment.length; at++) {
    last[transaction[at]!] = Math.max(last[transaction[at]!]!, payment[at]!);
    starts[payment[at]! + 1] = at + 1;
  }
  for (let row = 1; row <= payments; row++) starts[row] = Math.max(starts[row]!, starts[row - 1]!);
  const bit = new Int32Array(transactions).fill(-1);
  const closing = new Int32Array(payments);
  let [open, most] = [0, 0];
  for (let row = 0; row < payments; row++) {
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      const asked = transaction[at]!;
      if (bit[asked]! >= 0) continue;
      let free = 0;
      while (open & (1 << free)) free++;
      if (free >= MOST_OPEN) return undefined;
      bit[asked] = free;
      open |= 1 << free;
      most = Math.max(most, free + 1);
    }
    for (let at = starts[row]!; at < starts[row + 1]!; at++)
      if (last[transaction[at]!] === row) closing[row]! |= 1 << bit[transaction[at]!]!;
    open &= ~closing[row]!;
  }
  const states = 1 << most;
  return states * (payments + 1) > MOST_STATES ? undefined : { bit, starts, closing, states };
}

/**
 * The exact probability of each candidate: the share of its one-to-one pairings among all, each pairing weighing the
 * product of the odds of its pairs. Forward and backward over the states of the plan, scaled at each payment.
 */
export function* exactProbabilities(
  { payments, transaction, weight }: Candidates,
  { bit, starts, closing, states }: Plan,
): Generator<void, Float64Array, void> {
  const forward = new Float64Array((payments + 1) * states);
  forward[0] = 1;
  const work = new Float64Array(states);
  let since = 0;
  for (let row = 0; row < payments; row++) {
    const from = row * states;
    work.set(forward.subarray(from, from + states));
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      const own = 1 << bit[transaction[at]!]!;
      for (let state = 0; state < states; state++)
        if (!(state & own)) work[state | own]! += forward[from + state]! * weight[at]!;
    }
    let sum = 0;
    for (let state = 0; state < states; state++) {
      forward[from + states + (state & ~closing[row]!)]! += work[state]!;
      sum += work[state]!;
    }
    for (let state = 0; state < states; state++) forward[from + states + state]! /= sum;
    if ((since += states * (starts[row + 1]! - starts[row]! + 3)) > PAUSE_STATES) {
      since = 0;
      yield;
    }
  }
  const probability = new Float64Array(transaction.length);
  let after = new Float64Array(states).fill(1);
  for (let row = payments - 1; row >= 0; row--) {
    const from = row * states;
    const before = new Float64Array(states);
    let all = 0;
    for (let state = 0; state < states; state++) {
      before[state] = after[state & ~closing[row]!]!;
      all += forward[from + state]! * before[state]!;
    }
    const skipped = before.slice();
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      const own = 1 << bit[transaction[at]!]!;
      let sum = 0;
      for (let state = 0; state < states; state++) {
        if (state & own) continue;
        const taken = weight[at]! * skipped[state | own]!;
        before[state]! += taken;
        sum += forward[from + state]! * taken;
      }
      probability[at] = sum;
      all += sum;
    }
    for (let at = starts[row]!; at < starts[row + 1]!; at++) probability[at]! /= all;
    let largest = 0;
    for (let state = 0; state < states; state++) largest = Math.max(largest, before[state]!);
    for (let state = 0; state < states; state++) before[state]! /= largest;
    after = before;
    if ((since += states * (starts[row + 1]! - starts[row]! + 3)) > PAUSE_STATES) {
      since = 0;
      yield;
    }
  }
  return probability;
}

/** The one-to-one pairing with the largest sum of weights, exactly: positions of the candidates that are in it. */
export function* exactChoice(
  { payments, transaction, weight }: Candidates,
  { bit, starts, closing, states }: Plan,
): Generator<void, number[], void> {
  const never = -Infinity;
  let best = new Float64Array(states).fill(never);
  best[0] = 0;
  // What was done in the payment before each state: the candidate taken (-1: none), and the state it came from.
  const taken = new Int32Array((payments + 1) * states).fill(-1);
  const came = new Int32Array((payments + 1) * states);
  let since = 0;
  for (let row = 0; row < payments; row++) {
    const next = new Float64Array(states).fill(never);
    const reach = (state: number, value: number, from: number, at: number) => {
      const to = state & ~closing[row]!;
      if (value <= next[to]!) return;
      next[to] = value;
      taken[(row + 1) * states + to] = at;
      came[(row + 1) * states + to] = from;
    };
    for (let state = 0; state < states; state++) {
      if (best[state] === never) continue;
      for (let at = starts[row]!; at < starts[row + 1]!; at++) {
        const own = 1 << bit[transaction[at]!]!;
        if (!(state & own)) reach(state | own, best[state]! + weight[at]!, state, at);
      }
      reach(state, best[state]!, state, -1);
    }
    best = next;
    if ((since += states * (starts[row + 1]! - starts[row]! + 3)) > PAUSE_STATES) {
      since = 0;
      yield;
    }
  }
  const chosen: number[] = [];
  let state = best.reduce((most, value, at) => (value > best[most]! ? at : most), 0);
  for (let row = payments; row > 0; row--) {
    if (taken[row * states + state]! >= 0) chosen.push(taken[row * states + state]!);
    state = came[row * states + state]!;
  }
  return chosen.reverse();
}
