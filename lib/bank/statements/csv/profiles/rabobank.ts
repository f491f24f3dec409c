import type { CsvProfile } from "../profile";

/** Rabobank: the 26 columns of 2018 and later. "Volgnr" alone tells identical payments apart. */
export const rabobank: CsvProfile = {
  name: "rabobank",
  headers: [["IBAN/BBAN", "Munt", "Volgnr", "Datum", "Bedrag", "Tegenrekening IBAN/BBAN"]],
  columns: {
    date: ["Datum"],
    valueDate: ["Rentedatum"],
    amount: ["Bedrag"],
    balanceAfter: ["Saldo na trn"],
    currency: ["Munt"],
    account: ["IBAN/BBAN"],
    counterpartyAccount: ["Tegenrekening IBAN/BBAN"],
    counterparty: ["Naam tegenpartij"],
    counterpartyBic: ["BIC tegenpartij"],
    type: ["Code"],
    bankId: ["Volgnr"],
    reference: ["Betalingskenmerk"],
    mandateId: ["Machtigingskenmerk"],
    creditorId: ["Incassant ID"],
    description: ["Omschrijving-1", "Omschrijving-2", "Omschrijving-3"],
    originalAmount: ["Oorspr bedrag"],
    originalCurrency: ["Oorspr munt"],
  },
  fixed: { decimal: "," },
  finish(payment, cell) {
    if (!payment.reference && cell("Transactiereferentie")) payment.reference = cell("Transactiereferentie");
  },
};
