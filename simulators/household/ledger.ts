import { daysBetween, type CalendarDate } from "../../lib/values";
import { millisAt } from "./clock";
import type { HouseholdPayment } from "./types";

/** A payment before it has its place in time. Links point at other drafts and become sequence numbers at the end. */
export interface Draft {
  account: "current" | "savings" | "card";
  millis: number;
  date: CalendarDate;
  amount: number;
  name: string;
  iban?: string;
  description: string;
  type: string;
  category?: string;
  status: "booked" | "pending";
  /** The name that a person writes into the budget. */
  cleanName: string;
  transferOf?: Draft;
  bookedAs?: Draft;
  refundOf?: Draft;
}

export type NewDraft = Omit<Draft, "millis" | "status"> & {
  minute: number;
  second?: number;
  status?: Draft["status"];
};

/** Collects what happens and lays it out in time. */
export class Ledger {
  readonly drafts: Draft[] = [];

  constructor(
    private readonly from: CalendarDate,
    private readonly until: CalendarDate,
  ) {}

  /** Is the date within the household's years? */
  covers(date: CalendarDate): boolean {
    return daysBetween(this.from, date) >= 0 && daysBetween(date, this.until) >= 0;
  }

  add(draft: NewDraft): Draft {
    const { minute, second, status, ...rest } = draft;
    const added: Draft = {
      ...rest,
      millis: millisAt(draft.date, minute, second),
      status: status ?? "booked",
    };
    this.drafts.push(added);
    return added;
  }

  /** Both sides of a transfer between own accounts; the second arrives 0 or 1 days later. */
  transfer(out: NewDraft, into: NewDraft): void {
    const first = this.add(out);
    const second = this.add(into);
    first.transferOf = second;
    second.transferOf = first;
  }

  /** All payments in the order of time, numbered from 1, with the drafts they came from. */
  finish(): { payments: HouseholdPayment[]; drafts: Draft[] } {
    const drafts = [...this.drafts].sort((a, b) => a.millis - b.millis);
    const sequence = new Map(drafts.map((draft, at) => [draft, at + 1]));
    const payments = drafts.map((draft): HouseholdPayment => {
      const link = (to: Draft | undefined) => (to ? sequence.get(to) : undefined);
      const [transferOf, bookedAs, refundOf] = [
        link(draft.transferOf),
        link(draft.bookedAs),
        link(draft.refundOf),
      ];
      return {
        sequence: sequence.get(draft)!,
        account: draft.account,
        status: draft.status,
        instant: new Date(draft.millis).toISOString(),
        date: draft.date,
        amount: draft.amount,
        counterparty: draft.iban ? { name: draft.name, iban: draft.iban } : { name: draft.name },
        description: draft.description,
        type: draft.type,
        ...(draft.category === undefined ? {} : { category: draft.category }),
        ...(transferOf === undefined ? {} : { transferOf }),
        ...(bookedAs === undefined ? {} : { bookedAs }),
        ...(refundOf === undefined ? {} : { refundOf }),
      };
    });
    return { payments, drafts };
  }
}

/** An IBAN of the Netherlands for a bank and an account number: check digits by ISO 7064 MOD 97-10. */
export function dutchIban(bank: string, account: string): string {
  const digits = (text: string) => [...text].map((char) => parseInt(char, 36)).join("");
  const bban = bank + account.padStart(10, "0");
  const check = 98n - (BigInt(digits(`${bban}NL00`)) % 97n);
  return `NL${String(check).padStart(2, "0")}${bban}`;
}
