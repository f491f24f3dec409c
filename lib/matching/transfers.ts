import { dayNumber, normaliseIban, type CalendarDate, type Id } from "../values";

/** What pairing needs of a payment. */
export interface TransferPayment {
  id: Id;
  accountId: Id;
  date: CalendarDate;
  amount: number;
  currency: string;
  counterpartyIban?: string;
}

/** Two payments that are the two sides of one transfer between own accounts. */
export interface TransferPair {
  outgoing: Id;
  incoming: Id;
  days: number;
}

/**
 * Pair the sides of transfers between own accounts, one-to-one, nearest first: opposite amounts in one currency on two
 * accounts within a window of days, where at least one side names the other's IBAN and none names a third account.
 */
export function pairTransfers(
  payments: readonly TransferPayment[],
  ownIbans: ReadonlyMap<string, Id>,
  windowDays = 3,
): TransferPair[] {
  const owner = (payment: TransferPayment) =>
    payment.counterpartyIban ? ownIbans.get(normaliseIban(payment.counterpartyIban)) : undefined;
  const incoming = new Map<string, TransferPayment[]>();
  for (const payment of payments) {
    if (payment.amount <= 0) continue;
    const key = `${payment.currency}${payment.amount}`;
    const list = incoming.get(key);
    if (list) list.push(payment);
    else incoming.set(key, [payment]);
  }
  const candidates: { out: TransferPayment; in: TransferPayment; days: number; named: number }[] = [];
  for (const out of payments) {
    if (out.amount >= 0) continue;
    const target = owner(out);
    if (out.counterpartyIban && !target) continue;
    for (const into of incoming.get(`${out.currency}${-out.amount}`) ?? []) {
      if (into.accountId === out.accountId) continue;
      const source = owner(into);
      if (into.counterpartyIban && !source) continue;
      if (target && target !== into.accountId) continue;
      if (source && source !== out.accountId) continue;
      const named = (target ? 1 : 0) + (source ? 1 : 0);
      const days = Math.abs(dayNumber(out.date) - dayNumber(into.date));
      if (named > 0 && days <= windowDays) candidates.push({ out, in: into, days, named });
    }
  }
  candidates.sort(
    (a, b) =>
      b.named - a.named || a.days - b.days || (a.out.id < b.out.id ? -1 : 1) || (a.in.id < b.in.id ? -1 : 1),
  );
  const used = new Set<Id>();
  const pairs: TransferPair[] = [];
  for (const candidate of candidates) {
    if (used.has(candidate.out.id) || used.has(candidate.in.id)) continue;
    used.add(candidate.out.id).add(candidate.in.id);
    pairs.push({ outgoing: candidate.out.id, incoming: candidate.in.id, days: candidate.days });
  }
  return pairs;
}
