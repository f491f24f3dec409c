import { LIKENESS, LIKENESSES, type Name, type Names } from "./names";
import { Near } from "./near";
import { PAUSE, type DatedRow, type Group, type Grouped } from "./equal-amounts";
import { AROUND_DAYS, bothKeys, MOST_DAYS, nameOdds, pairOdds, smoothed, USUAL, type Habits } from "./odds";

/** A pair that is as good as sure counts this much: whole numbers, whose sum does not depend on their order. */
const WHOLE = 1024;
/** Pairs that what is usual weighs as much as. */
const USUAL_WEIGHT = { gaps: 40, lonely: 30, names: 60 } as const;
/** A pair has a say about names from this probability on. */
const SURE = 0.9;

export interface Learned {
  habits: Habits;
  /** By the payment's position: 1 where it belongs to a pair that was counted in the habits of naming. */
  counted: Uint8Array;
}

/**
 * Learn an account's habits from the pairs that cannot be confused: a payment and a transaction that are each other's
 * only candidate. Each counts by its probability under what is usual, and what is usual counts as some dozens of
 * pairs, so that few rows change little. One pass, linear.
 */
export function* learnHabits(
  { payments, transactions, groups }: Grouped<DatedRow, DatedRow>,
  windowDays: number,
  names: Names,
): Generator<void, Learned, void> {
  const tally = new Tally(payments.rows.length);
  let seen = 0;
  for (let at = 0; at < transactions.order.length; at++) {
    if (at % PAUSE === 0) yield;
    tally.name(names.of(transactions.rows[transactions.order[at]!]!.name).key);
  }
  for (const group of groups()) {
    for (const found of clear(group, payments.days, transactions.days, windowDays)) {
      if (seen++ % PAUSE === 0) yield;
      if (found.transaction < 0) tally.lonelyPayments += WHOLE;
      else if (found.payment < 0) tally.lonelyTransactions += WHOLE;
      else {
        const days = transactions.days[found.transaction]! - payments.days[found.payment]!;
        const payment = names.of(payments.rows[found.payment]!.name);
        const transaction = names.of(transactions.rows[found.transaction]!.name);
        tally.pair({ ...found, days, amount: group.amount }, payment, transaction);
      }
    }
    if (seen++ % PAUSE === 0) yield;
  }
  return { habits: tally.habits(), counted: tally.counted };
}

interface Clear {
  /** Positions among the rows of the sides; -1 where there is none. */
  payment: number;
  transaction: number;
  /** Others of the amount around it. */
  others: number;
}

/** Payments and transactions with one candidate, which has no other, and those with none. */
function* clear(
  group: Group,
  paymentDays: Int32Array,
  transactionDays: Int32Array,
  windowDays: number,
): Generator<Clear, void, void> {
  const { payments, transactions } = group;
  const left = new Near(transactions, transactionDays);
  const back = new Near(payments, paymentDays);
  const around = [new Near(payments, paymentDays), new Near(transactions, transactionDays)] as const;
  for (let at = 0; at < payments.length; at++) {
    const day = paymentDays[payments[at]!]!;
    left.move(day, windowDays);
    if (left.count === 0) yield { payment: payments[at]!, transaction: -1, others: 0 };
    if (left.count !== 1) continue;
    const transaction = transactions[left.from]!;
    back.move(transactionDays[transaction]!, windowDays);
    if (back.count !== 1) continue;
    for (const side of around) side.move(day, AROUND_DAYS);
    const others = Math.max(around[0].count, around[1].count) - 1;
    yield { payment: payments[at]!, transaction, others: Math.max(0, others) };
  }
  const alone = new Near(payments, paymentDays);
  for (let at = 0; at < transactions.length; at++) {
    alone.move(transactionDays[transactions[at]!]!, windowDays);
    if (alone.count === 0) yield { payment: -1, transaction: transactions[at]!, others: 0 };
  }
}

const NOTHING_SEEN = new Float64Array(LIKENESSES);

class Tally {
  lonelyPayments = 0;
  lonelyTransactions = 0;
  readonly counted: Uint8Array;
  private pairs = 0;
  private transactions = 0;
  private readonly gaps = new Float64Array(2 * MOST_DAYS + 1);
  private readonly same = new Float64Array(LIKENESSES);
  private readonly named = new Map<number, number>();
  private readonly from = new Map<number, number>();
  private readonly both = new Map<number, number>();

  constructor(payments: number) {
    this.counted = new Uint8Array(payments);
  }

  name(key: number): void {
    this.transactions++;
    add(this.named, key);
  }

  pair(
    { payment: position, days, amount, others }: Clear & { days: number; amount: number },
    payment: Name,
    transaction: Name,
  ): void {
    const said = nameOdds(USUAL, payment, transaction, false);
    const { level } = said;
    const odds = pairOdds(USUAL, days, amount, said, { others, levels: NOTHING_SEEN }, false);
    const probability = odds / (1 + odds);
    const weight = Math.round(WHOLE * probability);
    this.pairs += weight;
    this.lonelyPayments += WHOLE - weight;
    this.lonelyTransactions += WHOLE - weight;
    this.gaps[days + MOST_DAYS]! += weight;
    if (level !== LIKENESS.unknown) this.same[level]! += weight;
    if (probability < SURE || level === LIKENESS.unknown || level >= LIKENESS.half) return;
    this.counted[position] = 1;
    add(this.from, payment.key);
    add(this.both, bothKeys(payment.key, transaction.key));
  }

  habits(): Habits {
    const { gaps: gapsWeight, lonely: lonelyWeight, names } = USUAL_WEIGHT;
    const pairs = this.pairs / WHOLE;
    const gaps = USUAL.gaps.map(
      (share, at) => (this.gaps[at]! / WHOLE + gapsWeight * share) / (pairs + gapsWeight),
    );
    const apart = (alone: number, usual: number) =>
      Math.min(
        0.6,
        Math.max(0.02, (alone / WHOLE + lonelyWeight * usual) / (pairs + alone / WHOLE + lonelyWeight)),
      );
    const usual = Math.sqrt(USUAL.lonely);
    return {
      gaps,
      lonely: apart(this.lonelyPayments, usual) * apart(this.lonelyTransactions, usual),
      same: smoothed(
        this.same.map((count) => count / WHOLE),
        USUAL.same,
        names,
      ),
      chance: USUAL.chance,
      together: {
        transactions: this.transactions,
        named: this.named,
        from: this.from,
        both: this.both,
      },
    };
  }
}

function add(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
