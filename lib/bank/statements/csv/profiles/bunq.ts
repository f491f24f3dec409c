import type { CsvProfile } from "../profile";

/** bunq: English since 2018, Dutch before; with and without the interest date. Amounts have a comma or a dot. */
export const bunq: CsvProfile = {
  name: "bunq",
  headers: [
    ["Date", "Amount", "Account", "Counterparty", "Name", "Description"],
    ["Datum", "Bedrag", "Rekening", "Tegenrekening", "Naam", "Omschrijving"],
  ],
  columns: {
    date: ["Date", "Datum"],
    valueDate: ["Interest Date", "Rentedatum"],
    amount: ["Amount", "Bedrag"],
    account: ["Account", "Rekening"],
    counterpartyAccount: ["Counterparty", "Tegenrekening"],
    counterparty: ["Name", "Naam"],
    description: ["Description", "Omschrijving"],
  },
  fixed: { fixedCurrency: "EUR" },
  finish(payment) {
    // Card payments abroad: "20.00 USD, 1 USD = 0.86900 EUR".
    const foreign = /(\d+(?:\.\d{1,3})?) ([A-Z]{3}), 1 \2 = [\d.]+ [A-Z]{3}/.exec(payment.description);
    if (!foreign) return;
    const digits = foreign[1]!.split(".");
    if ((digits[1] ?? "00").length !== 2) return;
    const minor = Number(digits[0]! + (digits[1] ?? "00"));
    payment.original = { amount: payment.amount < 0 ? -minor : minor, currency: foreign[2]! };
  },
};
