/** What the twin keeps. Amounts are milliunits, as everywhere in YNAB; `k` is the server knowledge of the last change. */

export interface Versioned {
  id: string;
  k: number;
  deleted: boolean;
}

export interface Plan extends Versioned {
  name: string;
  currency: string;
  userId: string;
  /** Instant of the last change, for `last_modified_on`. */
  modifiedAt: string;
}

export type AccountType = "checking" | "savings" | "cash" | "creditCard" | "otherAsset" | "otherLiability";

export interface Account extends Versioned {
  name: string;
  type: AccountType;
  closed: boolean;
  note: string | null;
  transferPayeeId: string;
  /** For a credit card: the category that collects its payments. */
  paymentCategoryId?: string;
}

export interface Group extends Versioned {
  name: string;
  hidden: boolean;
  internal: boolean;
}

export interface Category extends Versioned {
  groupId: string;
  name: string;
  hidden: boolean;
  internal: boolean;
  note: string | null;
  goalTarget: number | null;
  goalTargetDate: string | null;
}

export interface Payee extends Versioned {
  name: string;
  transferAccountId: string | null;
}

export interface Part {
  id: string;
  amount: number;
  memo: string | null;
  payeeId: string | null;
  categoryId: string | null;
  transferAccountId: string | null;
  transferTransactionId: string | null;
}

export type Cleared = "cleared" | "uncleared" | "reconciled";

export interface Transaction extends Versioned {
  accountId: string;
  date: string;
  amount: number;
  memo: string | null;
  cleared: Cleared;
  approved: boolean;
  flag: string | null;
  payeeId: string | null;
  categoryId: string | null;
  transferAccountId: string | null;
  transferTransactionId: string | null;
  importId: string | null;
  importPayee: string | null;
  /** The other one of an imported and a hand-entered transaction that were matched. */
  matchedTransactionId?: string | null;
  /** It was matched with a hand-entered one, which stands for both: it counts in no balance. */
  absorbed?: boolean;
  /** The parts of a split; empty when it is none. */
  parts: Part[];
}

export interface Scheduled extends Versioned {
  accountId: string;
  dateFirst: string;
  dateNext: string;
  frequency: string;
  amount: number;
  memo: string | null;
  flag: string | null;
  payeeId: string | null;
  categoryId: string | null;
}

/** What was assigned to a category in a month; the id is `<category>|<month>`. */
export interface Assigned extends Versioned {
  categoryId: string;
  month: string;
  amount: number;
}

export interface Entities {
  plan: Plan;
  account: Account;
  group: Group;
  category: Category;
  payee: Payee;
  transaction: Transaction;
  scheduled: Scheduled;
  assigned: Assigned;
}

export type Kind = keyof Entities;
export type Put = { [K in Kind]: [K, Entities[K]] }[Kind];

/** One change as it is written to the journal: all of it, or nothing. */
export interface Change {
  k: number;
  puts: Put[];
}
