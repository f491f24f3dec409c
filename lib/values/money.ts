import { TallyError } from "./errors";

/**
 * Amounts are integers in the currency's minor unit (ISO 4217 exponent), held as JavaScript numbers: exact up to
 * 9,007,199,254,740,991 minor units. Parsing and formatting work on digits, never on floating point.
 */

/** ISO 4217 currencies whose exponent is not 2. Source: ISO 4217 list one. */
const EXPONENTS: Readonly<Record<string, number>> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  UYI: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
  CLF: 4,
  UYW: 4,
};

/** Number of decimals of a currency's minor unit: 2 unless ISO 4217 says otherwise. */
export function currencyExponent(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** Is this the form of an ISO 4217 code (three capital letters)? */
export function isCurrencyCode(text: string): boolean {
  return /^[A-Z]{3}$/.test(text);
}

/** Which character separates decimals: `auto` decides from the text itself. */
export type DecimalMark = "." | "," | "auto";

/** Signs of one currency only; `$`, `£` and `¥` stand for several. */
const BY_SIGN: Readonly<Record<string, string>> = {
  "€": "EUR",
  "₹": "INR",
  "₽": "RUB",
  "₺": "TRY",
  "₩": "KRW",
};
const BEFORE = /^([+-]?)\s*([A-Z]{3}|[€$£¥₹₽₺₩])\s*/u;
const BEHIND = /\s*([A-Z]{3}|[€$£¥₹₽₺₩])\s*([+-]?)$/u;

/**
 * Read an amount in decimal notation as minor units. Accepts a sign before or after, parentheses for negative,
 * blanks, apostrophes and dots or commas as thousands separators, and the currency's sign or code around it.
 *
 * @param text for example `1.234,56`, `-12.5`, `12,50-`, `(3.00)`, `€ 1 234,56`
 * @param currency ISO 4217 code; sets the number of decimals
 * @param mark the decimal mark; with `auto` the last of `.` and `,` is the mark, unless it stands alone before
 *   exactly three digits in a currency with other than three decimals, where it separates thousands
 * @throws TallyError MONEY_INVALID when it is no amount, names another currency, has non-zero digits past the minor
 *   unit, or is too large
 */
export function parseAmount(text: string, currency: string, mark: DecimalMark = "auto"): number {
  const invalid = (why: string) =>
    new TallyError("MONEY_INVALID", `"${text.slice(0, 40)}" is not an amount in ${currency}: ${why}.`);
  // Digits and marks of East Asia only: all of NFKC would make a 2 of the footnote in `5²`.
  let body = text
    .replace(/[\uff00-\uffef]+/g, (wide) => wide.normalize("NFKC"))
    .replace(/[−–]/g, "-")
    .trim();
  const named = [BEFORE.exec(body)?.[2], BEHIND.exec(body)?.[1]];
  for (const name of named) {
    const own = name && (BY_SIGN[name] ?? name);
    if (own && /^[A-Z]{3}$/.test(own) && own !== currency) throw invalid(`it is in ${own}`);
  }
  body = body.replace(BEFORE, "$1").replace(BEHIND, "$2");
  // Blanks and apostrophes stand between groups, not between two numbers.
  if (/\d[\s'’_]+\d/.test(body) && !GROUPED.test(body)) throw invalid("its digits are apart");
  body = body.replace(/[\s'’_]/g, "");
  let negative = false;
  if (/^\(.*\)$/.test(body)) {
    negative = true;
    body = body.slice(1, -1);
  }
  const sign = /^([+-])|([+-])$/.exec(body);
  if (sign) {
    if (negative) throw invalid("two signs");
    negative = (sign[1] ?? sign[2]) === "-";
    body = sign[1] ? body.slice(1) : body.slice(0, -1);
  }
  if (!/^[\d.,]+$/.test(body) || !/\d/.test(body))
    throw invalid("it holds other characters than digits and marks");

  const exponent = currencyExponent(currency);
  const decimalAt = decimalMarkPosition(body, mark, exponent);
  const grouped = decimalAt < 0 ? body : body.slice(0, decimalAt);
  const fraction = decimalAt < 0 ? "" : body.slice(decimalAt + 1);
  if (!isGrouped(grouped, body[decimalAt]) || !/^\d*$/.test(fraction))
    throw invalid("its decimal mark is not clear");
  const whole = grouped.replace(/[.,]/g, "");
  if (/[1-9]/.test(fraction.slice(exponent))) throw invalid(`it has more than ${exponent} decimals`);
  const minor = Number((whole || "0") + fraction.slice(0, exponent).padEnd(exponent, "0"));
  if (!Number.isSafeInteger(minor)) throw invalid("it is too large");
  return negative && minor !== 0 ? -minor : minor;
}

/** Groups of three, or the twos of India before them, with blanks, apostrophes or underscores between. */
const GROUPED = /^[^\d]*\d{1,3}(?:[\s'’_]\d{2,3})*[\s'’_]\d{3}(?:[.,]\d*)?[^\d]*$/;

/** Digits with one kind of separator, the last group of three (groups of two before it: 1,23,456 in India). */
function isGrouped(text: string, decimalMark: string | undefined): boolean {
  if (/^\d*$/.test(text)) return true;
  const groups = /^\d{1,3}([.,])(?:\d{2,3}\1)*\d{3}$/.exec(text);
  return groups !== null && groups[1] !== decimalMark;
}

function decimalMarkPosition(body: string, mark: DecimalMark, exponent: number): number {
  if (mark !== "auto") return body.lastIndexOf(mark);
  const last = Math.max(body.lastIndexOf("."), body.lastIndexOf(","));
  if (last < 0) return -1;
  const char = body[last]!;
  const repeated = body.indexOf(char) !== last;
  const both = body.includes(".") && body.includes(",");
  if (repeated) return -1;
  const digitsAfter = body.length - last - 1;
  if (!both && digitsAfter === 3 && exponent !== 3 && last <= 3 && last > 0 && body[0] !== "0") return -1;
  return last;
}

/** Minor units as plain decimal notation with a dot: `formatAmount(-1250, "EUR")` is `-12.50`. */
export function formatAmount(amount: number, currency: string): string {
  const exponent = currencyExponent(currency);
  const digits = String(Math.abs(amount)).padStart(exponent + 1, "0");
  const sign = amount < 0 ? "-" : "";
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/**
 * Minor units between currencies of other exponents: an amount in thousandths (YNAB, Actual use fixed scales).
 * @throws TallyError MONEY_INVALID when it cannot be written so exactly
 */
export function rescale(amount: number, fromExponent: number, toExponent: number): number {
  const shift = toExponent - fromExponent;
  if (shift >= 0) {
    const scaled = amount * 10 ** shift;
    if (Number.isSafeInteger(scaled)) return scaled;
    throw new TallyError(
      "MONEY_INVALID",
      `${amount} is too large to be written with ${shift} decimals more.`,
    );
  }
  const factor = 10 ** -shift;
  if (amount % factor !== 0) {
    throw new TallyError(
      "MONEY_INVALID",
      `${amount} cannot be written with ${-shift} decimals fewer without a loss.`,
    );
  }
  return amount / factor;
}
