import { z } from "zod";
import type { CalendarDate, Json } from "../../values";
import { cardsSchema, type CardActions } from "./cards";
import type { MappedPage } from "./mapping";

/** What is read again each time, to see changes: at least so many payments and so many days. */
const OVERLAP_ROWS = 50;
const OVERLAP_MS = 2 * 86_400_000;

/**
 * Where the reading of an account stands. All ids are bunq's. History is filled backwards from `newest` down to
 * `oldest`; when that is `complete`, reading goes forward from `from`, which lies an overlap before `newest`.
 */
const cursorSchema = z.object({
  newest: z.number(),
  oldest: z.number(),
  complete: z.boolean(),
  from: z.number(),
  /** The date that the filling went back to; absent when it went to the beginning. */
  since: z.string().optional(),
  cards: cardsSchema.optional(),
});
export type BunqCursor = z.infer<typeof cursorSchema>;

/** The cursor after a page of the backward fill; undefined for an account without any payment. */
export function filled(
  before: BunqCursor | undefined,
  page: MappedPage & { more: { older: boolean } },
  since: CalendarDate | undefined,
): BunqCursor | undefined {
  const ids = page.rows.map(({ id }) => id);
  if (!before && ids.length === 0) return undefined;
  const newest = before?.newest ?? Math.max(...ids);
  // Rows before `since` are left out and so not counted as read: an earlier date set later finds them.
  const kept = page.rows
    .filter(({ payment }) => !payment || !since || payment.date >= since)
    .map(({ id }) => id);
  const passed = page.rows.some(({ payment }) => since !== undefined && payment && payment.date < since);
  return {
    newest,
    oldest: Math.min(before?.oldest ?? newest + 1, ...kept),
    complete: passed || !page.more.older || ids.length === 0,
    from: before?.from ?? overlapStart(page.rows, Math.min(...ids) - 1),
    ...(since === undefined ? {} : { since }),
  };
}

/** The id after which reading starts next time, so that the overlap is read again; `otherwise` when all is overlap. */
export function overlapStart(rows: MappedPage["rows"], otherwise: number): number {
  const newestFirst = [...rows].sort((a, b) => b.id - a.id);
  const latest = newestFirst.find(({ created }) => created !== undefined)?.created;
  if (latest === undefined) return otherwise;
  const outside = newestFirst
    .slice(OVERLAP_ROWS)
    .find(({ created }) => created !== undefined && created < latest - OVERLAP_MS);
  return outside?.id ?? otherwise;
}

/** Was `since` moved to an earlier date than the history was filled to? */
export function reachesFurtherBack(
  wanted: CalendarDate | undefined,
  filledTo: CalendarDate | undefined,
): boolean {
  return filledTo !== undefined && (wanted === undefined || wanted < filledTo);
}

/** A cursor that cannot be read is no cursor: everything is read again, and nothing is written twice. */
export function readCursor(value: Json): BunqCursor | undefined {
  const parsed = cursorSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** The cursor with what the card actions have told until now. */
export function withCards(cursor: BunqCursor, cards: CardActions): BunqCursor {
  const { cards: _before, ...rest } = cursor;
  const state = cards.state(cursor.from);
  return state ? { ...rest, cards: state } : rest;
}
