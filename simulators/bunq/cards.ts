import type { HouseholdPayment } from "../household";
import { Bank } from "./bank";
import type { NewCardAction } from "./types";

/** What was done with cards: authorisations, and the payments that came of them. */

export interface CardAction {
  id: number;
  account: string;
  /** Minor units of the account's currency, positive. */
  amount: number;
  name: string;
  description: string;
  city: string;
  category: string;
  original?: { amount: number; currency: string };
  /** Milliseconds since the epoch. */
  created: number;
  status: "AUTHORISED" | "BLOCKED" | "REVERSED";
  /** bunq's ids of the payments it led to, each from the moment when it can be seen. */
  payments: { id: number; from: number }[];
}

export class Cards {
  /** Those made by hand, as they are kept over a restart. */
  readonly made: CardAction[];
  readonly #all = new Map<string, CardAction[]>();

  constructor(
    private readonly bank: Bank,
    kept: CardAction[] = [],
  ) {
    this.made = kept;
    for (const { key } of bank.accounts) this.#all.set(key, []);
    for (const payment of bank.household.payments)
      if (payment.status === "pending") this.#all.get(payment.account)!.push(this.#ofHousehold(payment));
    for (const action of kept) this.#all.get(action.account)!.push(action);
  }

  /** Those that can be seen now, oldest first. */
  visible(account: string): CardAction[] {
    const now = this.bank.now();
    return (this.#all.get(account) ?? []).filter(({ created }) => created <= now).sort((a, b) => a.id - b.id);
  }

  /** bunq's ids of the payments it led to until now. */
  paymentsOf(action: CardAction): number[] {
    const now = this.bank.now();
    return action.payments.filter(({ from }) => from <= now).map(({ id }) => id);
  }

  use(given: NewCardAction): CardAction {
    const { outcome = "reserved", description, city = "Amsterdam", category = "5999", ...rest } = given;
    const action: CardAction = {
      ...rest,
      id: this.bank.nextId(this.bank.now()) + this.made.length + 500,
      description: description ?? `${given.name} ${city}`,
      city,
      category,
      created: this.bank.clock(),
      status: outcome === "blocked" ? "BLOCKED" : "AUTHORISED",
      payments: [],
    };
    this.bank.accountId(action.account);
    this.made.push(action);
    this.#all.get(action.account)!.push(action);
    if (outcome === "booked") this.settle(action.id);
    return action;
  }

  /** Book it; bunq's id of the payment. */
  settle(id: number, amount?: number): number {
    const action = this.#find(id);
    const { account, name, description, category } = action;
    const from = this.bank.now();
    const money = -(amount ?? action.amount);
    const booked = this.bank.add({ account, amount: money, name, description, category, type: "card" }, from);
    action.payments.push({ id: booked, from });
    return booked;
  }

  reverse(id: number): void {
    this.#find(id).status = "REVERSED";
  }

  #find(id: number): CardAction {
    const action = this.made.find((each) => each.id === id);
    if (!action) throw new Error(`the twin has no card action ${id} that was made by hand`);
    return action;
  }

  #ofHousehold(payment: HouseholdPayment): CardAction {
    const { bookedAs } = payment;
    const booked = bookedAs === undefined ? undefined : this.bank.household.payments[bookedAs - 1];
    return {
      id: Bank.paymentId(payment.sequence),
      account: payment.account,
      amount: -payment.amount,
      name: payment.counterparty.name,
      description: payment.description,
      city: "Amsterdam",
      category: "5999",
      created: Date.parse(payment.instant),
      status: "AUTHORISED",
      payments: booked ? [{ id: Bank.paymentId(booked.sequence), from: Date.parse(booked.instant) }] : [],
    };
  }
}
