import type { Candidates } from "./candidates";
import type { Group, Side } from "./equal-amounts";
import type { Names } from "./names";

/**
 * A pair is worth the probability that it is right, and this share of what that lacks to the probability that either
 * row has a partner at all. Below the least it is not made: a wrong pair loses a payment, a missing one doubles it.
 */
const EITHER = 0.3;
const LEAST = 0.5;
/** Little, so that a pair of twins is made, but the likelier one. */
const AMONG_TWINS = 0.1;
/** Candidates or rows between two pauses. */
const PAUSE = 2000;

/**
 * What each pair would be worth; not worth making at 0 and less. Which of two twins (rows of one day, with like names)
 * is taken does not matter, so that a pair is as right as those of its twins together.
 */
export function* gains(
  sides: { payments: Side; transactions: Side; group: Group; names: Names },
  candidates: Candidates,
  probability: Float64Array,
): Generator<void, Float64Array, void> {
  const { payment, transaction } = candidates;
  if (probability.length === 1) return probability.map((own) => own - LEAST);
  const [ofPayment, ofTransaction] = [
    new Float64Array(candidates.payments),
    new Float64Array(candidates.transactions),
  ];
  for (let at = 0; at < probability.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    ofPayment[payment[at]!]! += probability[at]!;
    ofTransaction[transaction[at]!]! += probability[at]!;
  }
  const { payments, transactions, group, names } = sides;
  const twins = {
    payments: yield* twinNumbers(payments, group.payments, names),
    transactions: yield* twinNumbers(transactions, group.transactions, names),
  };
  const left = yield* amongTwins(twins.payments, payment, transaction, probability);
  const right = yield* amongTwins(twins.transactions, transaction, payment, probability);
  for (let at = 0; at < probability.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    const own = Math.min(1, Math.max(left[at]!, right[at]!));
    const either = Math.max(ofPayment[payment[at]!]!, ofTransaction[transaction[at]!]!);
    const among = AMONG_TWINS * (probability[at]! - own);
    left[at] = own + EITHER * Math.max(0, either - own) + among - LEAST;
  }
  return left;
}

/** A number for each row; twins have the same. */
function* twinNumbers({ rows, days }: Side, of: Int32Array, names: Names): Generator<void, Int32Array, void> {
  const numbers = new Map<number, number>();
  const found = new Int32Array(of.length);
  for (let at = 0; at < of.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    const key = days[of[at]!]! * 2 ** 32 + names.of(rows[of[at]!]!.name).key;
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = numbers.size));
    found[at] = number;
  }
  return found;
}

/** How likely the row of the other side belongs to this row or to a twin of it, for each candidate. */
function* amongTwins(
  numbers: Int32Array,
  row: readonly number[],
  other: readonly number[],
  probability: Float64Array,
): Generator<void, Float64Array, void> {
  const sums = new Map<number, number>();
  const key = (at: number) => other[at]! * 2 ** 32 + numbers[row[at]!]!;
  for (let at = 0; at < row.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    sums.set(key(at), (sums.get(key(at)) ?? 0) + probability[at]!);
  }
  const found = new Float64Array(row.length);
  for (let at = 0; at < row.length; at++) {
    if (at % PAUSE === PAUSE - 1) yield;
    found[at] = sums.get(key(at))!;
  }
  return found;
}
