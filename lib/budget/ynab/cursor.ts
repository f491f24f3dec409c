import type { CalendarDate, Json } from "../../values";
import type { WireGroup } from "./wire";

/** How far each resource was read: YNAB's server knowledge, one for each. */
export interface YnabCursor {
  plan: string;
  /** Transactions before this date were not wanted. */
  since: CalendarDate | null;
  accounts: number;
  categories: number;
  payees: number;
  transactions: number;
  /** Name and state of each group when last seen: a changed group changes categories that did not change themselves. */
  groups: Record<string, string>;
}

export const RESOURCES = ["accounts", "categories", "payees", "transactions"] as const;

/**
 * A cursor that can be gone on from; undefined for anything else (none yet, another plan, damaged, or more history
 * is wanted than it covers), which means a full load.
 */
export function readCursor(
  value: Json,
  plan: string,
  since: CalendarDate | undefined,
): YnabCursor | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const cursor = value as unknown as Partial<YnabCursor>;
  if (cursor.plan !== plan || typeof cursor.groups !== "object" || cursor.groups === null) return undefined;
  if (!RESOURCES.every((name) => Number.isSafeInteger(cursor[name]))) return undefined;
  const covered = cursor.since ?? null;
  if (covered !== null && (since === undefined || since < covered)) return undefined;
  return cursor as YnabCursor;
}

/** What of a group reaches its categories. */
export function groupState({ name, hidden, deleted }: WireGroup): string {
  return `${deleted ? "deleted" : hidden ? "hidden" : "shown"} ${name}`;
}
