import { components, only, type Candidates } from "./candidates";
import { PAUSE, type DatedRow, type Group, type Side } from "./equal-amounts";
import { estimatedProbabilities, greedyChoice } from "./estimate";
import { exactChoice, exactProbabilities, planOf } from "./frontier";
import { LIKENESSES, type Names } from "./names";
import { AROUND_DAYS, nameOdds, pairOdds, type Habits } from "./odds";
import { gains } from "./gains";
import { Near } from "./near";
import { reasonOf } from "./reason";
import type { Pair } from "./types";

/** Candidates of one payment, at most: those of like rank when there are more, and of the same name. */
const REACH = 16;
const NAMESAKES = 8;
/** Transactions around a payment whose names are looked at, at most. */
const SEEN = 24;
/** Odds below which a candidate is none. */
const LEAST_ODDS = 1e-3;
/** What pairing the rows of one amount goes by. */
export interface Pairing {
  payments: Side;
  transactions: Side;
  group: Group;
  windowDays: number;
  habits: Habits;
  /** Payments that were counted in the habits of naming. */
  counted: Uint8Array;
  names: Names;
}

/** Add the pairs of one amount. */
export function* pairEqualAmounts(pairing: Pairing, pairs: Pair[]): Generator<void, void, void> {
  const { group } = pairing;
  if (group.payments.length === 0 || group.transactions.length === 0) {
    yield;
    return;
  }
  const candidates = yield* candidatesOf(pairing);
  const probability = new Float64Array(candidates.payment.length);
  for (const together of yield* components(candidates, () => true)) {
    const part = yield* only(candidates, together, candidates.weight);
    const found = yield* probabilitiesOf(part);
    for (let at = 0; at < together.length; at++) probability[together[at]!] = found[at]!;
    yield;
  }
  const gain = yield* gains(pairing, candidates, probability);
  for (const together of yield* components(candidates, (at) => gain[at]! > 0)) {
    const part = yield* only(candidates, together, gain);
    for (const at of yield* chosen(part)) {
      pairs.push(toPair(pairing, candidates, probability, together[at]!));
      if (pairs.length % 50 === 0) yield;
    }
    yield;
  }
}

function* probabilitiesOf(part: Candidates): Generator<void, ArrayLike<number>, void> {
  if (part.weight.length === 1) return [part.weight[0]! / (1 + part.weight[0]!)];
  const plan = planOf(part);
  return yield* plan ? exactProbabilities(part, plan) : estimatedProbabilities(part);
}

function* chosen(part: Candidates): Generator<void, number[], void> {
  if (part.weight.length === 1) return [0];
  const plan = planOf(part);
  return yield* plan ? exactChoice(part, plan) : greedyChoice(part);
}

interface Found extends Candidates {
  /** Of more candidates than are looked at each stands for several; 1 otherwise. */
  standsFor: readonly number[];
}

function* candidatesOf(pairing: Pairing): Generator<void, Found, void> {
  const { payments, transactions, group, windowDays, habits, names } = pairing;
  const within = new Near(group.transactions, transactions.days);
  const around = [
    new Near(group.payments, payments.days),
    new Near(group.transactions, transactions.days),
  ] as const;
  const nameOf = (at: number) => names.of(transactions.rows[group.transactions[at]!]!.name);
  let namesakes: Map<number, number[]> | undefined;
  const found = {
    payment: [] as number[],
    transaction: [] as number[],
    weight: [] as number[],
    standsFor: [] as number[],
  };
  let [dayBefore, rank, sameDay] = [NaN, 0, 0];
  let since = 0;
  for (let at = 0; at < group.payments.length; at++) {
    const position = group.payments[at]!;
    const day = payments.days[position]!;
    rank = day === dayBefore ? rank + 1 : 0;
    within.move(day, windowDays);
    while (sameDay < group.transactions.length && transactions.days[group.transactions[sameDay]!]! < day)
      sameDay++;
    dayBefore = day;
    if (++since % 50 === 0) yield;
    if (within.count === 0) continue;
    for (const side of around) side.move(day, AROUND_DAYS);
    const payment = names.of(payments.rows[position]!.name);
    const counted = pairing.counted[position] === 1;
    const seen = new Map(
      reach(around[1], sameDay + rank, SEEN).map((other) => [
        other,
        nameOdds(habits, payment, nameOf(other), counted),
      ]),
    );
    const levels = new Float64Array(LIKENESSES);
    for (const { level } of seen.values()) levels[level]!++;
    const others = Math.max(around[0].count, around[1].count) - 1;
    const reached = reach(within, sameDay + rank, REACH);
    if (within.count > REACH) {
      namesakes ??= yield* byKey(group.transactions.length, nameOf);
      reached.push(...nearestOf(namesakes.get(payment.key) ?? [], sameDay + rank, within));
      reached.sort((a, b) => a - b);
    }
    const standsFor = Math.max(1, within.count / REACH);
    let last = -1;
    for (const other of reached) {
      if (other === last) continue;
      last = other;
      const said = seen.get(other) ?? nameOdds(habits, payment, nameOf(other), counted);
      const days = transactions.days[group.transactions[other]!]! - day;
      const odds =
        standsFor * pairOdds(habits, days, group.amount, said, { others, levels }, seen.has(other));
      if (odds < LEAST_ODDS) continue;
      found.payment.push(at);
      found.transaction.push(other);
      found.weight.push(odds);
      found.standsFor.push(standsFor);
    }
  }
  return { payments: group.payments.length, transactions: group.transactions.length, ...found };
}

/** Those within the window, or of these as many as are looked at, around the one of like rank. */
function reach({ from, to }: Near, like: number, most: number): number[] {
  const first = Math.max(from, Math.min(like - most / 2, to - most));
  return Array.from({ length: Math.min(to - first, most) }, (_, at) => first + at);
}

function* byKey(
  count: number,
  nameOf: (at: number) => { key: number },
): Generator<void, Map<number, number[]>, void> {
  const found = new Map<number, number[]>();
  for (let at = 0; at < count; at++) {
    if (at % PAUSE === 0) yield;
    const { key } = nameOf(at);
    const list = found.get(key);
    if (list) list.push(at);
    else found.set(key, [at]);
  }
  return found;
}

/** Of ascending positions a few around one, within the window. */
function nearestOf(sorted: readonly number[], like: number, { from, to }: Near): number[] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < like) low = middle + 1;
    else high = middle;
  }
  return sorted
    .slice(Math.max(0, low - NAMESAKES / 2), low + NAMESAKES / 2)
    .filter((at) => at >= from && at < to);
}

function toPair(
  { payments, transactions, group, habits, names, counted }: Pairing,
  candidates: Found,
  probability: Float64Array,
  at: number,
): Pair {
  const position = group.payments[candidates.payment[at]!]!;
  const other = group.transactions[candidates.transaction[at]!]!;
  const [payment, transaction]: DatedRow[] = [payments.rows[position]!, transactions.rows[other]!];
  const said = nameOdds(
    habits,
    names.of(payment!.name),
    names.of(transaction!.name),
    counted[position] === 1,
  );
  return {
    paymentId: payment!.id,
    transactionId: transaction!.id,
    rule: "amount-date",
    confidence: Math.round((1000 * probability[at]!) / candidates.standsFor[at]!) / 1000,
    reason: reasonOf(transactions.days[other]! - payments.days[position]!, said, rivalsOf(candidates, at)),
  };
}

/** Other transactions that this payment could have been. */
function rivalsOf({ payment }: Candidates, at: number): number {
  let [first, last] = [at, at];
  while (payment[first - 1] === payment[at]) first--;
  while (payment[last + 1] === payment[at]) last++;
  return last - first;
}
