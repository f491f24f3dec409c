import type { Id } from "../values";
import { PAUSE } from "./equal-amounts";
import type { MatchPayment, MatchTransaction, Pair } from "./types";

/** Pair what bears our own import id, or the reference that another importer took from the bank. */
export function* matchReferences(
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
  const claims = new Map<Id, { transaction: MatchTransaction; own: boolean }>();
  for (const [at, transaction] of transactions.entries()) {
    if (at % PAUSE === 0) yield;
    const reference = transaction.importId;
    const found = reference && !ambiguous.has(reference) ? byReference.get(reference) : undefined;
    if (!found) continue;
    const { payment, own } = found;
    // Another importer's reference may be reused by the bank: it counts only with the same amount.
    if (!own && payment.amount !== transaction.amount) continue;
    const rival = claims.get(payment.id);
    // Of several that bear its references our own counts most, then the first by id, whatever the order of rows.
    const before = rival && (rival.own === own ? rival.transaction.id < transaction.id : rival.own);
    if (!before) claims.set(payment.id, { transaction, own });
  }
  const pairs: Pair[] = [];
  for (const [paymentId, { transaction, own }] of claims) {
    if (pairs.length % PAUSE === 0) yield;
    pairs.push({
      paymentId,
      transactionId: transaction.id,
      rule: own ? "import-id" : "reference",
      confidence: 1,
      reason: own
        ? "Written by Tallyflow under this import id."
        : `Both carry the reference ${transaction.importId}.`,
    });
  }
  return pairs;
}
