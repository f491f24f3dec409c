import { isCalendarDate, localDate } from "../../lib/values";
import type { Household, HouseholdAccount, HouseholdPayment } from "../household";
import { TwinRefusal } from "../twin-http";
import { rowObject } from "./objects";
import type { GoCardlessTwinOptions, TwinRow } from "./types";

/** What the bank behind GoCardless shows of the household now. */
export class Bank {
  readonly accounts: readonly HouseholdAccount[];
  readonly replaced = new Map<string, { booked?: unknown; pending?: unknown }>();
  change: (row: TwinRow) => TwinRow = (row) => row;

  constructor(
    private readonly household: Household,
    private readonly now: () => number,
    private readonly ids: NonNullable<GoCardlessTwinOptions["ids"]>,
  ) {
    this.accounts = household.accounts;
  }

  account(key: string): HouseholdAccount {
    const found = this.accounts.find((each) => each.key === key);
    if (!found) throw new Error(`the household has no account ${key}`);
    return found;
  }

  balance(key: string): number {
    const { openingBalance } = this.account(key);
    return this.#booked(key).reduce((sum, { amount }) => sum + amount, openingBalance);
  }

  /** Newest first, as banks do. @throws TwinRefusal for dates that are none, turned round, or in the future */
  transactions(key: string, query: URLSearchParams, reachable: string): TwinRow {
    const today = localDate(this.now(), this.household.timeZone);
    const from = day(query, "date_from", today) ?? reachable;
    const to = day(query, "date_to", today) ?? today;
    if (from > to) {
      throw refusal(
        "Incorrect date range",
        `Starting date '${from}' is greater than end date '${to}'. When specifying date range, starting date must precede the end date`,
      );
    }
    const account = this.account(key);
    let balance = account.openingBalance;
    const booked = this.#booked(key)
      .map((payment) => ({ payment, after: (balance += payment.amount) }))
      .filter(({ payment: { date } }) => date >= from && date >= reachable && date <= to)
      .reverse()
      .map(({ payment, after }) => this.change(rowObject(payment, account, after, this.ids)));
    const pending = this.#pending(key).map((payment) =>
      this.change(rowObject(payment, account, undefined, this.ids)),
    );
    return { transactions: { booked, pending, ...this.replaced.get(key) } };
  }

  #booked(key: string): HouseholdPayment[] {
    return this.#seen(key).filter(({ status }) => status === "booked");
  }

  /** Reserved, and neither booked nor given up (after a week) yet. */
  #pending(key: string): HouseholdPayment[] {
    return this.#seen(key).filter((payment) => {
      if (payment.status !== "pending") return false;
      const booked =
        payment.bookedAs === undefined ? undefined : this.household.payments[payment.bookedAs - 1];
      const ends = booked ? Date.parse(booked.instant) : Date.parse(payment.instant) + 7 * 86_400_000;
      return ends > this.now();
    });
  }

  #seen(key: string): HouseholdPayment[] {
    const now = this.now();
    return this.household.payments.filter(
      ({ account, instant }) => account === key && Date.parse(instant) <= now,
    );
  }
}

function day(query: URLSearchParams, name: string, today: string): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!isCalendarDate(text)) throw refusal("Invalid date", `'${text}' is not a date`);
  if (text > today) {
    throw new TwinRefusal({
      status: 400,
      body: {
        [name]: {
          summary: "Date can't be in future",
          detail: `'${text}' can't be greater than ${today}. Specify correct date range`,
        },
        status_code: 400,
      },
    });
  }
  return text;
}

export function refusal(summary: string, detail: string, status = 400, type?: string): TwinRefusal {
  const body = { summary, detail, ...(type ? { type } : {}), status_code: status };
  return new TwinRefusal({ status, body });
}
