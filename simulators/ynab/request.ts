import { randomUUID } from "node:crypto";
import { isCalendarDate } from "../../lib/values";
import type { Versioned } from "./entities";
import { badRequest, notFound } from "./errors";
import type { State } from "./state";

export interface Call {
  method: string;
  /** Segments of the path after `/v1`. */
  path: string[];
  query: URLSearchParams;
  body: unknown;
}

/** What a list shows: without knowledge all that is not deleted, with knowledge all that changed since. */
export function visible<T extends Versioned>(
  state: State,
  rows: Iterable<T>,
  after: number | undefined,
): T[] {
  return [...rows].filter((row) => (after === undefined ? !row.deleted : state.changedAt(row) > after));
}

/** `last_knowledge_of_server` of a request. */
export function since(call: Call): number | undefined {
  const text = call.query.get("last_knowledge_of_server");
  if (text === null || text === "") return undefined;
  if (!/^\d+$/.test(text)) throw badRequest("last_knowledge_of_server must be an integer");
  return Number(text);
}

/** A date of the query. */
export function dateOf(call: Call, name: string): string | undefined {
  const text = call.query.get(name);
  if (text === null || text === "") return undefined;
  if (!isCalendarDate(text)) throw badRequest(`${name} is not a valid date`);
  return text;
}

/** The value as an object, else 400. */
export function objectOf(value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw badRequest("The request could not be understood due to malformed syntax");
  }
  return value as Record<string, unknown>;
}

/** For the end of `??`: 404. */
export function missing(): never {
  throw notFound();
}

export const freshId = () => randomUUID();
