import type { Budget, BudgetAccount, Category, Payee, Transaction } from "../../store";
import type { CalendarDate, Id, Json, StoredError } from "../../values";
import type { CreateOutcome, NewTransaction, TransactionChange } from "../port";
import type { OpenRequest } from "./options";

/** What travels between Node-RED's process and the helper process that holds one budget. */

/** A budget that the server has. */
export interface ActualBudgetInfo {
  /** Set this as the sync id. */
  syncId: string;
  /** Stays the same when sync is reset; can be set as the sync id too. */
  fileId: string;
  name: string;
  encrypted: boolean;
}

/** One member for each operation: what it is given and what it answers. */
export interface Operations {
  open: { args: OpenRequest; result: { budget: Budget | null } };
  budgets: { args: null; result: ActualBudgetInfo[] };
  extract: { args: { cursor: Json; since?: CalendarDate }; result: { full: boolean; cursor: Json } };
  create: { args: { items: readonly NewTransaction[] }; result: CreateOutcome[] };
  find: { args: { importIds: readonly string[] }; result: [string, Id][] };
  read: { args: { ids: readonly Id[] }; result: Transaction[] };
  update: { args: { changes: readonly TransactionChange[] }; result: null };
  delete: { args: { ids: readonly Id[] }; result: null };
  close: { args: null; result: null };
}

export type Operation = keyof Operations;

export interface Request<O extends Operation = Operation> {
  id: number;
  operation: O;
  args: Operations[O]["args"];
}

/** A slice of an extract: small enough that reading it does not hold up the event loop. */
export interface Part {
  budget?: Budget;
  accounts?: BudgetAccount[];
  categories?: Category[];
  payees?: Payee[];
  transactions?: Transaction[];
}

export type Reply =
  | { id: number; part: Part }
  | { id: number; result: Operations[Operation]["result"] }
  | { id: number; error: StoredError };

/** Documents in one part. */
export const PART_SIZE = 250;
