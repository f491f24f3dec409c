import { currencyExponent, TallyError } from "../../values";

/**
 * Currencies that Actual stores without decimals once they are chosen in its settings. Everything else is stored in
 * hundredths, whatever the currency. Source: Actual's `shared/currencies.ts`.
 */
const WHOLE = new Set(["IRR", "JPY", "KRW"]);

/** Actual refuses amounts beyond 2^51 - 1. Source: `safeNumber` of Actual's `shared/util.ts`. */
const LARGEST = 2 ** 51 - 1;

export interface Converter {
  /**
   * Stored integer to minor units.
   * @throws TallyError CURRENCY_MISMATCH when the currency has no such fraction
   */
  toMinor(stored: number): number;
  /**
   * Minor units to the stored integer.
   * @throws TallyError MONEY_INVALID when Actual cannot hold the amount exactly
   */
  toStored(minor: number): number;
}

/**
 * Exact conversion between what Actual stores and the minor units of a currency.
 * @param currency the currency of the budget, ISO 4217
 * @param chosen the currency chosen in the budget's own settings; empty when none is
 * @throws TallyError CURRENCY_MISMATCH when both are known and differ
 */
export function converter(currency: string, chosen = ""): Converter {
  if (chosen !== "" && chosen !== currency) {
    throw new TallyError(
      "CURRENCY_MISMATCH",
      `The budget is kept in ${chosen} by its settings in Actual, but ${currency} is configured here.`,
    );
  }
  const shift = currencyExponent(currency) - (WHOLE.has(chosen) ? 0 : 2);
  const factor = 10 ** Math.abs(shift);
  return {
    toMinor(stored) {
      if (shift >= 0) return stored * factor;
      if (stored % factor !== 0) {
        throw new TallyError(
          "CURRENCY_MISMATCH",
          `The budget holds an amount with decimals (${stored / 100}), which ${currency} does not have. Is the configured currency right?`,
        );
      }
      return stored / factor || 0;
    },
    toStored(minor) {
      const stored = shift >= 0 ? minor / factor : minor * factor;
      if (!Number.isInteger(minor) || !Number.isInteger(stored) || Math.abs(stored) > LARGEST) {
        throw new TallyError(
          "MONEY_INVALID",
          `${minor} minor units of ${currency} cannot be held exactly by Actual.`,
        );
      }
      return stored || 0;
    },
  };
}
