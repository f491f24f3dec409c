import assert from "node:assert/strict";
import type { BudgetProvider, CreateOutcome, NewTransaction } from "../../lib/budget";
import type { Transaction } from "../../lib/store";
import { addDays, type CalendarDate, type Id } from "../../lib/values";

/** What the contract of budgets needs of one budget (YNAB, Actual, ...). Amounts are minor units. */

export interface PersonTransaction {
  accountId: Id;
  date: CalendarDate;
  amount: number;
  payeeName: string;
  categoryId?: Id;
  memo?: string;
  approved?: boolean;
  /** Makes it a split; the amounts add up to `amount`. */
  split?: { amount: number; categoryId?: Id; memo?: string }[];
}

/** The person who uses the budget's own app beside us. */
export interface Person {
  add(transaction: PersonTransaction): Promise<Id>;
  edit(
    id: Id,
    change: { amount?: number; date?: CalendarDate; memo?: string; categoryId?: Id; approved?: boolean },
  ): Promise<void>;
  remove(id: Id): Promise<void>;
  renameCategory(id: Id, name: string): Promise<void>;
  deleteCategory(id: Id): Promise<void>;
}

export interface Fixture {
  provider: BudgetProvider;
  /** A second provider on the same budget, as another worker or a restarted process has it. */
  reopen(): Promise<BudgetProvider>;
  /** Two open accounts on the budget; empty or not. */
  accountIds: { current: Id; savings: Id };
  /** Three ordinary categories; tests rename and delete them. */
  categoryIds: { groceries: Id; rent: Id; fun: Id };
  currency: string;
  /** A date that the budget takes for a new transaction, with the year before it too. */
  today: CalendarDate;
  person: Person;
  /** What stands in the budget now, without deleted ones, read by other means than the provider. */
  all(): Promise<Transaction[]>;
  capabilities: {
    /** The second extract yields only what changed; otherwise every extract is full. */
    deltas: boolean;
    /** A delta carries deleted transactions as tombstones. */
    tombstones: boolean;
    /** The import id of a deleted transaction stays taken: writing it again is a duplicate. */
    deletedImportIdsStayTaken: boolean;
    /** Deleted transactions can still be found by import id. */
    findsDeleted: boolean;
    /** The budget knows approved and not approved. */
    approval: boolean;
  };
  close(): Promise<void>;
}

let counter = 0;

/** A new transaction of the current account with an import id of its own; fields can be set. */
export function newItem(fixture: Fixture, fields: Partial<NewTransaction> = {}): NewTransaction {
  counter += 1;
  return {
    importId: `TF1:contract-${process.pid}-${counter}`,
    accountId: fixture.accountIds.current,
    date: addDays(fixture.today, -3),
    amount: -1000 - counter,
    payeeName: `Payee ${counter}`,
    categoryId: fixture.categoryIds.groceries,
    memo: `memo ${counter}`,
    cleared: "cleared",
    approved: false,
    ...fields,
  };
}

/** Same source, but no such thing in the budget. */
export function unknownId(like: Id): Id {
  return `${like.slice(0, like.indexOf(":"))}:00000000-0000-4000-8000-00000000dead`;
}

/** Does the text hold no half of a surrogate pair? */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** The one row of the budget with this import id. */
export async function rowOf(fixture: Fixture, importId: string): Promise<Transaction> {
  const rows = (await fixture.all()).filter((row) => row.importId === importId);
  assert.equal(rows.length, 1, `rows with import id ${importId}`);
  return rows[0]!;
}

export const statuses = (outcomes: readonly CreateOutcome[]) => outcomes.map((outcome) => outcome.status);

/** The id of a created transaction; fails the test when it was not created. */
export function createdId(outcome: CreateOutcome | undefined): Id {
  assert.ok(outcome?.status === "created", JSON.stringify(outcome));
  return outcome.transactionId;
}
