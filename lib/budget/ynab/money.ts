import { currencyExponent, rescale, TallyError } from "../../values";

/** The one place where YNAB's milliunits (thousandths of the currency) meet minor units. */

/** @throws TallyError MONEY_INVALID when the amount cannot be written in milliunits exactly */
export function toMilliunits(amount: number, currency: string): number {
  const milliunits = rescale(amount, currencyExponent(currency), 3);
  if (!Number.isSafeInteger(milliunits)) {
    throw new TallyError("MONEY_INVALID", `The amount ${amount} (minor units) is too large for YNAB.`);
  }
  return milliunits;
}

/**
 * Minor units of what YNAB holds. Another program may have written a fraction of a minor unit; it is rounded, as
 * YNAB's own apps show it.
 */
export function toMinor(milliunits: number, currency: string): number {
  const exponent = currencyExponent(currency);
  if (exponent >= 3) return rescale(milliunits, 3, exponent);
  const factor = 10 ** (3 - exponent);
  // Number.isInteger(-0) would pass, but -0 is not equal to 0 for deep comparisons.
  return Math.round(milliunits / factor) || 0;
}
