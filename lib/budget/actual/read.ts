import type { BudgetAccount, Category, Payee, Transaction } from "../../store";
import { isOwnImportId, makeId, ownId, type CalendarDate, type Id, type Json } from "../../values";
import {
  TRANSACTION_FIELDS,
  type AccountRow,
  type CategoryRow,
  type GroupRow,
  type PayeeRow,
  type TransactionRow,
} from "./api";
import { PART_SIZE, type Operations, type Part } from "./protocol";
import type { Session } from "./session";

/** Ids in one `$oneof`: they become part of the text of the SQL statement. */
const CHUNK = 500;

/**
 * Where a delta begins: the last entry of the local change log that was read, and its time stamp, which no other
 * copy of the budget has at the same place. A copy downloaded anew does not fit, and everything is read.
 */
interface LogPosition {
  entry: number;
  stamp: string;
}

interface Names {
  payees: ReadonlyMap<string, PayeeRow>;
}

/** An id of ours for one of Actual's. */
export const actualId = (own: string): Id => makeId("actual", own);

/** Split into slices of at most `size`. */
export function* slices<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/**
 * Everything, or what changed since the cursor, after a sync. Accounts, categories and payees come whole each time
 * (they are few), transactions by the change log, deleted ones as tombstones.
 * @param send takes the slices; waits until each has been handed over
 */
export async function extract(
  session: Session,
  request: { cursor: Json; since?: CalendarDate },
  send: (part: Part) => Promise<void>,
): Promise<Operations["extract"]["result"]> {
  await session.sync();
  const end = await endOfLog(session);
  const from = await positionOf(session, request.cursor);
  const payees = await readPayees(session);
  await send({ budget: session.budget });
  for (const part of slices(await readAccounts(session, payees), PART_SIZE)) await send({ accounts: part });
  for (const part of slices(await readCategories(session), PART_SIZE)) await send({ categories: part });
  for (const part of slices([...payees.values()], PART_SIZE)) {
    await send({ payees: part.map((row) => payeeOf(session, row)) });
  }
  const rows = from ? await changedRows(session, from) : await allRows(session, request.since);
  for (const part of slices(transactionsOf(session, rows, { payees }), PART_SIZE)) {
    await send({ transactions: part });
  }
  return { full: from === undefined && request.since === undefined, cursor: end as unknown as Json };
}

/** Import id -> id, read from the budget itself; where a deleted and a standing row share one, the standing one. */
export async function findByImportId(
  session: Session,
  importIds: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const dead = new Map<string, string>();
  for (const ids of slices([...new Set(importIds)], CHUNK)) {
    const rows = await readRows(session, { imported_id: { $oneof: ids } });
    for (const row of rows) {
      if (row.imported_id !== null) (row.tombstone ? dead : found).set(row.imported_id, row.id);
    }
  }
  return new Map([...dead, ...found]);
}

/** Rows of transactions, deleted ones and parts of splits included. */
export async function readRows(
  session: Session,
  filter?: Record<string, unknown>,
): Promise<TransactionRow[]> {
  const query = session.api.q("transactions").options({ splits: "all" }).withDead();
  return session.rows<TransactionRow>((filter ? query.filter(filter) : query).select(TRANSACTION_FIELDS));
}

/** Rows whose field has one of the values. */
export async function rowsWhere(
  session: Session,
  field: keyof TransactionRow,
  values: Iterable<string>,
): Promise<TransactionRow[]> {
  const rows: TransactionRow[] = [];
  for (const chunk of slices([...new Set(values)], CHUNK)) {
    rows.push(...(await readRows(session, { [field]: { $oneof: chunk } })));
  }
  return rows;
}

/** Transactions of these ids that stand now, after a sync. */
export async function readStanding(session: Session, ids: readonly Id[]): Promise<Transaction[]> {
  await session.sync();
  return standingOf(session, ids.map(ownId));
}

/** Transactions of these ids of Actual's that stand in the local copy. */
export async function standingOf(session: Session, own: readonly string[]): Promise<Transaction[]> {
  const rows = await rowsWhere(session, "id", own);
  const parents = rows.filter((row) => row.is_parent).map((row) => row.id);
  const parts = await rowsWhere(session, "parent_id", parents);
  const payees = await readPayees(session);
  return transactionsOf(session, [...rows, ...parts], { payees }).filter((row) => !row.deleted);
}

/** All payees by their own id, deleted ones included. */
export async function readPayees(session: Session): Promise<Map<string, PayeeRow>> {
  const rows = await session.rows<PayeeRow>(
    session.api.q("payees").withDead().select(["id", "name", "transfer_acct", "tombstone"]),
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** All accounts, deleted ones included. */
export function accountRows(session: Session): Promise<AccountRow[]> {
  return session.rows<AccountRow>(
    session.api.q("accounts").withDead().select(["id", "name", "offbudget", "closed", "tombstone"]),
  );
}

/** All categories, deleted ones included. */
export function categoryRows(session: Session): Promise<CategoryRow[]> {
  return session.rows<CategoryRow>(
    session.api
      .q("categories")
      .withDead()
      .select(["id", "name", "is_income", "hidden", "group", "tombstone"]),
  );
}

/** All groups of categories, deleted ones included. */
export function groupRows(session: Session): Promise<GroupRow[]> {
  return session.rows<GroupRow>(
    session.api
      .q("category_groups")
      .options({ categories: "none" })
      .withDead()
      .select(["id", "name", "hidden", "tombstone"]),
  );
}

async function readAccounts(
  session: Session,
  payees: ReadonlyMap<string, PayeeRow>,
): Promise<BudgetAccount[]> {
  const balances = await session.rows<{ account: string; total: number }>(
    session.api
      .q("transactions")
      .groupBy("account")
      .select(["account", { total: { $sum: "$amount" } }]),
  );
  const balanceOf = new Map(balances.map((row) => [row.account, row.total]));
  const transferPayee = new Map<string, string>();
  for (const row of payees.values()) {
    if (row.transfer_acct && !row.tombstone) transferPayee.set(row.transfer_acct, row.id);
  }
  return (await accountRows(session)).map((row) => {
    const payee = transferPayee.get(row.id);
    return {
      id: actualId(row.id),
      budgetId: session.budget.id,
      name: row.name ?? "",
      type: row.offbudget ? "off-budget" : "on-budget",
      closed: row.closed,
      deleted: row.tombstone,
      balance: session.money.toMinor(balanceOf.get(row.id) ?? 0),
      ...(payee ? { transferPayeeId: actualId(payee) } : {}),
    };
  });
}

async function readCategories(session: Session): Promise<Category[]> {
  const groups = await groupRows(session);
  const groupOf = new Map(groups.map((group) => [group.id, group]));
  return (await categoryRows(session)).map((row) => {
    const group = row.group ? groupOf.get(row.group) : undefined;
    return {
      id: actualId(row.id),
      budgetId: session.budget.id,
      name: row.name ?? "",
      ...(group ? { group: group.name } : {}),
      hidden: row.hidden || (group?.hidden ?? false),
      deleted: row.tombstone || (group?.tombstone ?? false),
      // Actual itself knows this one by its name; opening balances are nothing to learn from or to assign.
      ...(row.is_income && row.name?.toLowerCase() === "starting balances" ? { internal: true } : {}),
    };
  });
}

function payeeOf(session: Session, row: PayeeRow): Payee {
  return {
    id: actualId(row.id),
    budgetId: session.budget.id,
    name: row.name ?? "",
    ...(row.transfer_acct ? { transferAccountId: actualId(row.transfer_acct) } : {}),
    deleted: row.tombstone,
  };
}

function allRows(session: Session, since: CalendarDate | undefined): Promise<TransactionRow[]> {
  return readRows(session, since ? { date: { $gte: since } } : undefined);
}

/** Rows behind the entries of the change log, with whatever shows a renamed payee or a merged category or payee. */
async function changedRows(session: Session, from: LogPosition): Promise<TransactionRow[]> {
  const entries = (await session.lib.db.all("SELECT DISTINCT dataset, row FROM messages_crdt WHERE id > ?", [
    from.entry,
  ])) as { dataset: string; row: string }[];
  const changed = new Map<string, string[]>();
  for (const { dataset, row } of entries) changed.set(dataset, [...(changed.get(dataset) ?? []), row]);
  const of = (dataset: string) => changed.get(dataset) ?? [];

  const targets = async (table: string, column: string): Promise<string[]> => {
    const found: string[] = [];
    for (const ids of slices(of(table), CHUNK)) {
      const marks = ids.map(() => "?").join(",");
      const rows = await session.lib.db.all(
        `SELECT ${column} AS target FROM ${table} WHERE id IN (${marks})`,
        ids,
      );
      for (const row of rows as { target: string | null }[]) if (row.target) found.push(row.target);
    }
    return found;
  };
  const rows = new Map<string, TransactionRow>();
  const add = (found: readonly TransactionRow[]) => {
    for (const row of found) rows.set(row.id, row);
  };
  add(await rowsWhere(session, "id", of("transactions")));
  add(await rowsWhere(session, "payee", [...of("payees"), ...(await targets("payee_mapping", "targetId"))]));
  add(await rowsWhere(session, "category", await targets("category_mapping", "transferId")));
  // A part that changed brings its parent, and a parent all of its parts.
  const parents = new Set<string>();
  for (const row of rows.values()) {
    if (row.is_parent) parents.add(row.id);
    if (row.parent_id) parents.add(row.parent_id);
  }
  add(
    await rowsWhere(
      session,
      "id",
      [...parents].filter((id) => !rows.has(id)),
    ),
  );
  add(await rowsWhere(session, "parent_id", parents));
  return [...rows.values()];
}

function transactionsOf(session: Session, rows: readonly TransactionRow[], names: Names): Transaction[] {
  const parts = new Map<string, TransactionRow[]>();
  for (const row of rows) {
    if (row.is_child && row.parent_id && !row.tombstone) {
      parts.set(row.parent_id, [...(parts.get(row.parent_id) ?? []), row]);
    }
  }
  return rows
    .filter((row) => !row.is_child)
    .map((row) => transactionOf(session, row, parts.get(row.id) ?? [], names));
}

function transactionOf(
  session: Session,
  row: TransactionRow,
  parts: readonly TransactionRow[],
  { payees }: Names,
): Transaction {
  const { budget, money } = session;
  const payee = row.payee ? payees.get(row.payee) : undefined;
  const split = [...parts]
    .sort((a, b) => (b.sort_order ?? 0) - (a.sort_order ?? 0))
    .map((part) => ({
      amount: money.toMinor(part.amount),
      categoryId: part.category ? actualId(part.category) : null,
      ...(part.notes ? { memo: part.notes } : {}),
    }));
  return {
    id: actualId(row.id),
    budgetId: budget.id,
    accountId: actualId(row.account),
    date: row.date,
    amount: money.toMinor(row.amount),
    currency: budget.currency,
    ...(payee ? { payeeId: actualId(payee.id), payeeName: payee.name ?? "" } : {}),
    ...(row.imported_payee ? { importedPayee: row.imported_payee } : {}),
    categoryId: row.is_parent || !row.category ? null : actualId(row.category),
    ...(row.notes ? { memo: row.notes } : {}),
    cleared: row.reconciled ? "reconciled" : row.cleared ? "cleared" : "uncleared",
    // Actual knows no approval: what a person entered is approved, what we wrote is once it is reconciled.
    approved: row.reconciled || !isOwnImportId(row.imported_id ?? undefined),
    ...(row.imported_id ? { importId: row.imported_id } : {}),
    ...(row.transfer_id && payee?.transfer_acct ? { transferAccountId: actualId(payee.transfer_acct) } : {}),
    ...(row.transfer_id ? { transferTransactionId: actualId(row.transfer_id) } : {}),
    ...(row.is_parent && split.length > 0 ? { split } : {}),
    deleted: row.tombstone,
  };
}

async function endOfLog(session: Session): Promise<LogPosition | null> {
  const [last] = (await session.lib.db.all(
    "SELECT id AS entry, timestamp AS stamp FROM messages_crdt ORDER BY id DESC LIMIT 1",
  )) as LogPosition[];
  return last ?? null;
}

async function positionOf(session: Session, cursor: Json): Promise<LogPosition | undefined> {
  if (cursor === null || typeof cursor !== "object" || Array.isArray(cursor)) return undefined;
  const { entry, stamp } = cursor;
  if (typeof entry !== "number" || typeof stamp !== "string") return undefined;
  const rows = await session.lib.db.all("SELECT id FROM messages_crdt WHERE id = ? AND timestamp = ?", [
    entry,
    stamp,
  ]);
  return rows.length === 1 ? { entry, stamp } : undefined;
}
