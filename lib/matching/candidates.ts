/**
 * Candidate pairs of one amount, as parallel lists in the order of payment, then transaction. Rows are numbered from 0
 * in the order of their dates.
 */
export interface Candidates {
  payments: number;
  transactions: number;
  payment: readonly number[];
  transaction: readonly number[];
  /** Odds (for probabilities) or gain (for choosing) of each. */
  weight: readonly number[];
}

/** Candidates looked at between two pauses. */
const PAUSE = 5000;

/** Positions of the candidates that hang together, through those that count. Nearly linear. */
export function* components(
  all: Candidates,
  counts: (at: number) => boolean,
): Generator<void, number[][], void> {
  const { payment, transaction } = all;
  const parent = new Int32Array(all.payments + all.transactions);
  for (let at = 0; at < parent.length; at++) parent[at] = at;
  const root = (at: number) => {
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  for (let at = 0; at < payment.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    if (!counts(at)) continue;
    const [one, other] = [root(payment[at]!), root(all.payments + transaction[at]!)];
    if (one !== other) parent[Math.max(one, other)] = Math.min(one, other);
  }
  const found = new Map<number, number[]>();
  for (let at = 0; at < payment.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    if (!counts(at)) continue;
    const of = root(payment[at]!);
    const list = found.get(of);
    if (list) list.push(at);
    else found.set(of, [at]);
  }
  return [...found.values()];
}

/** These candidates alone, their rows numbered anew in the same order. */
export function* only(
  all: Candidates,
  kept: readonly number[],
  weight: ArrayLike<number>,
): Generator<void, Candidates, void> {
  const weights: number[] = [];
  for (let n = 0; n < kept.length; n++) {
    if (n % PAUSE === PAUSE - 1) yield;
    weights.push(weight[kept[n]!]!);
  }
  // Nothing to leave out, and in a giant group much to copy.
  if (kept.length === all.payment.length) return { ...all, weight: weights };
  const [payment, payments] = yield* renumbered(all.payment, kept);
  const [transaction, transactions] = yield* renumbered(all.transaction, kept);
  return { payments, transactions, payment, transaction, weight: weights };
}

function* renumbered(
  rows: readonly number[],
  kept: readonly number[],
): Generator<void, [number[], number], void> {
  let [least, most] = [Infinity, 0];
  for (let n = 0; n < kept.length; n++) {
    if (n % PAUSE === PAUSE - 1) yield;
    least = Math.min(least, rows[kept[n]!]!);
    most = Math.max(most, rows[kept[n]!]!);
  }
  const numbers = new Int32Array(most - least + 1);
  for (let n = 0; n < kept.length; n++) numbers[rows[kept[n]!]! - least] = 1;
  let count = 0;
  for (let at = 0; at < numbers.length; at++) if (numbers[at] === 1) numbers[at] = count++;
  const anew: number[] = [];
  for (let n = 0; n < kept.length; n++) {
    if (n % PAUSE === PAUSE - 1) yield;
    anew.push(numbers[rows[kept[n]!]! - least]!);
  }
  return [anew, count];
}
