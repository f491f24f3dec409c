import type { CalendarDate, Id } from "../values";

/** What is known of a payment before it has a category: the one input of features, training and serving alike. */
export interface Example {
  id: Id;
  /** Name of the counterparty as the bank gives it; may be empty. */
  text: string;
  description: string;
  /** IBAN or account number of the counterparty. */
  counterpartyAccount?: string;
  /** The own account. */
  account: string;
  /** Minor units of `currency`; negative when money leaves the account. */
  amount: number;
  currency: string;
  date: CalendarDate;
  /** The bank's own kind of payment (card, direct debit, ...). */
  type?: string;
  /** Further columns that say something of the payer (cost centre, department, ...). Position names the column. */
  context?: readonly string[];
}

/** An example with the category that a person gave or approved. */
export interface LabelledExample extends Example {
  label: Id;
}

/**
 * Probabilities of all categories that the estimator knows: parallel arrays, summing to 1 unless empty, or to less where
 * the estimator leaves room for a category that nobody has given yet.
 */
export interface Scores {
  categories: readonly Id[];
  probabilities: Float32Array;
}

/** Position of the highest score, or -1 when there is none. The first of equals wins, so that ties are stable. */
export function argMax(values: ArrayLike<number>): number {
  let best = -1;
  let bestValue = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > bestValue) {
      best = i;
      bestValue = value;
    }
  }
  return best;
}

/** Numbers of a slab: Node keeps the memory of a typed array outside of its heap, and to get some is slow. */
const SLAB = 4_096;
let slab = new ArrayBuffer(0);
let used = 0;

/** The numbers as probabilities. Several share one `buffer`: copy them before that is sent anywhere. */
export function toProbabilities(numbers: Float64Array): Float32Array {
  const bytes = numbers.length * Float32Array.BYTES_PER_ELEMENT;
  if (used + bytes > slab.byteLength) {
    slab = new ArrayBuffer(Math.max(SLAB * Float32Array.BYTES_PER_ELEMENT, bytes));
    used = 0;
  }
  const probabilities = new Float32Array(slab, used, numbers.length);
  used += bytes;
  for (let i = 0; i < numbers.length; i++) probabilities[i] = numbers[i]!;
  return probabilities;
}

/** In place: exponentials divided by their sum, shifted by the maximum so that nothing overflows. */
export function softmax(scores: Float64Array): void {
  let max = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > max) max = scores[i]!;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const e = Math.exp(scores[i]! - max);
    scores[i] = e;
    sum += e;
  }
  const share = 1 / sum;
  for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! * share;
}
