import { payments, type BankAccount, type PaymentFacts, type Payment, type Store } from "../store";
import { canonicalJson, daysBetween, makeId, ownId, sha256, type CalendarDate } from "../values";
import { DaysRead } from "./days-read";

/**
 * Which payment is it? For banks whose ids do not last: they rotate (the same payment comes again under another id),
 * are recycled (an old id on a new payment), or are blank. Content and its number among equal rows decide then.
 *
 * What is relied on: a reading (one call of `payments` of the provider) shows every payment of the days it covers, each
 * once, or more than once under one and the same id; and a blank id is an id that ends after its colon.
 */

/** A payment's date may be corrected by so many days under the same id. */
const DATE_MOVES = 5;
/** A booking comes at most so many days after the payment was pending, under the same id. */
const BOOKING_MOVES = 30;

/** What is told of a payment whose id had belonged to another one. */
export interface Recycled {
  id: string;
  payment: Payment;
  before: CalendarDate;
}

export interface Recognised {
  /** With the ids that they are stored under. */
  payments: Payment[];
  recycled: Recycled[];
}

/** The payments of one account in one reading. */
export class Recogniser {
  /** Stored payments of the days that were looked at, by content. */
  readonly #byContent = new Map<string, string[]>();
  readonly #ids = new Set<string>();
  /** Payments that a row of this reading was recognised as. */
  readonly #claimed = new Set<string>();
  /** Served id and content -> the id it got in this reading. */
  readonly #served = new Map<string, string>();
  readonly #days = new DaysRead();

  constructor(
    private readonly store: Store,
    private readonly account: BankAccount,
  ) {}

  /** The rows of a page under the ids of the payments they are. */
  async page(rows: readonly Payment[]): Promise<Recognised> {
    await this.#days.cover(
      rows.map(({ date }) => date),
      0,
      (from, to) => this.#load(from, to),
    );
    const collection = this.store.collection(payments);
    const keys = rows.map(contentKey);
    const stored = new Map(
      (
        await collection.getMany(
          rows.filter((row) => !isBlank(row)).map(({ id }) => id),
          ["raw"],
        )
      ).map((payment) => [payment.id, payment]),
    );
    const given: (string | undefined)[] = rows.map((row, at) => {
      const known = isBlank(row) ? undefined : this.#served.get(`${row.id}|${keys[at]}`);
      return known;
    });
    const claim = (at: number, id: string) => {
      given[at] = id;
      this.#claimed.add(id);
      if (!isBlank(rows[at]!)) this.#served.set(`${rows[at]!.id}|${keys[at]}`, id);
    };
    const each = (work: (row: Payment, key: string, at: number) => void) =>
      rows.forEach((row, at) => {
        const again = isBlank(row) ? undefined : this.#served.get(`${row.id}|${keys[at]}`);
        if (given[at] === undefined && again !== undefined) given[at] = again;
        if (given[at] === undefined) work(row, keys[at]!, at);
      });
    // What is the same in id and content first, so that no other row can take its place.
    each((row, key, at) => {
      const same = stored.get(row.id);
      if (same && !this.#claimed.has(same.id) && contentKey(same) === key) claim(at, same.id);
    });
    each((row, _key, at) => {
      const same = stored.get(row.id);
      if (same && !this.#claimed.has(same.id) && isSamePayment(same, row)) claim(at, same.id);
    });
    each((_row, key, at) => {
      const free = this.#byContent.get(key)?.find((id) => !this.#claimed.has(id));
      if (free !== undefined) claim(at, free);
    });
    const recycled: Recycled[] = [];
    const notes = new Map<number, string>();
    each((row, key, at) => {
      claim(at, this.#newId(row, key, stored));
      const before = stored.get(row.id);
      if (before && contentKey(before) !== key) {
        recycled.push({ id: row.id, payment: row, before: before.date });
        notes.set(at, `The bank gave it an id that a payment of ${before.date} had before.`);
      }
    });
    const renamed = new Map(rows.flatMap((row, at) => (isBlank(row) ? [] : [[row.id, given[at]!] as const])));
    const found = rows.map((row, at): Payment => {
      const id = given[at]!;
      const equal = this.#byContent.get(keys[at]!) ?? [];
      if (!equal.includes(id)) this.#byContent.set(keys[at]!, [...equal, id]);
      this.#ids.add(id);
      const number = (this.#byContent.get(keys[at]!) ?? []).indexOf(id);
      const note = notes.get(at);
      return {
        ...row,
        id,
        ...(number > 0 || row.occurrence !== undefined ? { occurrence: row.occurrence ?? number } : {}),
        ...(row.bookedAs ? { bookedAs: renamed.get(row.bookedAs) ?? row.bookedAs } : {}),
        ...(note ? { note } : {}),
      };
    });
    return { payments: found, recycled };
  }

  #newId(row: Payment, key: string, stored: ReadonlyMap<string, PaymentFacts>): string {
    if (!isBlank(row) && !stored.has(row.id) && !this.#claimed.has(row.id)) return row.id;
    for (let number = 0; ; number++) {
      const digest = sha256(canonicalJson([this.account.id, key, number])).slice(0, 24);
      const id = isBlank(row) ? makeId(this.account.source, `row-${digest}`) : `${row.id}~${digest}`;
      if (!this.#claimed.has(id) && !this.#ids.has(id)) return id;
    }
  }

  async #load(from: CalendarDate, to: CalendarDate): Promise<void> {
    const range = { index: "byAccount", equals: [this.account.id], from, to };
    for await (const payment of this.store.collection(payments).scan(range, ["raw"])) {
      if (this.#ids.has(payment.id)) continue;
      this.#ids.add(payment.id);
      const key = contentKey(payment);
      const equal = this.#byContent.get(key);
      if (equal) equal.push(payment.id);
      else this.#byContent.set(key, [payment.id]);
    }
  }
}

function isBlank({ id }: Payment): boolean {
  return ownId(id) === "";
}

/** What equal rows have in common. Blanks, case and punctuation do not count: banks change them between readings. */
export function contentKey(row: Payment | PaymentFacts): string {
  const { counterparty: party } = row;
  return canonicalJson([
    row.status,
    row.date,
    // Where the bank tells it, no two payments have one: then a reading need not show whole days.
    row.instant ?? "",
    row.amount,
    row.currency,
    plain(row.description),
    plain(party?.iban ?? party?.account ?? party?.name ?? ""),
    plain(row.reference ?? ""),
  ]);
}

/**
 * Are two rows under one id the same payment? The amount of a booked payment never changes: a bank that corrects one
 * books another. So it is the same payment when the amount is equal, the date near, and the other party or the text is
 * the same; while it was pending the amount may have been another one.
 */
function isSamePayment(before: PaymentFacts, row: Payment): boolean {
  if (before.currency !== row.currency) return false;
  if (before.status === "booked" && row.status === "pending") return false;
  const open = before.status === "pending";
  if (Math.abs(daysBetween(before.date, row.date)) > (open ? BOOKING_MOVES : DATE_MOVES)) return false;
  const [a, b] = [before.counterparty, row.counterparty];
  const alike =
    same(a?.iban ?? a?.account, b?.iban ?? b?.account) ||
    same(a?.name, b?.name) ||
    same(before.description, row.description);
  // What was zero was not written yet.
  return alike && (open || before.amount === row.amount || before.amount === 0);
}

/** Equal, or one of them continues the other, or one says nothing. */
function same(a: string | undefined, b: string | undefined): boolean {
  const [one, other] = [plain(a ?? ""), plain(b ?? "")];
  if (one === "" && other === "") return false;
  return one.startsWith(other) || other.startsWith(one);
}

/** Letters and digits only, in lower case. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
}
