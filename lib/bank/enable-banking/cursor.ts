import { z } from "zod";
import { isCalendarDate, type Json } from "../../values";
import { seenSchema } from "./identity";

/**
 * Where the reading of an account stands. A reading asks for everything from a day on and takes pages until the bank
 * has no more; then `through` moves to the day it began, and the next one begins an overlap before that.
 */

const date = z.string().refine(isCalendarDate);

const readingSchema = z.object({
  /** First day asked for. */
  from: date,
  /** Day on which it began: what is booked until then is in it. */
  started: date,
  strategy: z.enum(["longest", "default"]),
  /** Of the session that gave the key; it holds in no other. */
  session: z.string(),
  /** What the next page is asked for with, and the moment it was given. */
  key: z.string().optional(),
  keyAt: z.number().optional(),
});
export type Reading = z.infer<typeof readingSchema>;

const cursorSchema = z.object({
  version: z.literal(1),
  /** All that was booked until this day was read; absent before the first reading is done. */
  through: date.optional(),
  /** Payments before this day were left out; absent when none were. */
  since: date.optional(),
  /** The reading under way. */
  reading: readingSchema.optional(),
  seen: seenSchema,
});
export type Cursor = z.infer<typeof cursorSchema>;

/** A cursor that cannot be read is no cursor: everything is read again, and nothing is written twice. */
export function readCursor(value: Json): Cursor | undefined {
  const parsed = cursorSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

export function writeCursor(cursor: Cursor): Json {
  return cursor as Json;
}
