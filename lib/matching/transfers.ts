import { dayNumber, formatAmount, normaliseIban, runAtOnce, type CalendarDate, type Id } from "../values";
import { nameWords } from "./similarity";

/** Payments between two pauses: about a millisecond of work. */
const PAUSE_ROWS = 500;

/** What pairing needs of a payment. */
export interface TransferPayment {
  id: Id;
  accountId: Id;
  date: CalendarDate;
  amount: number;
  currency: string;
  counterpartyIban?: string;
  /** Name of the other party and text, where there is no IBAN. */
  name?: string;
  text?: string;
  /** What was paid in another currency. */
  original?: { amount: number; currency: string };
}

/** Two payments that are the two sides of one transfer between own accounts. */
export interface TransferPair {
  outgoing: Id;
  incoming: Id;
  days: number;
  /** By the IBAN that a side names, or by the name of an own account. */
  rule: "iban" | "name";
  /** For people. */
  reason: string;
}

/** A payment that looks like a side of a transfer and was left alone. */
export interface LeftTransfer {
  id: Id;
  reason: string;
}

/** What is known of the own accounts. */
export interface OwnAccounts {
  /** IBAN -> account id. */
  ibans: ReadonlyMap<string, Id>;
  /** Account id -> the name that its owner gave it. */
  names?: ReadonlyMap<Id, string>;
}

export interface FoundTransfers {
  pairs: TransferPair[];
  left: LeftTransfer[];
}

interface Candidate {
  out: TransferPayment;
  in: TransferPayment;
  days: number;
  /** Sides that name the other's IBAN; 0 when only names speak for it. */
  named: number;
}

/**
 * Pair the sides of transfers between own accounts, one-to-one, nearest first: opposite amounts on two accounts within a
 * window of days (an amount that one side states in the other's currency counts), none naming a third account, and
 *
 * - at least one side naming the other's IBAN; or,
 * - where no IBAN is named, a side that names the other account as its owner calls it. A payment that could so belong to
 *   payments on several accounts is left alone, with the reason.
 */
export function findTransfers(
  payments: readonly TransferPayment[],
  own: OwnAccounts,
  windowDays = 3,
): FoundTransfers {
  return runAtOnce(findingTransfers(payments, own, windowDays));
}

/** As {@link findTransfers}, with pauses between some hundred payments. */
export function* findingTransfers(
  payments: readonly TransferPayment[],
  own: OwnAccounts,
  windowDays = 3,
): Generator<void, FoundTransfers> {
  const candidates = yield* candidatesOf(payments, own, windowDays);
  yield;
  const pairs: TransferPair[] = [];
  const used = new Set<Id>();
  const take = (found: readonly Candidate[]) => {
    for (const candidate of [...found].sort(byLikelihood)) {
      if (used.has(candidate.out.id) || used.has(candidate.in.id)) continue;
      used.add(candidate.out.id).add(candidate.in.id);
      pairs.push(pairOf(candidate));
    }
  };
  take(candidates.filter(({ named }) => named > 0));
  const byName = candidates.filter(
    ({ named, ...sides }) => named === 0 && !used.has(sides.out.id) && !used.has(sides.in.id),
  );
  const accounts = new Map<Id, Set<Id>>();
  for (const { out, in: into } of byName)
    for (const [side, other] of [
      [out, into],
      [into, out],
    ] as const)
      accounts.set(side.id, (accounts.get(side.id) ?? new Set()).add(other.accountId));
  const clear = ({ id }: TransferPayment) => accounts.get(id)!.size === 1;
  take(byName.filter((candidate) => clear(candidate.out) && clear(candidate.in)));
  const left = [...accounts].flatMap(([id, others]): LeftTransfer[] =>
    used.has(id) || others.size === 1
      ? []
      : [
          {
            id,
            reason: `It may be a transfer, but its other side may be on any of ${others.size} accounts of yours: it is taken as a payment.`,
          },
        ],
  );
  return { pairs, left };
}

function* candidatesOf(
  payments: readonly TransferPayment[],
  own: OwnAccounts,
  windowDays: number,
): Generator<void, Candidate[]> {
  const owner = ({ counterpartyIban }: TransferPayment) =>
    counterpartyIban ? own.ibans.get(normaliseIban(counterpartyIban)) : undefined;
  const incoming = new Map<string, TransferPayment[]>();
  for (const [index, payment] of payments.entries()) {
    if (index % PAUSE_ROWS === 0) yield;
    if (payment.amount > 0)
      for (const key of keysOf(payment)) {
        const equal = incoming.get(key);
        if (equal) equal.push(payment);
        else incoming.set(key, [payment]);
      }
  }
  const candidates: Candidate[] = [];
  for (const [index, out] of payments.entries()) {
    if (index % PAUSE_ROWS === 0) yield;
    if (out.amount >= 0) continue;
    const target = owner(out);
    if (out.counterpartyIban && !target) continue;
    for (const into of new Set(keysOf(out).flatMap((key) => incoming.get(key) ?? []))) {
      if (into.accountId === out.accountId) continue;
      const source = owner(into);
      if (into.counterpartyIban && !source) continue;
      if (target && target !== into.accountId) continue;
      if (source && source !== out.accountId) continue;
      const days = Math.abs(dayNumber(out.date) - dayNumber(into.date));
      if (days > windowDays) continue;
      const named = (target ? 1 : 0) + (source ? 1 : 0);
      if (named > 0 || speakForIt(out, into, own)) candidates.push({ out, in: into, days, named });
    }
  }
  return candidates;
}

/** Currency and size of what moved, in both currencies where the payment states two. */
function keysOf({ amount, currency, original }: TransferPayment): string[] {
  const key = (size: number, unit: string) => `${unit}${Math.abs(size)}`;
  return [key(amount, currency), ...(original ? [key(original.amount, original.currency)] : [])];
}

function speakForIt(out: TransferPayment, into: TransferPayment, own: OwnAccounts): boolean {
  return names(out, own.names?.get(into.accountId)) || names(into, own.names?.get(out.accountId));
}

/** Does the payment's name or text hold all words of the account's name, at least one of four letters or more? */
function names(payment: TransferPayment, account: string | undefined): boolean {
  const wanted = nameWords(account ?? "");
  if (!wanted.some((word) => word.length >= 4)) return false;
  const there = new Set(nameWords(`${payment.name ?? ""} ${payment.text ?? ""}`));
  return wanted.every((word) => there.has(word));
}

function byLikelihood(a: Candidate, b: Candidate): number {
  const order = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  return b.named - a.named || a.days - b.days || order(a.out.id, b.out.id) || order(a.in.id, b.in.id);
}

function pairOf({ out, in: into, days, named }: Candidate): TransferPair {
  const when = days === 0 ? "on the same day" : days === 1 ? "a day apart" : `${days} days apart`;
  const how = named > 0 ? "by account number" : "by name";
  const sum = (payment: TransferPayment) =>
    `${formatAmount(Math.abs(payment.amount), payment.currency)} ${payment.currency}`;
  const amounts = out.currency === into.currency ? sum(out) : `${sum(out)} for ${sum(into)}`;
  return {
    outgoing: out.id,
    incoming: into.id,
    days,
    rule: named > 0 ? "iban" : "name",
    reason: `A transfer of ${amounts} between your own accounts, paired ${how}, ${when}.`,
  };
}
