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
  /** Milliseconds since the epoch. */
  created: number;
  updated: number;
  /** From this moment on it can be seen; rises with the id. */
  visibleFrom: number;
  /** In the account's currency, minor units. */
  balanceAfter: number;
}

/** A card authorisation, reserved and not yet booked or booked since. */
export interface CardAction {
  id: number;
  account: string;
  payment: HouseholdPayment;
  created: number;
  /** When it was booked; absent when it never was. */
  clearedAt?: number;
}

/** What was added or changed by hand, as it is kept over a restart. */
export interface BankChange {
  id: number;
  added?: NewTwinPayment & { at: number };
  changed?: { description?: string; name?: string; at: number };
}

export class Bank {
  readonly accounts: readonly HouseholdAccount[];
  readonly changes: BankChange[] = [];
  readonly #rows = new Map<string, Row[]>();
  readonly #actions = new Map<string, CardAction[]>();
  /** Moments of booking and what they are called, over all accounts, in order of the id. */
  readonly #ids: { id: number; visibleFrom: number }[] = [];

  constructor(
    readonly household: Household,
    readonly now: () => number,
  ) {
    this.accounts = household.accounts;
    for (const { key } of this.accounts) {
      this.#rows.set(key, []);
      this.#actions.set(key, []);
    }
    for (const payment of household.payments) {
      if (payment.status === "pending") this.#addAction(payment);
      else this.#append(rowOf(payment));
    }
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

  actions(key: string): CardAction[] {
    return (this.#actions.get(key) ?? []).filter(({ created }) => created <= this.now());
  }

  find(key: string, id: number): Row | undefined {
    const { rows, count } = this.visible(key);
    const at = upperBound(rows, (row) => row.id < id);
    return at < count && rows[at]?.id === id ? rows[at] : undefined;
  }

  add(payment: NewTwinPayment, at = this.now(), id = this.#nextId(at)): number {
    this.accountId(payment.account);
    const created = payment.instant ? Date.parse(payment.instant) : at;
    const row: Row = {
      id,
      account: payment.account,
      amount: payment.amount,
      name: payment.name,
      ...(payment.iban ? { iban: payment.iban } : {}),
      description: payment.description ?? "",
      type: payment.type ?? "transfer",
      created,
      updated: created,
      visibleFrom: at,
      balanceAfter: 0,
    };
    const rows = this.#rows.get(payment.account)!;
    rows.splice(
      upperBound(rows, (other) => other.id < id),
      0,
      row,
    );
    this.#ids.splice(
      upperBound(this.#ids, (other) => other.id < id),
      0,
      row,
    );
    this.#balance(payment.account);
    this.changes.push({ id, added: { ...payment, at } });
    return id;
  }

  change(id: number, change: { description?: string; name?: string }, at = this.now()): void {
    const row = [...this.#rows.values()].flat().find((each) => each.id === id);
    if (!row) throw new Error(`the twin has no payment ${id}`);
    Object.assign(row, change, { updated: at });
    this.changes.push({ id, changed: { ...change, at } });
  }

  /** What an earlier twin was told. */
  replay(changes: readonly BankChange[]): void {
    for (const { id, added, changed } of changes) {
      if (added) this.add(added, added.at, id);
      if (changed) this.change(id, { ...changed }, changed.at);
    }
  }

  /** After the last id that can be seen and before the next that cannot. */
  #nextId(at: number): number {
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

  #addAction(payment: HouseholdPayment): void {
    const booked = payment.bookedAs === undefined ? undefined : this.household.payments[payment.bookedAs - 1];
    this.#actions.get(payment.account)!.push({
      id: Bank.paymentId(payment.sequence),
      account: payment.account,
      payment,
      created: Date.parse(payment.instant),
      ...(booked ? { clearedAt: Date.parse(booked.instant) } : {}),
    });
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
