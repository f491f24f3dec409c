import { isCalendarDate } from "../../lib/values";
import { badRequest } from "./errors";
import type { State } from "./state";

/**
 * The field rules of YNAB's API (OpenAPI 1.85.0 and the refusals that users of the API quote in their issues). A
 * refused item of a list refuses the whole list, and the detail ends with its index: "... (index: 3)".
 */

/** What a request may say about a transaction; unknown fields are left aside, as in YNAB. */
export interface SaveFields {
  id?: unknown;
  account_id?: unknown;
  date?: unknown;
  amount?: unknown;
  payee_id?: unknown;
  payee_name?: unknown;
  category_id?: unknown;
  memo?: unknown;
  cleared?: unknown;
  approved?: unknown;
  flag_color?: unknown;
  import_id?: unknown;
  subtransactions?: unknown;
}

export interface Dates {
  /** Today in UTC. */
  today: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FLAGS = new Set(["red", "orange", "yellow", "green", "blue", "purple", ""]);
const CLEARED = new Set(["cleared", "uncleared", "reconciled"]);
const length = (text: string) => [...text].length;

/** Is there anything wrong with the item? The first fault found, as YNAB words it. */
export function faultOf(
  state: State,
  item: SaveFields,
  dates: Dates,
  mode: "create" | "update",
): string | undefined {
  if (item === null || typeof item !== "object") return "transaction must be an object";
  const given = (field: keyof SaveFields) => item[field] !== undefined && item[field] !== null;
  for (const field of ["account_id", "date", "amount"] as const) {
    if (mode === "create" && !given(field)) return `${field} is missing`;
  }
  return (
    uuidFault(item.account_id, "account") ??
    (given("account_id") && !state.live("account", item.account_id as string)
      ? "account does not exist"
      : undefined) ??
    (given("date") ? dateFault(item.date, dates, mode) : undefined) ??
    (given("amount") && !Number.isSafeInteger(item.amount) ? "amount must be an integer" : undefined) ??
    uuidFault(item.payee_id, "payee") ??
    (given("payee_id") && !state.live("payee", item.payee_id as string)
      ? "payee does not exist"
      : undefined) ??
    textFault(item.payee_name, "payee_name", 200) ??
    categoryFault(state, item.category_id) ??
    textFault(item.memo, "memo", 500) ??
    (given("cleared") && !CLEARED.has(item.cleared as string)
      ? "cleared must be cleared, uncleared or reconciled"
      : undefined) ??
    (given("approved") && typeof item.approved !== "boolean" ? "approved must be a boolean" : undefined) ??
    (given("flag_color") && !FLAGS.has(item.flag_color as string) ? "flag_color is not valid" : undefined) ??
    textFault(item.import_id, "import_id", 36) ??
    partsFault(state, item)
  );
}

function dateFault(date: unknown, { today }: Dates, mode: "create" | "update"): string | undefined {
  if (typeof date !== "string" || !isCalendarDate(date)) return "date is not valid";
  const oldest = `${String(Number(today.slice(0, 4)) - 5).padStart(4, "0")}${today.slice(4)}`;
  return date > today || (mode === "create" && date < oldest)
    ? "date must not be in the future or over 5 years ago"
    : undefined;
}

function uuidFault(id: unknown, name: string): string | undefined {
  if (id === undefined || id === null) return undefined;
  return typeof id === "string" && UUID.test(id)
    ? undefined
    : `${name} must be formatted as a uuid (universally unique identifier)`;
}

function categoryFault(state: State, id: unknown): string | undefined {
  const fault = uuidFault(id, "category");
  if (fault || id === undefined || id === null) return fault;
  return state.live("category", id as string) ? undefined : "category does not exist";
}

function textFault(text: unknown, name: string, limit: number): string | undefined {
  if (text === undefined || text === null) return undefined;
  if (typeof text !== "string") return `${name} must be a string`;
  return length(text) > limit ? `${name} is too long (maximum is ${limit} characters)` : undefined;
}

function partsFault(state: State, item: SaveFields): string | undefined {
  const parts = item.subtransactions;
  if (parts === undefined || parts === null) return undefined;
  if (!Array.isArray(parts)) return "subtransactions must be an array";
  let sum = 0;
  for (const part of parts as SaveFields[]) {
    if (!Number.isSafeInteger(part?.amount)) return "subtransaction amount must be an integer";
    sum += part.amount as number;
    const fault =
      uuidFault(part.payee_id, "payee") ??
      categoryFault(state, part.category_id) ??
      textFault(part.payee_name, "payee_name", 200) ??
      textFault(part.memo, "memo", 500);
    if (fault) return fault;
  }
  return parts.length > 0 && item.amount !== undefined && sum !== item.amount
    ? "subtransaction amounts must add up to the transaction amount"
    : undefined;
}

/** Throw 400 for the first item with a fault, naming its index as YNAB does. */
export function checkAll(state: State, items: readonly SaveFields[], dates: Dates): void {
  for (const [index, item] of items.entries()) {
    const fault = faultOf(state, item, dates, "create");
    if (fault) throw badRequest(`${fault} (index: ${index})`);
  }
}
