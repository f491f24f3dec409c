import { payments, type BankAccount, type Payment, type Store } from "../store";
import { addDays } from "../values";
import { contentKey } from "./recognise";

/** On so many whole days, with so many payments, everything has to come again under other ids to be believed. */
const DAYS = 2;
const ROWS = 3;

/**
 * For statement files whose ids are made anew at each download, as some banks do with the FITID of OFX: the same payments
 * would come again as others. A page is taken for such a one when on all of its whole days (its first and last may be cut)
 * every stored payment that it does not show by id is shown by content. One payment more or less under its own id, or a
 * file that only goes on where the last one ended, is no such page: then ids are believed, as two equal payments may
 * be two.
 *
 * @returns the rows, under the ids of the payments that they are, and how many were renamed
 */
export async function underStoredIds(
  store: Store,
  account: BankAccount,
  rows: readonly Payment[],
): Promise<{ rows: Payment[]; renamed: number }> {
  const asTheyAre = { rows: [...rows], renamed: 0 };
  const dates = rows.map(({ date }) => date).sort();
  const [first, last] = [dates[0], dates.at(-1)];
  if (rows.length < ROWS || first === undefined || last === undefined || first === last) return asTheyAre;
  const collection = store.collection(payments);
  const shown = new Set(rows.map(({ id }) => id));
  const known = new Set((await collection.getMany([...shown], ["raw"])).map(({ id }) => id));
  // Of each day and content: the stored payments that are not shown by their ids.
  const missing = new Map<string, string[]>();
  const days = new Set<string>();
  let missed = 0;
  const range = { index: "byAccount", equals: [account.id], from: first, to: addDays(last, 1) };
  for await (const payment of collection.scan(range, ["raw"])) {
    if (shown.has(payment.id)) continue;
    const key = contentKey(payment);
    missing.set(key, [...(missing.get(key) ?? []), payment.id]);
    if (payment.date <= first || payment.date >= last) continue;
    days.add(payment.date);
    missed++;
  }
  if (days.size < DAYS || missed < ROWS) return asTheyAre;
  let found = 0;
  let renamed = 0;
  const named = rows.map((row): Payment => {
    const id = known.has(row.id) ? undefined : missing.get(contentKey(row))?.shift();
    if (id === undefined) return row;
    renamed++;
    if (days.has(row.date)) found++;
    return { ...row, id };
  });
  return found === missed ? { rows: named, renamed } : asTheyAre;
}
