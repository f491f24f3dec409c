import { matches, transactions, type Transaction } from "../store";
import { addDays, inChunks, isOwnImportId, takeTurn, turnDue, type CalendarDate, type Id } from "../values";
import type { Pass } from "./pass";
import type { Prepared } from "./prepare";

/**
 * YNAB matches what is imported with what a person entered, of the same account and amount and some days apart at most,
 * and does not know that the entered transaction stands for another payment already: two payments would then stand
 * there as one transaction. So such a payment is imported with an amount that nobody entered, a cent or so beside its
 * own, uncleared, as a payment is whose last amount is not known yet; and is given its own amount right afterwards,
 * which YNAB matches with nothing. A crash in between leaves what `followUncleared` changes in the next pass.
 * @returns the same, with other amounts where that is needed
 */
export async function keepApart(pass: Pass, prepared: readonly Prepared[]): Promise<Prepared[]> {
  const days = pass.budget.limits.ownMatchDays;
  if (days === undefined || prepared.length === 0) return [...prepared];
  const byAccount = new Map<Id, Prepared[]>();
  for (const one of prepared) {
    const list = byAccount.get(one.write.accountId);
    if (list) list.push(one);
    else byAccount.set(one.write.accountId, [one]);
  }
  const amounts = new Map<Prepared, number>();
  for (const [accountId, list] of byAccount) {
    const dates = list.map(({ write }) => write.date).sort();
    const range = { from: addDays(dates[0]!, -days), to: addDays(dates.at(-1)!, days) };
    const entered = await enteredRows(pass, accountId, range);
    const equal = new Set(list.map(({ write }) => write.amount));
    const taken = await standsForAnother(
      pass,
      [...equal].flatMap((amount) => entered.get(amount) ?? []),
    );
    if (taken.size === 0) continue;
    for (const one of list) {
      const { date, amount } = one.write;
      const [from, to] = [addDays(date, -days), addDays(date, days)];
      const near = (of: number) =>
        (entered.get(of) ?? []).filter((row) => row.date >= from && row.date <= to);
      const inTheWay = near(amount).some(({ id }) => taken.has(id) && taken.get(id) !== one.item.paymentId);
      if (!inTheWay) continue;
      const step = Math.sign(amount);
      let beside = amount + step;
      while (near(beside).length > 0) beside += step;
      amounts.set(one, beside);
    }
  }
  pass.counts["apart"] = (pass.counts["apart"] ?? 0) + amounts.size;
  return prepared.map((one) => {
    const amount = amounts.get(one);
    return amount === undefined ? one : { ...one, write: { ...one.write, amount, cleared: "uncleared" } };
  });
}

/** What YNAB may still match an import with, by amount. */
async function enteredRows(
  { context }: Pass,
  accountId: Id,
  range: { from: CalendarDate; to: CalendarDate },
): Promise<Map<number, Transaction[]>> {
  const found = new Map<number, Transaction[]>();
  for await (const row of context.store
    .collection(transactions)
    .scan({ index: "byAccount", equals: [accountId], ...range })) {
    if (turnDue()) await takeTurn();
    if (row.deleted || row.importId !== undefined || row.matchedTransactionId !== undefined) continue;
    const list = found.get(row.amount);
    if (list) list.push(row);
    else found.set(row.amount, [row]);
  }
  return found;
}

/** Transaction id -> the payment it stands for; the far side of a transfer that we wrote stands for one not yet known. */
async function standsForAnother(
  { context }: Pass,
  rows: readonly Transaction[],
): Promise<Map<Id, Id | undefined>> {
  const { store } = context;
  const ids = rows.map(({ id }) => id);
  const known = await inChunks(ids, (chunk) => store.collection(matches).getMany(chunk));
  const found = new Map<Id, Id | undefined>(known.map(({ id, paymentId }) => [id, paymentId]));
  const otherSides = rows.flatMap(({ transferTransactionId }) => transferTransactionId ?? []);
  const written = new Set(
    (await inChunks(otherSides, (chunk) => store.collection(transactions).getMany(chunk)))
      .filter((row) => !row.deleted && isOwnImportId(row.importId))
      .map(({ id }) => id),
  );
  for (const { id, transferTransactionId } of rows)
    if (transferTransactionId && written.has(transferTransactionId) && !found.has(id))
      found.set(id, undefined);
  return found;
}
