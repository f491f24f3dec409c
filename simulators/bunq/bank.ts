import type { Household, HouseholdAccount, HouseholdPayment } from "../household";
import type { NewTwinPayment } from "./types";

/** What the bank knows of the household: accounts, rows with bunq's ids and running balances, and what can be seen. */

/** Room between the ids of two payments, so that added ones keep the order. */
const ID_STEP = 1000;
const FIRST_ACCOUNT = 42_001;

export interface Row {
  id: number;
  account: string;
  amount: number;
  name: string;
  iban?: string;
  description: string;
  type: string;
  /** bunq's `type` and `sub_type`, where they are not those of `type`. */
  bunqType?: [type: string, subType: string];
  scheduledId?: number;
  /** Merchant category code. */
  category?: string;
  /** Milliseconds since the epoch. */
  created: number;
  updated: number;
  /** From this moment on it can be seen; rises with the id. */
  visibleFrom: number;
  /** In the account's currency, minor units. */
  balanceAfter: number;
}

/** What was added or changed by hand, as it is kept over a restart. */
export interface BankChange {
  id: number;
  added?: Addition;
  changed?: { description?: string; name?: string; at: number };
  /** The id it had before. */
  rotated?: { from: number; at: number };
}

/** `at` is when it can be seen, `created` what the bank's clock said. */
type Addition = NewTwinPayment & { at: number; created: number; category?: string };

export class Bank {
  readonly accounts: readonly HouseholdAccount[];
  readonly changes: BankChange[] = [];
  readonly #rows = new Map<string, Row[]>();
  /** Moments of booking and what they are called, over all accounts, in order of the id. */
  readonly #ids: { id: number; visibleFrom: number }[] = [];

  /**
   * @param now up to when things can be seen
   * @param clock what the bank's clock says, which may be put back
   */
  constructor(
    readonly household: Household,
    readonly now: () => number,
    readonly clock: () => number,
  ) {
    this.accounts = household.accounts;
    for (const { key } of this.accounts) this.#rows.set(key, []);
    for (const payment of household.payments) if (payment.status === "booked") this.#append(rowOf(payment));
    for (const { key } of this.accounts) this.#balance(key);
  }

  accountId(key: string): number {
    const at = this.accounts.findIndex((account) => account.key === key);
    if (at < 0) throw new Error(`the household has no account ${key}`);
    return FIRST_ACCOUNT + at;
  }

  accountOf(id: number): HouseholdAccount | undefined {
    return this.accounts[id - FIRST_ACCOUNT];
  }

  static paymentId(sequence: number): number {
    return sequence * ID_STEP;
  }

  /** The rows of an account that can be seen now, oldest first; the array is longer when some cannot be yet. */
  visible(key: string): { rows: readonly Row[]; count: number } {
    const rows = this.#rows.get(key) ?? [];
    const now = this.now();
    return { rows, count: upperBound(rows, (row) => row.visibleFrom <= now) };
  }

  balance(key: string): number {
    const { rows, count } = this.visible(key);
    const opening = this.accounts.find((account) => account.key === key)!.openingBalance;
    return count === 0 ? opening : rows[count - 1]!.balanceAfter;
  }

  find(key: string, id: number): Row | undefined {
    const { rows, count } = this.visible(key);
    const at = upperBound(rows, (row) => row.id < id);
    return at < count && rows[at]?.id === id ? rows[at] : undefined;
  }

  /** All rows that came to be seen after one moment and until another. */
  seenBetween(after: number, until: number): Row[] {
    return [...this.#rows.values()]
      .flat()
      .filter(({ visibleFrom }) => visibleFrom > after && visibleFrom <= until)
      .sort((a, b) => a.id - b.id);
  }

  /** Book a payment; `at` is when it can be seen. Its id. */
  add(payment: NewTwinPayment & { category?: string }, at = this.now(), created = this.clock()): number {
    const id = this.nextId(at);
    this.#insert(id, { ...payment, at, created });
    return id;
  }

  #insert(id: number, payment: Addition): void {
    const { at, account, amount, name, iban, bunqType, scheduledId, category } = payment;
    this.accountId(account);
    const created = payment.instant ? Date.parse(payment.instant) : payment.created;
    this.#place({
      id,
      account,
      amount,
      name,
      ...(iban ? { iban } : {}),
      description: payment.description ?? "",
      type: payment.type ?? "transfer",
      ...(bunqType ? { bunqType } : {}),
      ...(scheduledId ? { scheduledId } : {}),
      ...(category ? { category } : {}),
      created,
      updated: created,
      visibleFrom: at,
      balanceAfter: 0,
    });
    this.changes.push({ id, added: payment });
  }

  #place(row: Row): void {
    const rows = this.#rows.get(row.account)!;
    rows.splice(
      upperBound(rows, (other) => other.id < row.id),
      0,
      row,
    );
    this.#ids.splice(
      upperBound(this.#ids, (other) => other.id < row.id),
      0,
      row,
    );
    this.#balance(row.account);
  }

  /** The same payment under another id, as if it were new. */
  rotate(from: number, at = this.now(), to = this.nextId(at)): number {
    const row = this.#rowOf(from);
    const rows = this.#rows.get(row.account)!;
    rows.splice(rows.indexOf(row), 1);
    this.#ids.splice(
      this.#ids.findIndex(({ id }) => id === from),
      1,
    );
    this.#place({ ...row, id: to, visibleFrom: at });
    this.changes.push({ id: to, rotated: { from, at } });
    return to;
  }

  #rowOf(id: number): Row {
    const row = [...this.#rows.values()].flat().find((each) => each.id === id);
    if (!row) throw new Error(`the twin has no payment ${id}`);
    return row;
  }

  change(id: number, change: { description?: string; name?: string }, at = this.now()): void {
    Object.assign(this.#rowOf(id), change, { updated: at });
    this.changes.push({ id, changed: { ...change, at } });
  }

  /** What an earlier twin was told. */
  replay(changes: readonly BankChange[]): void {
    for (const { id, added, changed, rotated } of changes) {
      if (added) this.#insert(id, added);
      if (rotated) this.rotate(rotated.from, rotated.at, id);
      if (changed) this.change(id, { ...changed }, changed.at);
    }
  }

  /** After the last id that can be seen and before the next that cannot. */
  nextId(at: number): number {
    const count = upperBound(this.#ids, (row) => row.visibleFrom <= at);
    const id = (this.#ids[count - 1]?.id ?? 0) + 1;
    if (this.#ids[count]?.id === id) throw new Error("no id is left before the household's next payment");
    return id;
  }

  #append(row: Row): void {
    this.#rows.get(row.account)!.push(row);
    this.#ids.push(row);
  }

  #balance(key: string): void {
    let balance = this.accounts.find((account) => account.key === key)!.openingBalance;
    for (const row of this.#rows.get(key)!) row.balanceAfter = balance += row.amount;
  }
}

function rowOf(payment: HouseholdPayment): Row {
  const created = Date.parse(payment.instant);
  return {
    id: Bank.paymentId(payment.sequence),
    account: payment.account,
    amount: payment.amount,
    name: payment.counterparty.name,
    ...(payment.counterparty.iban ? { iban: payment.counterparty.iban } : {}),
    description: payment.description,
    type: payment.type,
    created,
    updated: created,
    visibleFrom: created,
    balanceAfter: 0,
  };
}

/** How many items at the start hold the condition, in a list where all that hold it come first. */
function upperBound<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the first row whose id is not below the one given. */
export function positionOf(rows: readonly { id: number }[], id: number): number {
  return upperBound(rows, (row) => row.id < id);
}
