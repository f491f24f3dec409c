import { TallyError, isCurrencyCode, parseAmount } from "../../values";

/** A row with more characters than this is not a payment but an attack or a fault. */
const MAX_ROW = 100_000;

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/** Text without blanks around it; undefined for anything else than text that says something. */
export function said(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  return value.trim().replace(/\s+/g, " ") || undefined;
}

/** What a stranger wrote, made fit for an error message: one line, no control characters, not long. */
export function quoted(value: unknown, length = 200): string {
  if (typeof value !== "string") return "";
  const line = value
    .slice(0, length * 4)
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

/** An object of JSON. */
export function recordOf(value: unknown): Record<string, unknown> | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * A currency that ISO 4217 knows.
 * @throws TallyError MONEY_INVALID
 */
export function currencyOf(value: unknown): string {
  if (typeof value === "string" && isCurrencyCode(value) && CURRENCIES.has(value)) return value;
  throw new TallyError("MONEY_INVALID", `"${quoted(value, 40)}" is not a currency.`);
}

/**
 * An amount as APIs write it, digits with a dot, in minor units.
 * @throws TallyError MONEY_INVALID
 */
export function amountOf(value: unknown, currency: string): number {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || !/^[+-]?\d{1,20}(\.\d{1,12})?$/.test(text.trim())) {
    throw new TallyError("MONEY_INVALID", `"${quoted(String(value), 40)}" is not an amount.`);
  }
  return parseAmount(text, currency, ".");
}

/**
 * A row that can be looked into.
 * @throws TallyError PROVIDER_MALFORMED for what is no object or far too long
 */
export function rowOf(value: unknown): Record<string, unknown> {
  const row = recordOf(value);
  if (!row) throw new TallyError("PROVIDER_MALFORMED", "It is not an object.");
  const { length } = JSON.stringify(row);
  if (length > MAX_ROW) {
    throw new TallyError("PROVIDER_MALFORMED", `It has ${length} characters, which no payment has.`);
  }
  return row;
}
