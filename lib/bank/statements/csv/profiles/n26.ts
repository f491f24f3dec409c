import type { CsvProfile } from "../profile";

/** N26: the export of today, the older ones with a category, in English and German. */
export const n26: CsvProfile = {
  name: "n26",
  headers: [
    ["Booking Date", "Value Date", "Partner Name", "Partner Iban", "Payment Reference", "Amount (EUR)"],
    ["Date", "Payee", "Account number", "Transaction type", "Payment reference", "Amount (EUR)"],
    ["Datum", "Empfänger", "Kontonummer", "Transaktionstyp", "Verwendungszweck", "Betrag (EUR)"],
    ["Date", "Bénéficiaire", "Numéro de compte", "Type de transaction", "Référence de paiement"],
    ["Fecha", "Beneficiario", "Número de cuenta", "Tipo de transacción", "Referencia de pago"],
    ["Data", "Beneficiario", "Numero di conto", "Tipo di transazione", "Riferimento pagamento"],
  ],
  columns: {
    date: ["Booking Date", "Date", "Datum", "Fecha", "Data"],
    valueDate: ["Value Date"],
    counterparty: ["Partner Name", "Payee", "Empfänger", "Bénéficiaire", "Beneficiario"],
    counterpartyAccount: [
      "Partner Iban",
      "Account number",
      "Kontonummer",
      "Numéro de compte",
      "Número de cuenta",
      "Numero di conto",
    ],
    type: [
      "Type",
      "Transaction type",
      "Transaktionstyp",
      "Type de transaction",
      "Tipo de transacción",
      "Tipo di transazione",
    ],
    description: [
      "Payment Reference",
      "Payment reference",
      "Verwendungszweck",
      "Référence de paiement",
      "Referencia de pago",
      "Riferimento pagamento",
    ],
    category: ["Category", "Kategorie", "Catégorie", "Categoría", "Categoria"],
    accountName: ["Account Name"],
    amount: [
      "Amount (EUR)",
      "Betrag (EUR)",
      "Montant (EUR)",
      "Importe (EUR)",
      "Cantidad (EUR)",
      "Importo (EUR)",
    ],
    originalAmount: [
      "Original Amount",
      "Amount (Foreign Currency)",
      "Betrag (Fremdwährung)",
      "Montant (Devise étrangère)",
    ],
    originalCurrency: [
      "Original Currency",
      "Type Foreign Currency",
      "Fremdwährung",
      "Sélectionnez la devise étrangère",
    ],
  },
  fixed: { fixedCurrency: "EUR", decimal: "." },
};
