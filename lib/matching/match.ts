import { daysBetween, dayNumber, runInTurns, type CalendarDate, type Id } from "../values";
import { nameWords, wordSimilarity } from "./similarity";

/** What the matcher needs of a payment. */
export interface MatchPayment {
  id: Id;
  date: CalendarDate;
  amount: number;
  name: string;
  /** Our own import id and those references under which other importers may have written it. */
  references: readonly string[];
}

/** What the matcher needs of a transaction. */
export interface MatchTransaction {
  id: Id;
  date: CalendarDate;
  amount: number;
  name: string;
  importId?: string;
  /** Tallyflow wrote it: it stands for the one payment whose import id it bears and may be claimed by no other. */
  own: boolean;
}

export interface Pair {
  paymentId: Id;
  transactionId: Id;
  rule: "import-id" | "reference" | "amount-date";
  confidence: number;
  reason: string;
}

export interface MatchOptions {
  /** Days between the payment and the transaction; 5 when absent. */
  windowDays?: number;
}

/** Rows handled between two pauses of {@link matching}. */
const PAUSE = 200;

/** Candidates looked at on either side of a payment in a run of equal amounts: bounds the work for equal rows. */
const REACH = 12;

/**
 * Pair the payments and transactions of one account, one-to-one: exact reference first, then equal amount within a
 * window of days, nearest first, where the likeness of the names breaks ties. No row is used twice. O(n log n).
 */
export function matchAccount(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions = {},
): Pair[] {
  const work = matching(payments, transactions, options);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** {@link matchAccount} with the event loop free in between: an account may have ten thousand rows. */
export function matchAccountInTurns(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions = {},
): Promise<Pair[]> {
  return runInTurns(matching(payments, transactions, options));
}

function* matching(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
  options: MatchOptions,
): Generator<void, Pair[], void> {
  const windowDays = options.windowDays ?? 5;
  const pairs = yield* matchReferences(payments, transactions);
  const usedPayments = new Set(pairs.map((pair) => pair.paymentId));
  const usedTransactions = new Set(pairs.map((pair) => pair.transactionId));
  const groups = new Map<number, { payments: MatchPayment[]; transactions: MatchTransaction[] }>();
  for (const [at, payment] of payments.entries()) {
    if (at % PAUSE === 0) yield;
    if (usedPayments.has(payment.id)) continue;
    const group = groups.get(payment.amount);
    if (group) group.payments.push(payment);
    else groups.set(payment.amount, { payments: [payment], transactions: [] });
  }
  for (const [at, transaction] of transactions.entries()) {
    if (at % PAUSE === 0) yield;
    if (!transaction.own && !usedTransactions.has(transaction.id))
      groups.get(transaction.amount)?.transactions.push(transaction);
  }
  for (const group of groups.values()) {
    if (group.transactions.length === 0) continue;
    for (const pair of yield* matchEqualAmounts(group.payments, group.transactions, windowDays))
      pairs.push(pair);
    yield;
  }
  return pairs;
}

function* matchReferences(
  payments: readonly MatchPayment[],
  transactions: readonly MatchTransaction[],
): Generator<void, Pair[], void> {
  const byReference = new Map<string, { payment: MatchPayment; own: boolean }>();
  const ambiguous = new Set<string>();
  for (const [at, payment] of payments.entries()) {
    if (at % PAUSE === 0) yield;
    payment.references.forEach((reference, position) => {
      if (byReference.has(reference)) ambiguous.add(reference);
      byReference.set(reference, { payment, own: position === 0 });
    });
  }
  const pairs: Pair[] = [];
  const used = new Set<Id>();
  for (const [at, transaction] of transactions.entries()) {
    if (at % PAUSE === 0) yield;
    const reference = transaction.importId;
    const found = reference && !ambiguous.has(reference) ? byReference.get(reference) : undefined;
    if (!found || used.has(found.payment.id)) continue;
    // Another importer's reference may be reused by the bank: it counts only with the same amount.
    if (!found.own && found.payment.amount !== transaction.amount) continue;
    used.add(found.payment.id);
    pairs.push({
      paymentId: found.payment.id,
      transactionId: transaction.id,
      rule: found.own ? "import-id" : "reference",
      confidence: 1,
      reason: found.own
        ? "Written by Tallyflow under this import id."
        : `Both carry the reference ${reference}.`,
    });
  }
  return pairs;
}

interface Candidate {
  payment: number;
  transaction: number;
  days: number;
  likeness: number;
}

function* matchEqualAmounts(
  payments: MatchPayment[],
  transactions: MatchTransaction[],
  windowDays: number,
): Generator<void, Pair[], void> {
  const byDate = (a: { date: string; id: string }, b: { date: string; id: string }) =>
    a.date < b.date ? -1 : a.date > b.date ? 1 : a.id < b.id ? -1 : 1;
  payments.sort(byDate);
  transactions.sort(byDate);
  const days = transactions.map((transaction) => dayNumber(transaction.date));
  const names = wordsOf(transactions);
  const candidates: Candidate[] = [];
  let middle = 0;
  for (const [index, payment] of payments.entries()) {
    if (index % PAUSE === PAUSE - 1) yield;
    const words = nameWords(payment.name);
    const day = dayNumber(payment.date);
    while (middle < days.length && days[middle]! < day) middle++;
    const add = (at: number) =>
      candidates.push({
        payment: index,
        transaction: at,
        days: Math.abs(days[at]! - day),
        likeness: wordSimilarity(words, names(at)),
      });
    for (
      let at = middle, taken = 0;
      at < days.length && days[at]! - day <= windowDays && taken < reach(payments, index);
      at++, taken++
    )
      add(at);
    for (
      let at = middle - 1, taken = 0;
      at >= 0 && day - days[at]! <= windowDays && taken < REACH;
      at--, taken++
    )
      add(at);
  }
  candidates.sort((a, b) => cost(a) - cost(b) || a.payment - b.payment || a.transaction - b.transaction);
  const freePayments = new Set(payments.keys());
  const freeTransactions = new Set(transactions.keys());
  const rivals = new Map<number, number>();
  for (const candidate of candidates) rivals.set(candidate.payment, (rivals.get(candidate.payment) ?? 0) + 1);
  const pairs: Pair[] = [];
  for (const candidate of candidates) {
    if (!freePayments.has(candidate.payment) || !freeTransactions.has(candidate.transaction)) continue;
    freePayments.delete(candidate.payment);
    freeTransactions.delete(candidate.transaction);
    pairs.push(
      toPair(
        payments[candidate.payment]!,
        transactions[candidate.transaction]!,
        candidate,
        rivals.get(candidate.payment)!,
      ),
    );
  }
  return pairs;
}

/** The words of each name, found once and only where they are asked for. */
function wordsOf(transactions: readonly MatchTransaction[]): (at: number) => string[] {
  const known: (string[] | undefined)[] = [];
  return (at) => (known[at] ??= nameWords(transactions[at]!.name));
}

/** A run of equal rows on one day needs as many candidates as there are rows in the run before this one. */
function reach(payments: readonly MatchPayment[], index: number): number {
  let same = 0;
  while (index - same > 0 && same < 200 && payments[index - same - 1]!.date === payments[index]!.date) same++;
  return REACH + same;
}

/** A day apart weighs as much as half of the likeness of the names. */
function cost(candidate: Candidate): number {
  return candidate.days + 2 * (1 - candidate.likeness);
}

function toPair(
  payment: MatchPayment,
  transaction: MatchTransaction,
  candidate: Candidate,
  rivals: number,
): Pair {
  const apart = daysBetween(payment.date, transaction.date);
  const when =
    apart === 0
      ? "on the same day"
      : `${Math.abs(apart)} day${Math.abs(apart) === 1 ? "" : "s"} ${apart > 0 ? "later" : "earlier"}`;
  const names =
    candidate.likeness > 0 ? `, and the names are ${Math.round(candidate.likeness * 100)} % alike` : "";
  const confidence = Math.max(
    0.5,
    0.97 - 0.06 * candidate.days - 0.05 * Math.min(4, rivals - 1) + 0.03 * candidate.likeness,
  );
  return {
    paymentId: payment.id,
    transactionId: transaction.id,
    rule: "amount-date",
    confidence: Math.min(0.99, confidence),
    reason: `The same amount ${when}${names}.`,
  };
}
