import { isCalendarDate, ownId, TallyError, toTallyError, type Id, type StoredError } from "../../values";
import type { CreateOutcome, NewTransaction, TransactionChange } from "../port";
import type { AccountRow, TransactionRow } from "./api";
import { cutText, LIMITS } from "./limits";
import { actualId, findByImportId, rowsWhere, standingOf } from "./read";
import { bothSides, readBooks, rowId, rowOf, transferPayee, type Books, type NewRow } from "./rows";
import { rulesOf } from "./rules";
import type { Session } from "./session";

/**
 * Write what is not there yet, exactly as many rows as items: Actual's own importer is not used, because it also
 * claims existing rows of the same amount nearby, and which rows belong together has been decided by matching.
 * @throws TallyError OUTCOME_UNKNOWN when the rows stand in the local copy but did not reach the server
 */
export async function create(session: Session, items: readonly NewTransaction[]): Promise<CreateOutcome[]> {
  await session.sync();
  const importIds = items.map((item) => item.importId);
  const existing = await findByImportId(session, importIds);
  const importIdOf = new Map(importIds.map((importId) => [rowId(importId), importId]));
  for (const row of await rowsWhere(session, "id", importIdOf.keys())) {
    const known = importIdOf.get(row.id)!;
    if (!existing.has(known)) existing.set(known, row.id);
  }
  const books = await readBooks(session);
  const rejected = new Map<number, StoredError>();
  const accepted: NewTransaction[] = [];
  for (const [index, item] of items.entries()) {
    if (existing.has(item.importId)) continue;
    try {
      checkItem(session, item, books);
      existing.set(item.importId, rowId(item.importId));
      accepted.push(item);
    } catch (thrown) {
      rejected.set(index, toTallyError(thrown).toJSON());
    }
  }
  if (accepted.length > 0) await writeItems(session, accepted, books);
  const fresh = new Set(accepted.map((item) => item.importId));
  const stored = await standingOf(
    session,
    [...fresh].map((importId) => rowId(importId)),
  );
  const storedAs = new Map(stored.map((row) => [row.id, row]));
  return items.map((item, index): CreateOutcome => {
    const error = rejected.get(index);
    if (error) return { importId: item.importId, status: "rejected", error };
    const transactionId = actualId(existing.get(item.importId)!);
    // The first item of an import id has created the row; a second one in the same bulk is a repeat.
    if (!fresh.delete(item.importId)) return { importId: item.importId, status: "duplicate", transactionId };
    const transaction = storedAs.get(transactionId);
    return {
      importId: item.importId,
      status: "created",
      transactionId,
      ...(transaction ? { transaction } : {}),
    };
  });
}

/**
 * Change category and memo, and date, amount, clearing and payee of what was written while pending; Actual knows no
 * approval. The parts of a split keep their own categories, and a reconciled row stays as it is.
 */
export async function update(session: Session, changes: readonly TransactionChange[]): Promise<void> {
  await session.sync();
  const ids = changes.map((change) => ownId(change.id));
  const rows = new Map((await rowsWhere(session, "id", ids)).filter(isStanding).map((row) => [row.id, row]));
  const books = await readBooks(session);
  const payeeOf = await payeesByName(session, changes, books);
  const updated: ChangedRow[] = [];
  const gone: Id[] = [];
  const goneCategories: Id[] = [];
  for (const change of changes) {
    const row = rows.get(ownId(change.id));
    if (!row) {
      gone.push(change.id);
      continue;
    }
    if (row.reconciled || !isAsExpected(row, change)) continue;
    const next: ChangedRow = { id: row.id };
    if (change.cleared !== undefined) next.cleared = change.cleared === "cleared";
    if (!row.is_parent) {
      if (change.date !== undefined) next.date = change.date;
      if (change.amount !== undefined) next.amount = session.money.toStored(change.amount);
      const payee = row.transfer_id ? undefined : payeeOf.get(nameKey(change.payeeName));
      if (payee) next.payee = payee;
    }
    if (change.memo !== undefined) next.notes = cutText(change.memo, LIMITS.memo) || null;
    if (change.categoryId !== undefined && !row.is_parent && !books.accounts.get(row.account)?.offbudget) {
      const category = change.categoryId === null ? null : ownId(change.categoryId);
      if (category !== null && !books.categories.has(category)) {
        goneCategories.push(change.categoryId!);
        continue;
      }
      next.category = category;
    }
    if (Object.keys(next).length > 1) updated.push(next);
  }
  if (updated.length > 0) {
    await session.lib.send("transactions-batch-update", { updated });
    await session.sync();
  }
  // The good changes stand before the bad ones are reported.
  if (goneCategories.length > 0) {
    throw new TallyError(
      "CATEGORY_GONE",
      `These categories were deleted or hidden in the budget: ${list(goneCategories)}.`,
      {
        details: { categoryIds: goneCategories },
      },
    );
  }
  if (gone.length > 0) {
    throw new TallyError("NOT_FOUND", `These transactions are not in the budget any more: ${list(gone)}.`, {
      details: { transactionIds: gone },
    });
  }
}

interface ChangedRow {
  id: string;
  category?: string | null;
  notes?: string | null;
  date?: string;
  amount?: number;
  cleared?: boolean;
  payee?: string;
}

function nameKey(name: string | undefined): string {
  return cutText(name ?? "", LIMITS.payeeName).toLowerCase();
}

/** Delete what stands; the other side of a transfer goes with it, as in Actual itself. */
export async function remove(session: Session, ids: readonly Id[]): Promise<void> {
  await session.sync();
  const rows = (await rowsWhere(session, "id", ids.map(ownId))).filter(isStanding);
  if (rows.length === 0) return;
  await session.lib.send("transactions-batch-update", { deleted: rows.map((row) => ({ id: row.id })) });
  await session.sync();
}

/** Has the row the category that the change was made for? What a person chose meanwhile came with the sync before. */
function isAsExpected(row: TransactionRow, { onlyIf }: TransactionChange): boolean {
  if (!onlyIf) return true;
  return row.category === (onlyIf.categoryId === null ? null : ownId(onlyIf.categoryId));
}

const isStanding = (row: TransactionRow) => !row.tombstone;
const list = (ids: readonly Id[]) =>
  ids.slice(0, 5).join(", ") + (ids.length > 5 ? `, … (${ids.length})` : "");

function checkItem(session: Session, item: NewTransaction, books: Books): void {
  const account = books.accounts.get(ownId(item.accountId));
  checkAccount(account, item.accountId);
  if (item.transferAccountId !== undefined) {
    checkAccount(books.accounts.get(ownId(item.transferAccountId)), item.transferAccountId);
    if (item.transferAccountId === item.accountId)
      throw new TallyError("PROVIDER_REFUSED", "A transfer needs two different accounts.");
    for (const side of [item.accountId, item.transferAccountId]) transferPayee(books, ownId(side));
  }
  if (!isCalendarDate(item.date))
    throw new TallyError("DATE_INVALID", `"${String(item.date).slice(0, 40)}" is not a date (YYYY-MM-DD).`);
  session.money.toStored(item.amount);
  if (item.categoryId && !books.categories.has(ownId(item.categoryId))) {
    throw new TallyError(
      "CATEGORY_GONE",
      `The category ${item.categoryId} was deleted or hidden in the budget. Choose another one.`,
    );
  }
}

function checkAccount(account: AccountRow | undefined, id: Id): void {
  if (!account) {
    throw new TallyError(
      "NOT_FOUND",
      `The budget has no account ${id}. Map the bank account to another one.`,
    );
  }
  if (account.closed) {
    throw new TallyError(
      "PROVIDER_REFUSED",
      `The account "${account.name}" is closed in the budget. Reopen it or map the bank account to another one.`,
    );
  }
}

async function writeItems(session: Session, items: readonly NewTransaction[], books: Books): Promise<void> {
  const payeeOf = await payeesByName(session, items, books);
  const now = Date.now();
  const rows: NewRow[] = [];
  const rules = await rulesOf(session);
  for (const [index, item] of items.entries()) {
    // Within a day Actual lists by descending order: later items come out on top.
    const row = rowOf(session, item, payeeOf, now + index);
    if (item.transferAccountId === undefined) rows.push(await rules(row, books));
    else rows.push(...bothSides(row, ownId(item.transferAccountId), item.importId, books));
  }
  // Both sides of a transfer are in the batch already: Actual must not make another one.
  await session.lib.send("transactions-batch-update", {
    added: rows,
    runTransfers: false,
    learnCategories: false,
  });
  try {
    await session.sync();
  } catch (thrown) {
    const cause = toTallyError(thrown);
    throw new TallyError(
      "OUTCOME_UNKNOWN",
      `The transactions stand in the local copy, but the Actual server did not confirm them. ${cause.message}`,
      { retryable: true, details: { code: cause.code, ...cause.details }, cause },
    );
  }
}

/** Lower-case name -> payee, existing ones regardless of case as in Actual, new ones made in one batch. */
async function payeesByName(
  session: Session,
  items: readonly { payeeName?: string; transferAccountId?: Id }[],
  books: Books,
): Promise<Map<string, string>> {
  const byName = new Map<string, string>();
  for (const row of books.payees.values()) {
    if (!row.tombstone && !row.transfer_acct && row.name) byName.set(row.name.toLowerCase(), row.id);
  }
  const missing = new Map<string, string>();
  for (const item of items) {
    if (item.transferAccountId !== undefined) continue;
    const name = cutText(item.payeeName ?? "", LIMITS.payeeName);
    if (name && !byName.has(name.toLowerCase())) missing.set(name.toLowerCase(), name);
  }
  if (missing.size > 0) {
    await session.api.batchBudgetUpdates(async () => {
      for (const [key, name] of missing) byName.set(key, await session.api.createPayee({ name }));
    });
  }
  return byName;
}
