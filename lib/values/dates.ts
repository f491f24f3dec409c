import { TallyError } from "./errors";

/**
 * A calendar date is a plain `YYYY-MM-DD` in the account's own time zone. Arithmetic works on day numbers, so no
 * date passes through a UTC `Date` and none can slip a day. An instant is ISO 8601 in UTC.
 */
export type CalendarDate = string;
export type Instant = string;

const FORM = /^\d{4}-\d{2}-\d{2}$/;
const ZERO = 48;
/** Days of the months of a year that is no leap year. */
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days since 1970-01-01 of a civil date. Source: Howard Hinnant, "chrono-compatible low-level date algorithms". */
export function dayNumber(date: CalendarDate): number {
  const [y, m, d] = parts(date);
  const year = m <= 2 ? y - 1 : y;
  const era = Math.floor(year / 400);
  const yoe = year - era * 400;
  const doy = Math.floor((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5) + d - 1;
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy;
  return era * 146097 + doe - 719468;
}

/** Day numbers of 0001-01-01 and 9999-12-31, the first and the last date of four digits. */
const [FIRST_DAY, LAST_DAY] = [-719162, 2932896];

/**
 * The civil date of a day number; the inverse of {@link dayNumber}.
 * @throws TallyError DATE_INVALID outside of the years 1 to 9999
 */
export function dateOfDayNumber(days: number): CalendarDate {
  if (!Number.isInteger(days) || days < FIRST_DAY || days > LAST_DAY) {
    throw new TallyError("DATE_INVALID", `There is no date ${days} days after 1970-01-01.`);
  }
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor(
    (doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365,
  );
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return formatDate(yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1);
}

/** The date `days` days later (earlier when negative). */
export function addDays(date: CalendarDate, days: number): CalendarDate {
  return dateOfDayNumber(dayNumber(date) + days);
}

/** Whole days from `from` to `to`; negative when `to` is earlier. */
export function daysBetween(from: CalendarDate, to: CalendarDate): number {
  return dayNumber(to) - dayNumber(from);
}

/** Day of the week, 0 = Monday to 6 = Sunday (ISO 8601 order). */
export function weekday(date: CalendarDate): number {
  return weekdayOf(dayNumber(date));
}

/** The same of a day number. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** Is this text a calendar date that exists? */
export function isCalendarDate(text: string): boolean {
  return (
    typeof text === "string" &&
    FORM.test(text) &&
    exists(digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10))
  );
}

/**
 * Year, month (1-12) and day as a calendar date.
 * @throws TallyError DATE_INVALID when there is no such day
 */
export function calendarDate(year: number, month: number, day: number): CalendarDate {
  if (!exists(year, month, day)) {
    throw new TallyError("DATE_INVALID", `There is no day ${day} of month ${month} in ${year}.`);
  }
  return formatDate(year, month, day);
}

/**
 * The calendar date of an instant as a clock in the time zone shows it.
 * @param instant ISO 8601 with offset or `Z`, or milliseconds since the epoch
 * @param timeZone IANA name, for example `Europe/Amsterdam`
 * @throws TallyError DATE_INVALID for a text that is no instant; CONFIG_INVALID for an unknown time zone
 */
export function localDate(instant: Instant | number, timeZone: string): CalendarDate {
  const ms = typeof instant === "number" ? instant : momentOf(instant);
  if (!(ms >= FIRST_MOMENT && ms < LAST_MOMENT))
    throw new TallyError("DATE_INVALID", `"${String(instant).slice(0, 40)}" is not an instant.`);
  const found: Record<string, string> = {};
  for (const { type, value } of dateFormat(timeZone).formatToParts(ms)) found[type] = value;
  return formatDate(Number(found["year"]), Number(found["month"]), Number(found["day"]));
}

/** A day within the years 1 to 9999, so that the date is one of them in every zone. */
const FIRST_MOMENT = (FIRST_DAY + 1) * 86_400_000;
const LAST_MOMENT = LAST_DAY * 86_400_000;

const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * Milliseconds since the epoch; NaN for what is no instant. `Date.parse` alone takes "shop 5" for a date, a text
 * without a zone for one of this computer's, and 30 February for 1 March.
 */
function momentOf(text: string): number {
  const date = INSTANT.exec(text)?.[1];
  return date !== undefined && isCalendarDate(date) ? Date.parse(text) : NaN;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat("en-CA-u-ca-iso8601", {
        timeZone,
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
      });
    } catch (cause) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${timeZone}" is not a time zone. Use a name like Europe/Amsterdam.`,
        { cause },
      );
    }
    formats.set(timeZone, format);
  }
  return format;
}

function parts(date: CalendarDate): [number, number, number] {
  if (!isCalendarDate(date))
    throw new TallyError("DATE_INVALID", `"${String(date).slice(0, 40)}" is not a date (YYYY-MM-DD).`);
  return [digits(date, 0, 4), digits(date, 5, 7), digits(date, 8, 10)];
}

/** The number that the digits from one place to another spell; dates are read for every payment that is classified. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + text.charCodeAt(i) - ZERO;
  return number;
}

function exists(year: number, month: number, day: number): boolean {
  if (!Number.isInteger(year) || !Number.isInteger(month) || !Number.isInteger(day)) return false;
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 && leap ? 29 : MONTHS[month - 1]!);
}

function formatDate(year: number, month: number, day: number): CalendarDate {
  return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}
