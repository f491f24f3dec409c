import type { HttpRequest } from "../../http";

/**
 * Every operation of YNAB's API that is used here, and no request is made beside them: specs hold each against the
 * official description.
 */
export const OPERATIONS = {
  plans: { method: "GET", path: "/plans" },
  accounts: { method: "GET", path: "/plans/{plan_id}/accounts" },
  categories: { method: "GET", path: "/plans/{plan_id}/categories" },
  payees: { method: "GET", path: "/plans/{plan_id}/payees" },
  transactions: { method: "GET", path: "/plans/{plan_id}/transactions" },
  accountTransactions: { method: "GET", path: "/plans/{plan_id}/accounts/{account_id}/transactions" },
  transaction: { method: "GET", path: "/plans/{plan_id}/transactions/{transaction_id}" },
  createTransactions: { method: "POST", path: "/plans/{plan_id}/transactions" },
  updateTransactions: { method: "PATCH", path: "/plans/{plan_id}/transactions" },
  deleteTransaction: { method: "DELETE", path: "/plans/{plan_id}/transactions/{transaction_id}" },
} as const satisfies Readonly<Record<string, Pick<HttpRequest, "method" | "path">>>;

export type OperationName = keyof typeof OPERATIONS;

/** Ids by the names that the path has for them. */
export type PathIds = Readonly<Record<string, string>>;

/** The path of an operation with its ids in place. */
export function pathOf(name: OperationName, ids: PathIds): string {
  return OPERATIONS[name].path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(ids[key] ?? ""));
}
