import { createHash } from "node:crypto";
import { formatAmount, localDate } from "../../lib/values";
import type { Household, HouseholdAccount, HouseholdPayment } from "../household";
import type { EnableBankingTwinOptions, NewTwinRow, Row } from "./types";

/** What the banks know of the household, as rows of the API. */

const TYPES: Readonly<Record<string, string>> = { current: "CACC", savings: "SVGS", credit: "CARD" };

/** ISO 20022 codes of the household's kinds of payment. */
const CODES: Readonly<Record<string, { code: string; sub_code: string }>> = {
  card: { code: "CCRD", sub_code: "POSD" },
  "direct-debit": { code: "RDDT", sub_code: "ESDD" },
  transfer: { code: "ICDT", sub_code: "ESCT" },
  cash: { code: "CCRD", sub_code: "CWDL" },
};

export class Bank {
  /** Counts what was added. */
  changes = 0;
  readonly #household: Household;
  readonly #payments: HouseholdPayment[];
  readonly #now: () => number;
  readonly #shape: EnableBankingTwinOptions["shape"];

  constructor({ household, shape }: EnableBankingTwinOptions, now: () => number) {
    this.#household = household;
    this.#payments = [...household.payments];
    this.#shape = shape;
    this.#now = now;
  }

  account(key: string): HouseholdAccount {
    const found = this.#household.accounts.find((account) => account.key === key);
    if (!found) throw new Error(`the household has no account ${key}`);
    return found;
  }

  add({ account, amount, name, description, instant }: NewTwinRow): number {
    const at = instant ?? new Date(this.#now()).toISOString();
    const sequence = this.#payments.reduce((most, payment) => Math.max(most, payment.sequence), 0) + 1;
    this.changes++;
    this.#payments.push({
      sequence,
      account: this.account(account).key,
      status: "booked",
      instant: at,
      date: localDate(at, this.#household.timeZone),
      amount,
      counterparty: { name },
      description: description ?? "",
      type: "transfer",
    });
    return sequence;
  }

  visible(account: string, at = this.#now()): HouseholdPayment[] {
    const seen = (payment: HouseholdPayment) => Date.parse(payment.instant) <= at;
    return this.#payments
      .filter((payment) => payment.account === account && payment.status === "booked" && seen(payment))
      .sort((a, b) => Date.parse(a.instant) - Date.parse(b.instant) || a.sequence - b.sequence);
  }

  /** Those that were not booked yet at the time. */
  #pending(account: string, at: number): HouseholdPayment[] {
    const booked = new Map(this.#payments.map((payment) => [payment.sequence, payment]));
    return this.#payments.filter((payment) => {
      if (payment.account !== account || payment.status !== "pending" || Date.parse(payment.instant) > at)
        return false;
      const later = payment.bookedAs === undefined ? undefined : booked.get(payment.bookedAs);
      return !later || Date.parse(later.instant) > at;
    });
  }

  /** Rows of an account with the date by which they are asked for, oldest first. */
  rows(account: string, session: number, at: number): { date: string; row: Row }[] {
    const { currency, openingBalance } = this.account(account);
    let balance = openingBalance;
    const booked = this.visible(account, at).map((payment) => {
      balance += payment.amount;
      return { payment, balance };
    });
    const pending = this.#pending(account, at).map((payment) => ({ payment, balance: undefined }));
    return [...booked, ...pending].flatMap(({ payment, balance }) => {
      const row = rowOf(payment, currency, session, balance);
      const shaped = this.#shape?.(row, { account, session, sequence: payment.sequence }) ?? row;
      return (Array.isArray(shaped) ? shaped : [shaped]).map((row) => ({ date: payment.date, row }));
    });
  }

  balances(account: string): Row[] {
    const { currency, openingBalance } = this.account(account);
    const total = this.visible(account).reduce((sum, { amount }) => sum + amount, openingBalance);
    const balance = (balance_type: string, amount: number) => ({
      name: balance_type,
      balance_amount: { currency, amount: formatAmount(amount, currency) },
      balance_type,
      reference_date: localDate(this.#now(), this.#household.timeZone),
    });
    return [balance("ITAV", total + 100_000), balance("CLBD", total)];
  }

  details(account: string): Row {
    const { iban, name, currency, type } = this.account(account);
    const fields = Buffer.from('["account","account_id","iban"]').toString("base64");
    const hash = `${fields}.${createHash("sha256").update(iban).digest("base64")}`;
    return {
      account_id: { iban, other: null },
      name: "J. de Vries",
      details: name,
      usage: "PRIV",
      cash_account_type: TYPES[type],
      currency,
      psu_status: "Account Holder",
      identification_hash: hash,
      identification_hashes: [hash],
    };
  }
}

function rowOf(
  payment: HouseholdPayment,
  currency: string,
  session: number,
  balance: number | undefined,
): Row {
  const { sequence, amount, date, counterparty, description, type, status } = payment;
  const out = amount < 0;
  const other = { name: counterparty.name };
  const account = counterparty.iban ? { iban: counterparty.iban } : null;
  const secret = createHash("sha256").update(`${session}|${sequence}`).digest("base64url").slice(0, 24);
  return {
    entry_reference:
      status === "booked" ? `${date.replaceAll("-", "")}${String(sequence).padStart(8, "0")}` : null,
    transaction_id: secret,
    transaction_amount: { currency, amount: formatAmount(Math.abs(amount), currency) },
    credit_debit_indicator: out ? "DBIT" : "CRDT",
    status: status === "booked" ? "BOOK" : "PDNG",
    booking_date: status === "booked" ? date : null,
    value_date: status === "booked" ? date : null,
    transaction_date: date,
    creditor: out ? other : null,
    creditor_account: out ? account : null,
    creditor_agent: null,
    debtor: out ? null : other,
    debtor_account: out ? null : account,
    debtor_agent: null,
    remittance_information: description ? [description] : [],
    bank_transaction_code: { description: type, ...(CODES[type] ?? { code: null, sub_code: null }) },
    merchant_category_code: null,
    balance_after_transaction:
      balance === undefined ? null : { currency, amount: formatAmount(balance, currency) },
    exchange_rate: null,
    note: null,
    reference_number: null,
  };
}
