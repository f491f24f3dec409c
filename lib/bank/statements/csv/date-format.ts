import { isCalendarDate, type CalendarDate } from "../../../values";
import { lexDate } from "../fields/dates";

/**
 * Read a date by a format of `YYYY`, `YY`, `MMM`, `MM`, `M`, `DD`, `D` and marks between; a time behind it is left out.
 * @returns undefined when the text does not have the form or there is no such day
 */
export function dateByFormat(text: string, format: string): CalendarDate | undefined {
  const order: string[] = [];
  const pattern = format
    .trim()
    .toUpperCase()
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/YYYY|YY|MMM+|MM|M|DD|D/g, (token) => {
      order.push(token);
      if (token === "YYYY") return "(\\d{4})";
      if (token.startsWith("MMM")) return "([\\p{L}.]{3,12})";
      if (token.length === 1) return "(\\d{1,2})";
      // Two digits, or one where marks stand between.
      return /^[A-Z]+$/i.test(format.trim()) ? "(\\d{2})" : "(\\d{1,2})";
    });
  const match = new RegExp(`^${pattern}(?:[ T,].*)?$`, "u").exec(text.trim());
  if (!match) return undefined;
  const part = (letter: string) => match[order.findIndex((token) => token.startsWith(letter)) + 1];
  const [year, month, day] = [part("Y"), part("M"), part("D")];
  if (!year || !month || !day) return undefined;
  const full = year.length === 4 ? year : String(Number(year) + (Number(year) < 70 ? 2000 : 1900));
  if (/\p{L}/u.test(month)) return lexDate(`${day} ${month} ${full}`)?.date;
  const date = `${full}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return isCalendarDate(date) ? date : undefined;
}
