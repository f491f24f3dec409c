import { cursors, payments, type BankAccount, type Payment, type PaymentFacts, type Store } from "../store";
import { addDays, canonicalJson, daysBetween, type Id, type Instant } from "../values";

/**
 * Pending payments and what they were booked as. Banks often change the id, the date or the amount when they book: a
 * hotel or a filling station blocks more than it takes in the end.
 */

/** A booking comes at most so many days after the date under which it was pending ... */
const DAYS_AFTER = 14;
/** ... or before it. */
const DAYS_BEFORE = 3;
/** From this likeness on two names are of one party. */
const ALIKE = 0.5;
/** A changed amount counts as near within this share of the larger one. */
const NEAR = 0.3;
/** A filling station blocks any amount: with a name as like as this the amount says nothing, within these days. */
const SURE = 0.99;
const SURE_DAYS = 7;
/** Where a bank does not list all that is pending, a payment that was shown long ago only is gone after so many days. */
const STALE_DAYS = 30;
/** A payment that was pending for longer than this is looked for no more. */
const OPEN_DAYS = 60;

/**
 * Follows the pending payments of one account through a reading. Which are open is kept beside the cursors, so that an
 * account without any costs one look.
 */
export class PendingPayments {
  readonly #listed = new Set<Id>();
  #open: Map<Id, PaymentFacts> | undefined;
  #kept: ReadonlySet<Id> = new Set();

  constructor(
    private readonly store: Store,
    private readonly account: BankAccount,
    private readonly now: () => Instant,
  ) {}

  /**
   * The page with links from booked to pending payments in it: those that are stored already, those that the bank itself
   * gave, and those that are found. Call it before the page is stored.
   * @param rows with the ids they are stored under
   * @returns the page, to be stored first, and then the open payments that it settles: a crash in between is mended by
   *   the next reading of the page
   */
  async link(rows: readonly Payment[]): Promise<{ page: Payment[]; settled: Payment[] }> {
    const open = await this.#load();
    const pending = rows.filter(({ status }) => status === "pending");
    for (const { id } of pending) this.#listed.add(id);
    if (open.size === 0 && pending.length === 0 && this.#kept.size === 0)
      return { page: await this.#withStored(rows), settled: [] };
    const collection = this.store.collection(payments);
    const page = new Map((await this.#withStored(rows)).map((row) => [row.id, row]));
    // The bank's own word on it.
    for (const row of page.values()) {
      const booked = row.status === "pending" && row.bookedAs ? page.get(row.bookedAs) : undefined;
      if (booked && booked.settles === undefined) page.set(booked.id, { ...booked, settles: row.id });
    }
    const known = new Set(
      (await collection.getMany([...page.keys()], ["raw"]))
        .filter(({ status }) => status === "booked")
        .map(({ id }) => id),
    );
    // A payment that was pending under its own id needs no link.
    const fresh = [...page.values()].filter(
      ({ id, status, settles }) => status === "booked" && !settles && !known.has(id) && !open.has(id),
    );
    const free = [...open.values()].filter(({ id }) => !page.has(id));
    for (const [pending, booked] of pairPending(free, fresh))
      page.set(booked.id, { ...page.get(booked.id)!, settles: pending.id });
    const bookedAs = new Map<Id, Id>();
    for (const { id, settles } of page.values())
      if (settles && open.has(settles) && !page.has(settles)) bookedAs.set(settles, id);
    const settled = (await collection.getMany([...bookedAs.keys()])).map((one) => ({
      ...one,
      bookedAs: bookedAs.get(one.id)!,
    }));
    for (const row of [...page.values(), ...settled]) {
      if (isOpen(row)) open.set(row.id, row);
      else open.delete(row.id);
    }
    // Before the page is stored: what is pending in the store is always kept here too.
    await this.#keep([...open.keys()].filter((id) => !this.#kept.has(id)).length > 0);
    return { page: [...page.values()], settled };
  }

  /**
   * At the end of a reading.
   * @param complete the bank has listed all that is pending: what it lists no more is marked as gone
   * @returns how many are newly gone
   */
  async end(complete: boolean): Promise<number> {
    const open = await this.#load();
    const now = this.now();
    const oldest = addDays(now.slice(0, 10), -OPEN_DAYS);
    const gone = [...open.values()].filter(
      ({ id, goneSince, date }) =>
        !goneSince && !this.#listed.has(id) && (complete || date < addDays(now.slice(0, 10), -STALE_DAYS)),
    );
    const { updatedIds } = await this.store.collection(payments).updateMany(
      gone.map(({ id }) => ({
        id,
        expected: { status: "pending" as const, bookedAs: null },
        set: { goneSince: now },
      })),
    );
    for (const { id, date } of open.values()) if (date < oldest) open.delete(id);
    await this.#keep(open.size !== this.#kept.size);
    return updatedIds.length;
  }

  get #id(): Id {
    return `pending:${this.account.id}`;
  }

  async #load(): Promise<Map<Id, PaymentFacts>> {
    if (this.#open) return this.#open;
    const kept = (await this.store.collection(cursors).get(this.#id))?.value;
    const ids = Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
    this.#kept = new Set(ids);
    const found = ids.length === 0 ? [] : await this.store.collection(payments).getMany(ids, ["raw"]);
    return (this.#open = new Map(found.filter(isOpen).map((payment) => [payment.id, payment])));
  }

  async #keep(changed: boolean): Promise<void> {
    if (!changed) return;
    const ids = [...this.#open!.keys()];
    await this.store.collection(cursors).upsertMany([{ id: this.#id, value: ids, at: this.now() }]);
    this.#kept = new Set(ids);
  }

  /** What was found out about a payment is not the bank's to take away. */
  async #withStored(rows: readonly Payment[]): Promise<Payment[]> {
    const found = await this.store.collection(payments).getMany(
      rows.map(({ id }) => id),
      ["raw"],
    );
    const stored = new Map(found.map((one) => [one.id, one]));
    return rows.map((row) => withLinks(row, stored.get(row.id)));
  }
}

function isOpen({ status, bookedAs }: PaymentFacts): boolean {
  return status === "pending" && bookedAs === undefined;
}

function withLinks(row: Payment, stored: PaymentFacts | undefined): Payment {
  if (!stored) return row;
  const { settles, bookedAs, note } = stored;
  return {
    ...row,
    ...(settles && row.status === "booked" ? { settles } : {}),
    ...(bookedAs && row.status === "pending" && !row.bookedAs ? { bookedAs } : {}),
    ...(note && !row.note ? { note } : {}),
  };
}

type Linkable = Omit<PaymentFacts, "source" | "fetchedAt">;

/**
 * Which pending payment a booked one settles, one-to-one, the likeliest first: the same currency and sign within a
 * window of days, and the same amount with a like name or without names; or a like name and an amount that is near; or
 * the very same name within a week, where no other pending and no other booked payment has it.
 */
export function pairPending<P extends Linkable, B extends Linkable>(
  open: readonly P[],
  booked: readonly B[],
): [P, B][] {
  const candidates: { pending: P; booked: B; cost: number }[] = [];
  for (const one of booked) {
    const shaped = open.filter((pending) => {
      const days = daysBetween(pending.date, one.date);
      return (
        pending.accountId === one.accountId &&
        pending.currency === one.currency &&
        Math.sign(pending.amount) === Math.sign(one.amount) &&
        days <= DAYS_AFTER &&
        days >= -DAYS_BEFORE
      );
    });
    for (const pending of shaped) {
      const days = Math.abs(daysBetween(pending.date, one.date));
      const alike = likeness(pending, one);
      const apart =
        Math.abs(pending.amount - one.amount) / Math.max(Math.abs(pending.amount), Math.abs(one.amount), 1);
      if (apart === 0 ? alike < ALIKE : apart > NEAR || alike < ALIKE) {
        if (alike < SURE || days > SURE_DAYS) continue;
        const rivals = shaped.filter((other) => likeness(other, one) >= ALIKE).length;
        const others = booked.filter((other) => likeness(pending, other) >= ALIKE).length;
        if (rivals > 1 || others > 1) continue;
      }
      candidates.push({
        pending,
        booked: one,
        cost: (apart > 0 ? 20 + 10 * apart : 0) + days + 3 * (1 - alike),
      });
    }
  }
  const order = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  candidates.sort((a, b) => a.cost - b.cost || order(a.pending, b.pending) || order(a.booked, b.booked));
  const used = new Set<string>();
  const pairs: [P, B][] = [];
  for (const { pending, booked: one } of candidates) {
    if (used.has(pending.id) || used.has(one.id)) continue;
    used.add(pending.id).add(one.id);
    pairs.push([pending, one]);
  }
  return pairs;
}

/**
 * 0 to 1: how like the other parties are. Account or reference that are stated on both sides decide; else the share of
 * the words of the shorter name that the other one has, where a word that begins another counts as the same.
 */
function likeness(a: Linkable, b: Linkable): number {
  const [iban, other] = [a.counterparty?.iban, b.counterparty?.iban];
  if (iban && other) return iban === other ? 1 : 0;
  if (a.reference && a.reference === b.reference && a.reference.length >= 6) return 1;
  const [left, right] = [wordsOf(a), wordsOf(b)];
  if (left.length === 0 || right.length === 0)
    return canonicalJson(left) === canonicalJson(right) ? 1 : ALIKE;
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  const free = [...long];
  let common = 0;
  for (const word of short) {
    const at = free.findIndex((one) => one.startsWith(word) || (one.length > 3 && word.startsWith(one)));
    if (at < 0) continue;
    free.splice(at, 1);
    common++;
  }
  return common / short.length;
}

/** Words of the name, or of the description where there is none, without numbers. */
function wordsOf({ counterparty, description }: Linkable): string[] {
  return (counterparty?.name || description)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word.length > 2);
}
