import type { CsvProfile } from "../profile";

/** Revolut personal: the fee is apart from the amount, and State says whether money moved. */
export const revolut: CsvProfile = {
  name: "revolut",
  headers: [
    [
      "Type",
      "Product",
      "Started Date",
      "Completed Date",
      "Description",
      "Amount",
      "Fee",
      "Currency",
      "State",
    ],
    [
      "Tipo",
      "Prodotto",
      "Data di inizio",
      "Data di completamento",
      "Descrizione",
      "Importo",
      "Costo",
      "Valuta",
      "Stato",
    ],
    ["Type", "Produit", "Date de début", "Date de fin", "Description", "Montant", "Frais", "Devise"],
    [
      "Tipo",
      "Producto",
      "Fecha de inicio",
      "Fecha de finalización",
      "Descripción",
      "Importe",
      "Comisión",
      "Divisa",
    ],
    [
      "Art",
      "Produkt",
      "Datum des Beginns",
      "Datum des Abschlusses",
      "Beschreibung",
      "Betrag",
      "Gebühr",
      "Währung",
    ],
    ["Type", "Product", "Startdatum", "Datum voltooid", "Beschrijving", "Bedrag", "Kosten", "Valuta"],
  ],
  columns: {
    date: [
      "Completed Date",
      "Data di completamento",
      "Date de fin",
      "Fecha de finalización",
      "Datum des Abschlusses",
      "Datum voltooid",
    ],
    dateFallback: [
      "Started Date",
      "Data di inizio",
      "Date de début",
      "Fecha de inicio",
      "Datum des Beginns",
      "Startdatum",
    ],
    amount: ["Amount", "Importo", "Montant", "Importe", "Betrag", "Bedrag"],
    fee: ["Fee", "Costo", "Frais", "Comisión", "Gebühr", "Kosten"],
    currency: ["Currency", "Valuta", "Devise", "Divisa", "Währung"],
    status: ["State", "Stato", "État", "Estado", "Status"],
    balanceAfter: ["Balance", "Saldo", "Solde", "Kontostand"],
    description: ["Description", "Descrizione", "Descripción", "Beschreibung", "Beschrijving"],
    type: ["Type", "Tipo", "Art"],
    accountName: ["Product", "Prodotto", "Produit", "Producto", "Produkt"],
  },
};

/** Revolut Business: the total has the fee off already. */
export const revolutBusiness: CsvProfile = {
  name: "revolut-business",
  headers: [
    ["Date started (UTC)", "Date completed (UTC)", "ID", "Type", "State", "Description", "Total amount"],
  ],
  columns: {
    date: ["Date completed (UTC)"],
    dateFallback: ["Date started (UTC)"],
    bankId: ["ID"],
    type: ["Type"],
    status: ["State"],
    description: ["Description", "Reference"],
    amount: ["Total amount", "Amount"],
    currency: ["Payment currency", "Currency"],
    originalCurrency: ["Orig currency"],
    originalAmount: ["Orig amount"],
    balanceAfter: ["Balance"],
    accountName: ["Account"],
    counterpartyAccount: ["Beneficiary IBAN", "Beneficiary account number"],
    counterpartyBic: ["Beneficiary BIC"],
  },
};

/** Its older export, where the fee still has to be taken off. */
export const revolutBusinessOld: CsvProfile = {
  ...revolutBusiness,
  headers: [["Date started (UTC)", "Date completed (UTC)", "ID", "Type", "Description", "Amount", "Fee"]],
  columns: { ...revolutBusiness.columns, amount: ["Amount"], fee: ["Fee"] },
};
