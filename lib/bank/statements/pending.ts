import { payments, type BankAccount, type Payment, type Store } from "../../store";
import { addDays, daysBetween } from "../../values";

/** A booking comes at most this many days after or before the date under which it was pending. */
const DAYS = 5;

/**
 * Pending payments in the store that booked rows of a page settle, each with `bookedAs`: the same amount within five
 * days and the same bank id, or, where one has none, the same text and other party. Each booked row settles one.
 * A pending payment that comes again as booked under its own id needs no link: the row replaces it.
 */
export async function settledBy(
  page: readonly Payment[],
  account: BankAccount,
  source: string,
  store: Store | undefined,
): Promise<Payment[]> {
  const booked = page.filter(({ status }) => status === "booked");
  if (!store || booked.length === 0) return [];
  const dates = booked.map(({ date }) => date).sort();
  const ids = new Set(page.map(({ id }) => id));
  const taken = new Set<string>();
  const found: Payment[] = [];
  const range = {
    index: "byAccount",
    equals: [account.id],
    from: addDays(dates[0]!, -DAYS),
    to: addDays(dates[dates.length - 1]!, DAYS + 1),
  };
  for await (const pending of store.collection(payments).scan(range)) {
    if (pending.status !== "pending" || pending.bookedAs !== undefined || pending.source !== source) continue;
    if (ids.has(pending.id)) continue;
    const match = booked.find((row) => !taken.has(row.id) && settles(row, pending));
    if (!match) continue;
    taken.add(match.id);
    found.push({ ...pending, bookedAs: match.id });
  }
  return found;
}

function settles(booked: Payment, pending: Payment): boolean {
  if (booked.amount !== pending.amount || booked.currency !== pending.currency) return false;
  if (Math.abs(daysBetween(booked.date, pending.date)) > DAYS) return false;
  const [one, other] = [bankIdOf(booked), bankIdOf(pending)];
  if (one !== undefined && other !== undefined) return one === other;
  return (
    booked.description === pending.description && booked.counterparty?.name === pending.counterparty?.name
  );
}

function bankIdOf({ raw }: Payment): string | undefined {
  const id = raw !== null && typeof raw === "object" && !Array.isArray(raw) ? raw["bankId"] : undefined;
  return typeof id === "string" ? id : undefined;
}
