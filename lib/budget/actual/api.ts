/** The slice of `@actual-app/api` that is used here. Amounts are Actual's stored integers. */

export interface Query {
  filter(expression: Record<string, unknown>): Query;
  select(fields: unknown): Query;
  groupBy(fields: string | string[]): Query;
  withDead(): Query;
  options(options: Record<string, unknown>): Query;
}

export interface ActualLib {
  /** Runs a handler and waits for its end; the exported update and delete functions of the package do not. */
  send(name: string, args?: unknown): Promise<unknown>;
  /** Read access to the database of the open budget. */
  db: { all(sql: string, params?: readonly (string | number)[]): Promise<unknown[]> };
}

export interface ActualApi {
  init(config: {
    dataDir: string;
    serverURL?: string;
    password?: string;
    verbose?: boolean;
  }): Promise<ActualLib>;
  shutdown(): Promise<void>;
  q(table: string): Query;
  aqlQuery(query: Query): Promise<unknown>;
  downloadBudget(syncId: string, options?: { password?: string }): Promise<void>;
  loadBudget(id: string): Promise<void>;
  createPayee(payee: { name: string }): Promise<string>;
  batchBudgetUpdates(work: () => Promise<void>): Promise<void>;
  getServerVersion(): Promise<{ version: string } | { error: string }>;
}

export interface TransactionRow {
  id: string;
  is_parent: boolean;
  is_child: boolean;
  parent_id: string | null;
  account: string;
  category: string | null;
  amount: number;
  payee: string | null;
  notes: string | null;
  date: string;
  imported_id: string | null;
  imported_payee: string | null;
  transfer_id: string | null;
  sort_order: number | null;
  cleared: boolean;
  reconciled: boolean;
  tombstone: boolean;
}

export interface AccountRow {
  id: string;
  name: string;
  offbudget: boolean;
  closed: boolean;
  tombstone: boolean;
}

export interface CategoryRow {
  id: string;
  name: string;
  is_income: boolean;
  hidden: boolean;
  group: string | null;
  tombstone: boolean;
}

export interface GroupRow {
  id: string;
  name: string;
  hidden: boolean;
  tombstone: boolean;
}

export interface PayeeRow {
  id: string;
  name: string | null;
  transfer_acct: string | null;
  tombstone: boolean;
}

export interface RemoteFile {
  fileId: string;
  groupId: string;
  name: string;
  encryptKeyId: string | null;
  /** 0 or 1 on the wire. */
  deleted: number | boolean;
}

/** Fields of a transaction as they are read. */
export const TRANSACTION_FIELDS: readonly (keyof TransactionRow)[] = [
  "id",
  "is_parent",
  "is_child",
  "parent_id",
  "account",
  "category",
  "amount",
  "payee",
  "notes",
  "date",
  "imported_id",
  "imported_payee",
  "transfer_id",
  "sort_order",
  "cleared",
  "reconciled",
  "tombstone",
];
