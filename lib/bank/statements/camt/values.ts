import { calendarDate, isCalendarDate, isCurrencyCode, parseAmount, TallyError } from "../../../values";
import type { CalendarDate, Instant } from "../../../values";
import { find, textAt, type XmlNode } from "./xml";

/** An amount element: its number in minor units, unsigned as CAMT writes it. */
export interface CamtAmount {
  amount: number;
  currency: string;
}

/**
 * An `Amt`-like element. ISO 20022 writes a dot and up to five decimals; digits past the minor unit must be zeros,
 * nothing is rounded. A comma before one or two digits at the end is taken as the decimal mark.
 * @param fallback currency where the element names none
 * @throws TallyError MONEY_INVALID for what is no amount or currency, is negative, or is finer than the minor unit
 */
export function amountOf(node: XmlNode, fallback?: string): CamtAmount {
  const currency = node.attributes["Ccy"]?.trim().toUpperCase() || fallback || "XXX";
  if (!isCurrencyCode(currency)) {
    throw new TallyError("MONEY_INVALID", `"${currency.slice(0, 40)}" is not a currency (like EUR).`);
  }
  const text = node.text.trim();
  if (/^\d+,\d{1,2}$/.test(text)) return { amount: parseAmount(text, currency, ","), currency };
  if (!/^\+?(\d+\.?\d*|\.\d+)$/.test(text)) {
    throw new TallyError(
      "MONEY_INVALID",
      `"${text.slice(0, 40)}" is not an amount as CAMT writes it (like 12.50).`,
    );
  }
  return { amount: parseAmount(text, currency, "."), currency };
}

/** `CRDT` is +1, `DBIT` is -1, anything else undefined. The indicator is the direction, for reversals too. */
export function direction(node: XmlNode | undefined): 1 | -1 | undefined {
  const text = textAt(node, "CdtDbtInd");
  if (text === "CRDT") return 1;
  return text === "DBIT" ? -1 : undefined;
}

export interface CamtMoment {
  date: CalendarDate;
  /** Only where the file gives an offset from UTC. */
  instant?: Instant;
}

/**
 * A choice of `Dt` and `DtTm`, or a plain date. The date is the one that is written: a moment with an offset is not
 * moved to another day; its instant is kept beside it.
 * @throws TallyError DATE_INVALID for a day that does not exist
 */
export function momentOf(node: XmlNode | undefined): CamtMoment | undefined {
  const text =
    textAt(node, "Dt") ?? textAt(node, "DtTm") ?? (node?.children.length ? undefined : node?.text.trim());
  return text ? writtenMoment(text) : undefined;
}

function writtenMoment(text: string): CamtMoment {
  const match = /^(\d{4})-?(\d{2})-?(\d{2})(?:T(.*))?/.exec(text);
  if (!match) throw new TallyError("DATE_INVALID", `"${text.slice(0, 40)}" is not a date as CAMT writes it.`);
  const date = calendarDate(Number(match[1]), Number(match[2]), Number(match[3]));
  const time = match[4];
  if (!time || !/(Z|[+-]\d{2}:?\d{2})$/.test(time)) return { date };
  // More than milliseconds is cut off: not every engine reads nanoseconds.
  const ms = Date.parse(`${date}T${time.replace(/(\.\d{3})\d+/, "$1")}`);
  return Number.isNaN(ms) ? { date } : { date, instant: new Date(ms).toISOString() };
}

/** The first date along several paths that exists. */
export function firstMoment(...nodes: (XmlNode | undefined)[]): CamtMoment | undefined {
  for (const node of nodes) {
    const found = momentOf(node);
    if (found && isCalendarDate(found.date)) return found;
  }
  return undefined;
}

/** Every leaf of an element as `path -> text`, attributes as `path@name`, repeats numbered. */
export function flatten(
  node: XmlNode,
  leaveOut: (node: XmlNode) => boolean = () => false,
): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (key: string, value: string) => {
    let free = key;
    for (let n = 2; free in found; n += 1) free = `${key}[${n}]`;
    found[free] = value;
  };
  const walk = (at: XmlNode, path: string) => {
    for (const child of at.children) {
      if (leaveOut(child)) continue;
      const here = path === "" ? child.name : `${path}/${child.name}`;
      if (child.children.length === 0) put(here, child.text.trim());
      for (const [name, value] of Object.entries(child.attributes)) put(`${here}@${name}`, value);
      walk(child, here);
    }
  };
  walk(node, "");
  return found;
}

/** `Sts` as text (up to version 7) or as `<Cd>` or `<Prtry>` below it (from version 8). */
export function statusOf(entry: XmlNode): string {
  return (
    textAt(entry, "Sts", "Cd") ??
    textAt(entry, "Sts", "Prtry") ??
    find(entry, "Sts")?.text.trim() ??
    ""
  ).toUpperCase();
}
