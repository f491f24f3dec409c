import { z } from "zod";
import { isCalendarDate } from "../../lib/values";
import { field } from "./schema";

/** Fields that several nodes have, so that they read and behave the same everywhere. */

export const storeField = field(z.string().min(1), {
  label: "Store",
  description: "The store that the step reads and writes.",
  config: "tally-store",
});

export const bankField = field(z.string().min(1), {
  label: "Bank",
  description: "The connection to the bank.",
  config: "tally-bank",
});

export const budgetField = field(z.string().min(1), {
  label: "Budget",
  description: "The connection to the budget.",
  config: "tally-budget",
});

/** A `YYYY-MM-DD` that exists. */
export const calendarDateText = z
  .string()
  .refine(isCalendarDate, "must be a date that exists, as YYYY-MM-DD");

/** An IANA name that this machine knows. */
export const timeZoneText = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}, "must be a time zone such as Europe/Amsterdam");

export const currencyText = z.string().regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as EUR");
