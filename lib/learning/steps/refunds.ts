import { findOriginals, mayRefund, REFUND_DAYS, type RefundPayment } from "../../matching";
import {
  matches,
  payments,
  queue,
  transactions,
  type PaymentFacts,
  type QueueItem,
  type Store,
} from "../../store";
import { addDays, formatAmount, queueId, takeTurn, turnDue, type Id } from "../../values";
import type { Refund } from "../cascade";

/** How sure the category of a refund is when a person approved that of the payment. */
const APPROVED = 0.97;

/**
 * Which of these payments are refunds of payments on the same account whose category is known: approved by a person, or
 * written with a category that was sure enough. Where several payments may be meant, all must have one category.
 * @returns payment id -> the refund
 */
export async function refundsOf(
  store: Store,
  budgetId: Id,
  items: readonly QueueItem[],
  found: ReadonlyMap<Id, PaymentFacts>,
): Promise<Map<Id, Refund>> {
  const refunds = new Map<Id, Refund>();
  const incoming = items.flatMap((item) => {
    const payment = found.get(item.paymentId);
    return payment && payment.amount > 0 && !item.transferAccountId ? [payment] : [];
  });
  const byAccount = new Map<Id, PaymentFacts[]>();
  for (const payment of incoming)
    byAccount.set(payment.accountId, [...(byAccount.get(payment.accountId) ?? []), payment]);
  for (const [accountId, own] of byAccount) {
    own.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : a.id < b.id ? -1 : 1));
    const seen = await around(store, accountId, own);
    const standings = await standingsOf(store, budgetId, seen);
    const used = new Map<Id, number>();
    for (const payment of seen) {
      const of = standings.get(payment.id)?.item?.refundOf;
      if (of && !own.includes(payment)) used.set(of, (used.get(of) ?? 0) + payment.amount);
    }
    const spent = seen.filter(({ amount }) => amount < 0).map(refundable);
    for (const payment of own) {
      if (turnDue()) await takeTurn();
      const originals = findOriginals(
        refundable(payment),
        spent.map((one) => ({ ...one, left: -one.amount - (used.get(one.id) ?? 0) })),
      );
      const known = (originals?.originals ?? []).map(({ id }) => ({ id, ...standings.get(id) }));
      const [first] = known;
      const categoryId = first?.categoryId;
      if (!first || !categoryId || known.some((one) => one.categoryId !== categoryId)) continue;
      const original = seen.find(({ id }) => id === first.id)!;
      used.set(original.id, (used.get(original.id) ?? 0) + payment.amount);
      refunds.set(payment.id, {
        paymentId: original.id,
        categoryId,
        confidence: first.confidence ?? APPROVED,
        text: `${formatAmount(-original.amount, original.currency)} ${original.currency} at ${refundable(original).name.slice(0, 60)} on ${original.date}`,
      });
    }
  }
  return refunds;
}

/** The payments of the days before that may have to do with these, and these themselves. */
async function around(store: Store, accountId: Id, own: readonly PaymentFacts[]): Promise<PaymentFacts[]> {
  const range = {
    index: "byAccount",
    equals: [accountId],
    from: addDays(own[0]!.date, -REFUND_DAYS),
    to: addDays(own.at(-1)!.date, 1),
  };
  const refunds = own.map(refundable);
  const ids = new Map(own.map((payment) => [payment.id, payment]));
  const seen: PaymentFacts[] = [];
  for await (const payment of store.collection(payments).scan(range, ["raw"])) {
    if (turnDue()) await takeTurn();
    const itself = ids.get(payment.id);
    const other = refundable(payment);
    const spent = { ...other, amount: -Math.abs(other.amount) };
    if (itself) seen.push(itself);
    else if (payment.status === "booked" && refunds.some((refund) => mayRefund(refund, spent)))
      seen.push(payment);
  }
  return seen;
}

interface Standing {
  item?: QueueItem;
  categoryId?: Id;
  confidence?: number;
}

/** What is known of the categories of payments. */
async function standingsOf(
  store: Store,
  budgetId: Id,
  seen: readonly PaymentFacts[],
): Promise<Map<Id, Standing>> {
  const ids = seen.map(({ id }) => id);
  const items = await store.collection(queue).getMany(ids.map((id) => queueId(id, budgetId)));
  const found = await store.collection(matches).findAny("byPayment", ids);
  const rowOf = new Map(
    items.flatMap(({ paymentId, transactionId }) => (transactionId ? [[paymentId, transactionId]] : [])),
  );
  for (const match of found) if (match.budgetId === budgetId) rowOf.set(match.paymentId, match.id);
  const rows = new Map(
    (await store.collection(transactions).getMany([...rowOf.values()])).map((row) => [row.id, row]),
  );
  const itemOf = new Map(items.map((item) => [item.paymentId, item]));
  return new Map(
    ids.map((id): [Id, Standing] => {
      const item = itemOf.get(id);
      const row = rows.get(rowOf.get(id) ?? "");
      const own = item ? { item } : {};
      if (row?.deleted || row?.split || row?.transferAccountId || item?.transferAccountId) return [id, own];
      if (row?.categoryId && row.approved)
        return [id, { ...own, categoryId: row.categoryId, confidence: APPROVED }];
      const sure = item?.state === "synced" || item?.state === "classified";
      const categoryId = row ? row.categoryId : item?.categoryId;
      if (!item || !sure || !categoryId || item.categoryId !== categoryId) return [id, own];
      return [id, { ...own, categoryId, confidence: Math.min(APPROVED, item.confidence ?? 0) }];
    }),
  );
}

function refundable(payment: PaymentFacts): RefundPayment {
  const { id, date, amount, currency, counterparty, reference, description, type } = payment;
  return {
    id,
    date,
    amount,
    currency,
    name: counterparty?.name || description,
    description,
    ...(counterparty?.iban ? { iban: counterparty.iban } : {}),
    ...(reference ? { reference } : {}),
    ...(type ? { type } : {}),
  };
}
