import type { Household } from "../../simulators/household/types";
import { startYnabTwin, type YnabTwin, type YnabTwinOptions } from "../../simulators/ynab";
import { openYnab, type YnabOptions, type YnabProvider } from "../../lib/budget";

/** The tests' present. */
export const NOW = Date.parse("2025-07-15T12:00:00Z");
export const TODAY = "2025-07-15";

/** Three accounts, a few categories, a few entries of the people; small, so that tests can look at all of it. */
export function smallHousehold(): Household {
  const account = (key: string, name: string, type: "current" | "savings" | "credit") => {
    return { key, name, iban: `NL00TEST${key}`, currency: "EUR", type, openingBalance: 100_000 };
  };
  const entry = (payment: number, day: string, amount: number, payee: string, category?: string) => ({
    account: "current",
    date: `2025-06-${day}`,
    amount,
    payee,
    approved: true,
    payment,
    ...(category ? { category } : {}),
  });
  return {
    options: { seed: 7, from: "2022-07-15", until: TODAY, budgetedUntil: "2025-06-30" },
    timeZone: "Europe/Amsterdam",
    accounts: [
      account("current", "Everyday", "current"),
      account("savings", "Rainy day", "savings"),
      account("card", "Credit card", "credit"),
    ],
    categories: [
      { key: "groceries", group: "Daily", name: "Groceries" },
      { key: "rent", group: "Home", name: "Rent" },
      { key: "fun", group: "Daily", name: "Fun" },
    ],
    payments: [],
    entries: [
      entry(1, "02", -4523, "Albert Heijn", "groceries"),
      entry(2, "03", -95_000, "Landlord", "rent"),
      entry(3, "20", 250_000, "Employer"),
      { ...entry(4, "25", -20_000, "Transfer"), transferTo: "savings" },
    ],
  };
}

export function startTwin(options: YnabTwinOptions = {}): Promise<YnabTwin> {
  return startYnabTwin({ household: smallHousehold(), now: () => NOW, ...options });
}

/** The provider on a twin; it does not really sleep. */
export function openOn(twin: YnabTwin, options: Partial<YnabOptions> = {}): YnabProvider {
  return openYnab({
    token: twin.token,
    plan: twin.planId,
    url: twin.url,
    ...options,
    http: { now: () => NOW, sleep: async () => {}, ...options.http },
  });
}
