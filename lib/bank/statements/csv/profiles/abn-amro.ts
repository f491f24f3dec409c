import { isIban, normaliseIban } from "../../../../values";
import type { StatementPayment } from "../../types";
import type { CsvProfile } from "../profile";

/**
 * ABN AMRO: the TAB file (account, currency, date, balance before, balance after, value date, amount, text) and the
 * CSV or Excel exports with header. Both state balances around each payment and pack the rest into one text.
 */
export const abnAmro: CsvProfile = {
  name: "abn-amro",
  headers: [
    [
      "Rekeningnummer",
      "Muntsoort",
      "Transactiedatum",
      "Rentedatum",
      "Beginsaldo",
      "Eindsaldo",
      "Transactiebedrag",
      "Omschrijving",
    ],
    [
      "accountNumber",
      "mutationcode",
      "transactiondate",
      "valuedate",
      "startsaldo",
      "endsaldo",
      "amount",
      "description",
    ],
  ],
  columns: {
    date: ["Transactiedatum", "transactiondate"],
    valueDate: ["Rentedatum", "valuedate"],
    amount: ["Transactiebedrag", "amount"],
    balanceAfter: ["Eindsaldo", "endsaldo"],
    account: ["Rekeningnummer", "accountNumber"],
    currency: ["Muntsoort", "mutationcode"],
    description: ["Omschrijving", "description"],
  },
  finish: (payment) => fromText(payment),
};

/** The same without header. */
export const abnAmroTab: CsvProfile = {
  name: "abn-amro",
  headers: [],
  rowFits: (cells) =>
    cells.length >= 8 &&
    /^[A-Z]{0,2}\d[\dA-Z]{5,}$/.test(cells[0]!.trim()) &&
    /^[A-Z]{3}$/.test(cells[1]!.trim()) &&
    /^\d{8}$/.test(cells[2]!.trim()) &&
    /^\d{8}$/.test(cells[5]!.trim()),
  columns: {
    account: [0],
    currency: [1],
    date: [2],
    balanceAfter: [4],
    valueDate: [5],
    amount: [6],
    description: [7],
  },
  finish: (payment) => fromText(payment),
};

function fromText(payment: StatementPayment): void {
  const text = payment.description;
  const fields = text.trimStart().startsWith("/") ? slashFields(text) : labelFields(text);
  const set = (key: "type" | "reference" | "mandateId" | "creditorId", value: string | undefined) => {
    if (value && !/^NOTPROVIDED$/i.test(value)) payment[key] = value;
  };
  set("type", fields.get("type")?.toLowerCase());
  set("reference", fields.get("reference"));
  set("mandateId", fields.get("mandate"));
  set("creditorId", fields.get("creditor"));
  const iban = fields.get("iban");
  const name = fields.get("name");
  const bic = fields.get("bic");
  if (iban || name) {
    payment.counterparty = {
      ...(name ? { name } : {}),
      ...(iban ? (isIban(iban) ? { iban: normaliseIban(iban) } : { account: iban }) : {}),
      ...(bic ? { bic } : {}),
    };
  }
  const about = fields.get("about");
  if (about) payment.description = about;
}

const SLASH: Readonly<Record<string, string>> = {
  TRTP: "type",
  IBAN: "iban",
  BIC: "bic",
  NAME: "name",
  REMI: "about",
  EREF: "reference",
  MARF: "mandate",
  CSID: "creditor",
};

/** `/TRTP/SEPA OVERBOEKING/IBAN/NL.../NAME/.../REMI/.../EREF/...`; a value may hold a slash. */
function slashFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  const parts = text.trim().split("/");
  let key: string | undefined;
  for (const part of parts.slice(1)) {
    const name =
      SLASH[part] ??
      (/^(?:ORDP|BENM|ID|ISDT|PREF|RTRN|SVCL|PURP|ULTC|ULTD|TRCD|NRTX)$/.test(part) ? part : undefined);
    if (name && !(key === "about" && fields.get("about") === undefined && !SLASH[part])) key = name;
    else if (key) fields.set(key, fields.has(key) ? `${fields.get(key)}/${part}` : part);
  }
  for (const [name, value] of fields) fields.set(name, value.trim());
  return fields;
}

const LABELS: readonly [RegExp, string][] = [
  [/^IBAN$/i, "iban"],
  [/^BIC$/i, "bic"],
  [/^Naam$/i, "name"],
  [/^Omschrijving$/i, "about"],
  [/^Kenmerk$/i, "reference"],
  [/^Betalingskenm\.?$/i, "reference"],
  [/^Machtiging$/i, "mandate"],
  [/^Incassant$/i, "creditor"],
];

/** `SEPA iDEAL   IBAN: NL...   BIC: ...   Naam: ...   Omschrijving: ...   Kenmerk: ...` */
function labelFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  const label = /(?:^|\s)(IBAN|BIC|Naam|Omschrijving|Kenmerk|Betalingskenm\.?|Machtiging|Incassant):\s*/gi;
  const found = [...text.matchAll(label)];
  const type = text
    .slice(0, found[0]?.index ?? 0)
    .replace(/\s+/g, " ")
    .trim();
  if (found.length > 0 && type) fields.set("type", type);
  found.forEach((match, index) => {
    const key = LABELS.find(([pattern]) => pattern.test(match[1]!))![1];
    const value = text.slice(match.index + match[0].length, found[index + 1]?.index ?? text.length);
    if (!fields.has(key)) fields.set(key, value.replace(/\s+/g, " ").trim());
  });
  // Card payments: "BEA, Betaalpas   Shop,PAS123   NR:AB1234 01.02.24/12:30 PLACE"
  const card =
    /^(BEA|GEA)\b[^A-Za-z]*(?:NR:\S+\s+\S+\s+)?(?:Betaalpas\s+|Apple Pay\s+|Google Pay\s+)?(.*?),\s?PAS\d+/i.exec(
      text,
    );
  if (card) {
    fields.set("type", card[1]!.toLowerCase());
    fields.set("name", card[2]!.replace(/\s+/g, " ").trim());
  }
  return fields;
}
