import type { Transaction } from "../../lib/store";
import { ownId } from "../../lib/values";
import type { YnabTwin } from "../../simulators/ynab";
import { openOn, startTwin, TODAY } from "../support/ynab";
import { budgetContract } from "./contract";
import type { Fixture } from "./fixture";

const milliunits = (minor: number) => minor * 10;
const id = (own: string) => `ynab:${own}`;

/** What the twin holds, in the form of the store, by a way of its own. */
function standing(twin: YnabTwin): Transaction[] {
  return twin.control.all().map((row) => ({
    id: id(row.id),
    budgetId: id(twin.planId),
    accountId: id(row.accountId),
    date: row.date,
    amount: row.amount / 10,
    currency: "EUR",
    categoryId: row.categoryId ? id(row.categoryId) : null,
    cleared: row.cleared,
    approved: row.approved,
    deleted: row.deleted,
    ...(row.payeeName ? { payeeName: row.payeeName } : {}),
    ...(row.memo ? { memo: row.memo } : {}),
    ...(row.importId ? { importId: row.importId } : {}),
    ...(row.transferAccountId ? { transferAccountId: id(row.transferAccountId) } : {}),
    ...(row.parts.length > 0
      ? {
          split: row.parts.map((part) => ({
            amount: part.amount / 10,
            categoryId: part.categoryId ? id(part.categoryId) : null,
          })),
        }
      : {}),
  }));
}

async function open(): Promise<Fixture> {
  const twin = await startTwin();
  const { control } = twin;
  const category = (key: string) => id(twin.categoryIds[key]!);
  return {
    provider: openOn(twin),
    reopen: async () => openOn(twin),
    accountIds: { current: id(twin.accountIds["current"]!), savings: id(twin.accountIds["savings"]!) },
    categoryIds: { groceries: category("groceries"), rent: category("rent"), fun: category("fun") },
    currency: "EUR",
    today: TODAY,
    person: {
      add: async ({ accountId, categoryId, amount, split, ...rest }) =>
        id(
          control.addTransaction({
            ...rest,
            accountId: ownId(accountId),
            amount: milliunits(amount),
            ...(categoryId ? { categoryId: ownId(categoryId) } : {}),
            ...(split
              ? {
                  parts: split.map((part) => ({
                    amount: milliunits(part.amount),
                    ...(part.categoryId ? { categoryId: ownId(part.categoryId) } : {}),
                    ...(part.memo ? { memo: part.memo } : {}),
                  })),
                }
              : {}),
          }),
        ),
      edit: async (which, { amount, categoryId, ...rest }) =>
        control.editTransaction(ownId(which), {
          ...rest,
          ...(amount === undefined ? {} : { amount: milliunits(amount) }),
          ...(categoryId === undefined ? {} : { categoryId: ownId(categoryId) }),
        }),
      remove: async (which) => control.deleteTransaction(ownId(which)),
      renameCategory: async (which, name) => control.renameCategory(ownId(which), name),
      deleteCategory: async (which) => control.deleteCategory(ownId(which)),
    },
    all: async () => standing(twin),
    capabilities: {
      deltas: true,
      tombstones: true,
      deletedImportIdsStayTaken: true,
      findsDeleted: true,
      approval: true,
    },
    close: () => twin.stop(),
  };
}

budgetContract("YNAB", open);
