import { createHash } from "node:crypto";
import { ownId, TallyError } from "../../values";
import type { NewTransaction } from "../port";
import type { AccountRow, PayeeRow } from "./api";
import { cutText, LIMITS } from "./limits";
import { accountRows, categoryRows, groupRows, readPayees } from "./read";
import type { Session } from "./session";

/** A row for Actual's own batch handler. */
export interface NewRow {
  id: string;
  account: string;
  date: string;
  amount: number;
  payee: string | null;
  imported_payee: string | null;
  notes: string | null;
  category: string | null;
  cleared: boolean;
  imported_id?: string;
  transfer_id?: string;
  schedule?: string;
  sort_order: number;
}

/** What new rows are checked against: standing accounts, categories that can be given, all payees; by their own ids. */
export interface Books {
  accounts: ReadonlyMap<string, AccountRow>;
  categories: ReadonlySet<string>;
  payees: ReadonlyMap<string, PayeeRow>;
}

/**
 * The row's id follows from the import id, so that two writers who do not know of each other write the same row and
 * Actual's merge leaves one. A version 8 UUID (RFC 9562): 122 bits of SHA-256.
 */
export function rowId(importId: string, side: "own" | "other" = "own"): string {
  const hex = createHash("sha256").update(`tallyflow|${side}|${importId}`).digest("hex");
  const variant = ((parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Read what new rows are checked against. */
export async function readBooks(session: Session): Promise<Books> {
  const accounts = (await accountRows(session)).filter((row) => !row.tombstone);
  const hidden = new Set(
    (await groupRows(session)).filter((group) => group.hidden || group.tombstone).map(({ id }) => id),
  );
  const categories = (await categoryRows(session)).filter(
    (row) => !row.tombstone && !row.hidden && !hidden.has(row.group ?? ""),
  );
  return {
    accounts: new Map(accounts.map((row) => [row.id, row])),
    categories: new Set(categories.map((row) => row.id)),
    payees: await readPayees(session),
  };
}

/**
 * The payee that stands for a transfer to this account.
 * @throws TallyError PROVIDER_REFUSED when the budget has none
 */
export function transferPayee(books: Books, account: string): string {
  for (const row of books.payees.values()) if (row.transfer_acct === account && !row.tombstone) return row.id;
  throw new TallyError("PROVIDER_REFUSED", `The budget has no transfer payee for the account ${account}.`);
}

/** The row of an item; for a transfer only its own side, still without the link. */
export function rowOf(
  session: Session,
  item: NewTransaction,
  payeeOf: ReadonlyMap<string, string>,
  sortOrder: number,
): NewRow {
  const payeeName = cutText(item.payeeName ?? "", LIMITS.payeeName);
  return {
    id: rowId(item.importId),
    account: ownId(item.accountId),
    date: item.date,
    amount: session.money.toStored(item.amount),
    payee: item.transferAccountId === undefined ? (payeeOf.get(payeeName.toLowerCase()) ?? null) : null,
    imported_payee: payeeName || null,
    notes: cutText(item.memo ?? "", LIMITS.memo) || null,
    category: item.categoryId ? ownId(item.categoryId) : null,
    cleared: item.cleared === "cleared",
    imported_id: item.importId,
    sort_order: sortOrder,
  };
}

/** Both rows of a transfer, linked with each other, in one batch: no crash can leave one without the other. */
export function bothSides(row: NewRow, otherAccount: string, importId: string, books: Books): NewRow[] {
  const isOff = (account: string) => books.accounts.get(account)?.offbudget ?? false;
  const otherId = rowId(importId, "other");
  // Money that stays within the budget, or outside of it, has no category; Actual clears it too.
  const category = isOff(row.account) === isOff(otherAccount) ? null : row.category;
  const { imported_id: _own, ...shared } = row;
  return [
    {
      ...row,
      payee: transferPayee(books, otherAccount),
      category: isOff(row.account) ? null : category,
      transfer_id: otherId,
    },
    {
      ...shared,
      id: otherId,
      account: otherAccount,
      amount: -row.amount || 0,
      payee: transferPayee(books, row.account),
      imported_payee: null,
      category: isOff(otherAccount) ? null : category,
      cleared: false,
      transfer_id: row.id,
    },
  ];
}
