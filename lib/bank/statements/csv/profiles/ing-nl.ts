import { isIban, normaliseIban } from "../../../../values";
import type { CsvProfile } from "../profile";

/** ING Netherlands: comma (Dutch, until 2020) and semicolon (Dutch and English), payments and savings accounts. */
export const ingNl: CsvProfile = {
  name: "ing-nl",
  headers: [
    ["Datum", "Naam / Omschrijving", "Rekening", "Tegenrekening", "Code", "Af Bij"],
    ["Date", "Name / Description", "Account", "Counterparty", "Code", "Debit/credit"],
  ],
  columns: {
    date: ["Datum", "Date"],
    counterparty: ["Naam / Omschrijving", "Name / Description"],
    account: ["Rekening", "Account"],
    counterpartyAccount: ["Tegenrekening", "Counterparty"],
    direction: ["Af Bij", "Debit/credit"],
    amount: ["Bedrag (EUR)", "Amount (EUR)", "Bedrag", "Amount"],
    type: ["Mutatiesoort", "MutatieSoort", "Transaction type", "Code"],
    description: ["Mededelingen", "Notifications"],
    balanceAfter: ["Saldo na mutatie", "Resulting balance"],
  },
  fixed: { fixedCurrency: "EUR" },
  finish(payment, cell) {
    const text = cell("Mededelingen", "Notifications");
    const field = (names: string) =>
      new RegExp(
        `(?:^|\\s)(?:${names}):\\s*(.*?)(?=\\s+(?:Naam|Name|Omschrijving|Description|IBAN|BIC|Kenmerk|Reference|Machtiging ID|Mandate ID|Incassant ID|Creditor ID|Valutadatum|Value date|Datum/Tijd|Date/time|Pasvolgnr|Card sequence no\\.?|Transactie|Transaction|Term|Doorlopende incasso|Recurrent SEPA direct debit|Other party)\\b:?|$)`,
        "i",
      )
        .exec(text)?.[1]
        ?.trim();
    const reference = field("Kenmerk|Reference");
    if (reference) payment.reference = reference;
    const mandate = field("Machtiging ID|Mandate ID");
    if (mandate) payment.mandateId = mandate;
    const creditor = field("Incassant ID|Creditor ID");
    if (creditor) payment.creditorId = creditor;
    const iban = field("IBAN");
    if (iban && isIban(iban) && !payment.counterparty?.iban) {
      payment.counterparty = { ...payment.counterparty, iban: normaliseIban(iban) };
    }
    const valued = /(?:Valutadatum|Value date):\s*(\d{2})[-/](\d{2})[-/](\d{4})/i.exec(text);
    if (valued) payment.valueDate = `${valued[3]}-${valued[2]}-${valued[1]}`;
  },
};
