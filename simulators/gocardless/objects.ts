import { createHash } from "node:crypto";
import { formatAmount } from "../../lib/values";
import type { HouseholdAccount, HouseholdPayment } from "../household";
import type { TwinRow } from "./types";

/** GoCardless' JSON objects. Source: its OpenAPI description and the Berlin Group's NextGenPSD2. */

/** A UUID that is always the same for the same text. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const CODES: Record<string, string> = {
  card: "PMNT-CCRD-POSD",
  cash: "PMNT-CCRD-CWDL",
  ideal: "PMNT-ICDT-ESCT",
  "direct-debit": "PMNT-RDDT-ESDD",
  salary: "PMNT-RCDT-SALA",
  interest: "ACMT-MCOP-INTR",
  transfer: "PMNT-ICDT-ESCT",
};

export const OWNER = "A. en B. de Vries";

/** The ids that the bank and GoCardless give a row. */
export function idsOf(payment: HouseholdPayment): { transactionId: string; internalTransactionId: string } {
  return {
    transactionId: `TX${String(payment.sequence).padStart(12, "0")}`,
    internalTransactionId: createHash("md5").update(`row ${payment.sequence}`).digest("hex"),
  };
}

/** A row as the bank shows it; the ids are as the bank gives them. */
export function rowObject(
  payment: HouseholdPayment,
  account: HouseholdAccount,
  balanceAfter: number | undefined,
  ids: "both" | "bank" | "none",
): TwinRow {
  const money = (amount: number) => ({
    amount: formatAmount(amount, account.currency),
    currency: account.currency,
  });
  const { transactionId, internalTransactionId } = idsOf(payment);
  const { name, iban } = payment.counterparty;
  const [other, own] = payment.amount > 0 ? ["debtor", "creditor"] : ["creditor", "debtor"];
  const pending = payment.status === "pending";
  return {
    ...(ids === "none" || pending ? {} : { transactionId }),
    ...(ids === "both" ? { internalTransactionId } : {}),
    ...(pending ? {} : { bookingDate: payment.date, bookingDateTime: payment.instant }),
    valueDate: payment.date,
    transactionAmount: money(payment.amount),
    [`${other}Name`]: name,
    ...(iban ? { [`${other}Account`]: { iban } } : {}),
    [`${own}Name`]: OWNER,
    [`${own}Account`]: { iban: account.iban },
    remittanceInformationUnstructured: payment.description,
    bankTransactionCode: CODES[payment.type] ?? CODES["transfer"],
    proprietaryBankTransactionCode: payment.type.toUpperCase(),
    ...(balanceAfter === undefined
      ? {}
      : { balanceAfterTransaction: { balanceAmount: money(balanceAfter), balanceType: "interimBooked" } }),
  };
}

const TYPES = { current: "CACC", savings: "SVGS", credit: "CARD" } as const;

export function detailsObject(account: HouseholdAccount): TwinRow {
  return {
    resourceId: uuidOf(`resource ${account.iban}`),
    iban: account.iban,
    currency: account.currency,
    ownerName: OWNER,
    name: account.name,
    product: account.name,
    cashAccountType: TYPES[account.type],
  };
}

/** An institution; `history` and `consent` are texts, as GoCardless has them. */
export function institutionObject(
  id: string,
  name: string,
  historyDays: number,
  consentDays: number,
): TwinRow {
  return {
    id,
    name,
    bic: id.split("_")[1] ?? id,
    transaction_total_days: String(historyDays),
    max_access_valid_for_days: String(consentDays),
    countries: ["NL", "BE"],
    logo: `https://logos.invalid/${id}.png`,
  };
}
