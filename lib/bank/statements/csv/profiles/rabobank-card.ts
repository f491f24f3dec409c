import type { CsvProfile } from "../profile";

/** Rabobank credit card: "Tegenrekening IBAN" is the own account that the card is paid from. */
export const rabobankCard: CsvProfile = {
  name: "rabobank-card",
  headers: [
    ["Tegenrekening IBAN", "Munt", "Creditcard Nummer", "Productnaam", "Datum", "Bedrag", "Omschrijving"],
  ],
  columns: {
    date: ["Datum"],
    amount: ["Bedrag"],
    currency: ["Munt"],
    account: ["Creditcard Nummer"],
    accountName: ["Productnaam"],
    bankId: ["Transactiereferentie"],
    description: ["Omschrijving"],
    originalAmount: ["Oorspr bedrag"],
    originalCurrency: ["Oorspr munt"],
  },
  fixed: { decimal: "," },
};
