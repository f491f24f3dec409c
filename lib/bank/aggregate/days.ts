import { z } from "zod";
import type { Payment } from "../../store";
import { addDays, isCalendarDate, type CalendarDate, type Json } from "../../values";

/**
 * Reading an account forward by whole days: what aggregators need, which answer with everything between two dates and
 * know no page links that last. Rows of one day always come in one answer and go out on one page, so that equal rows
 * of a day can be counted.
 */

const date = z.string().refine(isCalendarDate);

/** Where the reading of an account stands. Everything from `filled` to `through` was handed out. */
const cursorSchema = z.object({ filled: date, through: date });
export type DayCursor = z.infer<typeof cursorSchema>;

/** A cursor that cannot be read is no cursor: everything is read again, and nothing is written twice. */
export function readDayCursor(value: Json): DayCursor | undefined {
  const parsed = cursorSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

export interface DayPlan {
  /** First day to ask for. */
  from: CalendarDate;
  /** First day of all that is handed out once this reading is done: goes into the cursor. */
  filled: CalendarDate;
  /** Last day that was handed out before, where reading goes on; absent where it begins. */
  done?: CalendarDate;
  /** Days that were never handed out and can no longer be asked for, both included. */
  gap?: { from: CalendarDate; to: CalendarDate };
}

/**
 * From where to read. Without a cursor, or when earlier days are wanted than were read, from the first day wanted;
 * else from an overlap before the last day that was handed out, since banks book and change rows later.
 *
 * @param wanted first day that is wanted and can be had
 * @param reachable first day that can be had, where that is limited
 */
export function planDays(
  cursor: DayCursor | undefined,
  wanted: CalendarDate,
  today: CalendarDate,
  overlapDays: number,
  reachable?: CalendarDate,
): DayPlan {
  if (!cursor || wanted < cursor.filled) {
    const from = earlier(wanted, today);
    return { from, filled: from };
  }
  const done = earlier(cursor.through, today);
  const next = addDays(done, 1);
  const from = earlier(later(addDays(done, -overlapDays), wanted), today);
  if (reachable === undefined || next >= reachable) return { from, filled: cursor.filled, done };
  // Filled from there on only: a consent that reaches further back finds the days between.
  return { from, filled: reachable, gap: { from: next, to: addDays(reachable, -1) } };
}

/** Payments oldest first in pages of whole days, each of at least `size` payments but for the last. */
export function pagesOfDays(payments: readonly Payment[], size: number): Payment[][] {
  const pages: Payment[][] = [];
  let page: Payment[] = [];
  for (const payment of [...payments].sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0))) {
    if (page.length >= size && page.at(-1)!.date !== payment.date) {
      pages.push(page);
      page = [];
    }
    page.push(payment);
  }
  if (page.length > 0) pages.push(page);
  return pages;
}

export const earlier = (a: CalendarDate, b: CalendarDate): CalendarDate => (a < b ? a : b);
export const later = (a: CalendarDate, b: CalendarDate): CalendarDate => (a > b ? a : b);
