import { payments, type BankAccount, type Payment, type Store } from "../../store";
import { daysBetween, type CalendarDate } from "../../values";
import { DaysRead } from "../days-read";

/** A booking comes at most this many days after or before the date under which it was pending. */
const DAYS = 5;

/**
 * The pending payments of one account, for as long as its pages are handed out. What lies in the store is read once,
 * for the days that the pages come to; what the pages bring is followed here.
 */
export class Pendings {
  readonly #open = new Map<string, Payment>();
  readonly #days = new DaysRead();

  constructor(
    private readonly account: BankAccount,
    private readonly source: string,
    private readonly store: Store | undefined,
  ) {}

  /**
   * Pending payments that booked rows of a page settle, each with `bookedAs`: the same amount within five days and the
   * same bank id, or, where one has none, the same text and other party. Each booked row settles one. A pending
   * payment that comes again as booked under its own id needs no link: the row replaces it.
   */
  async settledBy(page: readonly Payment[]): Promise<Payment[]> {
    if (!this.store) return [];
    const booked = page.filter(({ status }) => status === "booked");
    await this.#days.cover(
      booked.map(({ date }) => date),
      DAYS,
      (from, to) => this.#load(from, to),
    );
    for (const { id } of page) this.#open.delete(id);
    const found = this.#settle(booked);
    for (const payment of page)
      if (payment.status === "pending" && payment.bookedAs === undefined) this.#open.set(payment.id, payment);
    return found;
  }

  #settle(booked: readonly Payment[]): Payment[] {
    if (this.#open.size === 0) return [];
    const byAmount = new Map<number, Payment[]>();
    for (const row of booked) {
      const equal = byAmount.get(row.amount);
      if (equal) equal.push(row);
      else byAmount.set(row.amount, [row]);
    }
    const taken = new Set<string>();
    const found: Payment[] = [];
    for (const pending of this.#open.values()) {
      const match = byAmount.get(pending.amount)?.find((row) => !taken.has(row.id) && settles(row, pending));
      if (!match) continue;
      taken.add(match.id);
      this.#open.delete(pending.id);
      found.push({ ...pending, bookedAs: match.id });
    }
    return found;
  }

  async #load(from: CalendarDate, to: CalendarDate): Promise<void> {
    const range = { index: "byAccount", equals: [this.account.id], from, to };
    for await (const payment of this.store!.collection(payments).scan(range)) {
      const { status, bookedAs, source, id } = payment;
      if (status === "pending" && bookedAs === undefined && source === this.source)
        this.#open.set(id, payment);
    }
  }
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

/** The bank's own id of a row: `bankId` in what statement files give, `entry_reference` from aggregators. */
function bankIdOf({ raw }: Payment): string | undefined {
  if (raw === null || typeof raw !== "object" || Array.isArray(raw)) return undefined;
  const id = raw["bankId"] ?? raw["entry_reference"];
  return typeof id === "string" && id.trim() !== "" ? id : undefined;
}
