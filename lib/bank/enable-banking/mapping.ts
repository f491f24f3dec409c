import type { BankAccount, Party, Payment } from "../../store";
import {
  TallyError,
  isCalendarDate,
  isCurrencyCode,
  isIban,
  makeId,
  normaliseIban,
  toTallyError,
  type CalendarDate,
  type Instant,
  type Json,
} from "../../values";
import { FAMILIES, SUB_FAMILIES } from "../iso-codes";
import type { RowError } from "../port";
import type { Identifiable, Seen } from "./identity";
import type { KeptAccount } from "./kept";
import {
  balanceSchema,
  moneyOf,
  reasonOf,
  transactionSchema,
  type AccountResource,
  type Transaction,
} from "./protocol";

/** Enable Banking's objects in Tallyflow's terms. */

const ACCOUNT_TYPES: Readonly<Record<string, NonNullable<BankAccount["type"]>>> = {
  CACC: "current",
  CASH: "current",
  SVGS: "savings",
  CARD: "credit",
};

/** What a session says of an account. */
export function describeAccount(
  resource: AccountResource,
): Pick<KeptAccount, "name" | "iban" | "currency" | "type"> {
  const iban = resource.account_id?.iban ?? "";
  const currency = resource.currency?.trim().toUpperCase() ?? "";
  // `name` is the holder's, which does not tell one account from another.
  const names = [
    resource.details,
    resource.product,
    resource.name,
    iban,
    resource.account_id?.other?.identification,
  ];
  return {
    name: names.map((name) => line(name)).find((name) => name !== "") ?? "Account",
    ...(isIban(iban) ? { iban: normaliseIban(iban) } : {}),
    currency: isCurrencyCode(currency) ? currency : "XXX",
    type: ACCOUNT_TYPES[resource.cash_account_type ?? ""] ?? "other",
  };
}

/** Balances by what they say: booked ones first, then those with pending payments in them. */
const BALANCES = ["CLBD", "ITBD", "PRCD", "OPBD", "XPCD", "CLAV", "ITAV"];

/**
 * The booked balance, or the nearest to it that the bank gives. Balances that cannot be read are passed over.
 * @param currency of the account; `XXX` when it is not known yet
 */
export function balanceOf(
  balances: readonly unknown[],
  currency: string,
): { amount: number; currency: string } | undefined {
  let best: { rank: number; money: { amount: number; currency: string } } | undefined;
  for (const raw of balances) {
    const parsed = balanceSchema.safeParse(raw);
    if (!parsed.success) continue;
    const rank = BALANCES.indexOf(parsed.data.balance_type ?? "");
    if (rank < 0 || (best && best.rank <= rank)) continue;
    try {
      const money = moneyOf(parsed.data.balance_amount);
      if (currency === "XXX" || money.currency === currency) best = { rank, money };
    } catch (thrown) {
      if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
    }
  }
  return best?.money;
}

export interface MappedPage {
  payments: Payment[];
  errors: RowError[];
}

/** What mapping needs to know of the connection. */
export interface MappingContext {
  source: string;
  /** Are pending payments wanted? */
  pending: boolean;
  now(): Instant;
}

/**
 * A page of payments. A row that cannot be read becomes an error that names it, and the others go on. What was
 * cancelled or refused, or is only planned, is no payment.
 * @param seen gives the ids, and remembers the rows
 */
export function paymentsOf(
  rows: readonly unknown[],
  account: BankAccount,
  seen: Seen,
  context: MappingContext,
): MappedPage {
  const errors: RowError[] = [];
  const read: { facts: Identifiable; payment: Omit<Payment, "id"> }[] = [];
  for (const raw of rows) {
    try {
      const row = rowOf(raw, account, context);
      if (row) read.push(row);
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "INTERNAL") throw error;
      errors.push({
        reason: `${nameOf(raw)} of ${account.name} cannot be read: ${error.message} The others go on; if it does not go away, report it to the bank.`,
        code: error.code,
      });
    }
  }
  const identities = seen.identify(read.map(({ facts }) => facts));
  const payments = read.map(({ payment }, at): Payment => {
    const { own, occurrence } = identities[at]!;
    return {
      id: makeId(context.source, own),
      ...payment,
      ...(occurrence === undefined ? {} : { occurrence }),
    };
  });
  return { payments, errors };
}

function rowOf(
  raw: unknown,
  account: BankAccount,
  context: MappingContext,
): { facts: Identifiable; payment: Omit<Payment, "id"> } | undefined {
  const parsed = transactionSchema.safeParse(raw);
  if (!parsed.success) throw new TallyError("PROVIDER_MALFORMED", `${reasonOf(parsed.error)}.`);
  const row = parsed.data;
  const status = statusOf(row);
  if (!status || (status === "pending" && !context.pending)) return undefined;
  const { amount, currency } = signedAmount(row, account.currency);
  const booking = dateOf(row.booking_date, "booking_date");
  const valueDate = dateOf(row.value_date, "value_date");
  const date = booking ?? dateOf(row.transaction_date, "transaction_date") ?? valueDate;
  if (!date) throw new TallyError("DATE_INVALID", "it has no date.");
  const counterparty = partyOf(row);
  const description = descriptionOf(row);
  const type = typeOf(row);
  const reference = line(row.reference_number);
  const original = originalOf(row, amount, currency);
  const balanceAfter = balanceAfterOf(row, currency);
  const payment: Omit<Payment, "id"> = {
    source: context.source,
    accountId: account.id,
    status,
    date,
    ...(valueDate ? { valueDate } : {}),
    amount,
    currency,
    ...(original ? { original } : {}),
    ...(counterparty ? { counterparty } : {}),
    description,
    ...(type ? { type } : {}),
    ...(reference ? { reference } : {}),
    ...(balanceAfter === undefined ? {} : { balanceAfter }),
    raw: raw as Json,
    fetchedAt: context.now(),
  };
  const who = counterparty?.iban ?? counterparty?.account ?? counterparty?.name ?? "";
  const facts: Identifiable = {
    status,
    date,
    amount,
    currency,
    content: [description, who, reference],
    ...(row.entry_reference ? { entryReference: row.entry_reference } : {}),
    ...(row.transaction_id ? { transactionId: row.transaction_id } : {}),
  };
  return { facts, payment };
}

/** undefined for what is no payment: cancelled, rejected, scheduled. */
function statusOf(row: Transaction): Payment["status"] | undefined {
  switch (row.status?.trim().toUpperCase() ?? "") {
    case "BOOK":
      return "booked";
    case "PDNG":
    case "HOLD":
      return "pending";
    case "CNCL":
    case "RJCT":
    case "SCHD":
      return undefined;
    // `OTHR`, and what a bank does not say: what has a booking date was booked.
    default:
      return row.booking_date?.trim() ? "booked" : "pending";
  }
}

/** The indicator gives the sign; some banks give debits a minus sign as well. */
function signedAmount(row: Transaction, accountCurrency: string): { amount: number; currency: string } {
  const { amount, currency } = moneyOf(
    row.transaction_amount,
    accountCurrency === "XXX" ? undefined : accountCurrency,
  );
  const indicator = row.credit_debit_indicator.trim().toUpperCase();
  if (indicator === "DBIT") return { amount: amount === 0 ? 0 : -Math.abs(amount), currency };
  if (indicator !== "CRDT")
    throw new TallyError("PROVIDER_MALFORMED", `"${indicator.slice(0, 20)}" is neither credit nor debit.`);
  if (amount < 0)
    throw new TallyError(
      "MONEY_INVALID",
      "it is said to come in, and its amount is negative: which one holds is not clear.",
    );
  return { amount, currency };
}

/** A plain date; the time that some banks add is cut off, for the date is the bank's own. */
function dateOf(text: string | null | undefined, field: string): CalendarDate | undefined {
  const found = text?.trim() ?? "";
  if (found === "") return undefined;
  const date = /^(\d{4}-\d{2}-\d{2})(?:T.*)?$/.exec(found)?.[1];
  if (!date || !isCalendarDate(date))
    throw new TallyError("DATE_INVALID", `"${found.slice(0, 40)}" in ${field} is not a date.`);
  return date;
}

/** The other side: whom it went to for a debit, whom it came from for a credit. */
function partyOf(row: Transaction): Party | undefined {
  const out = row.credit_debit_indicator.trim().toUpperCase() === "DBIT";
  const who = out ? row.creditor : row.debtor;
  const account = out ? row.creditor_account : row.debtor_account;
  const agent = out ? row.creditor_agent : row.debtor_agent;
  const name = line(who?.name);
  const number = line(account?.iban) || line(account?.other?.identification);
  const bic = line(agent?.bic_fi);
  const party: Party = {
    ...(name ? { name } : {}),
    ...(isIban(number) ? { iban: normaliseIban(number) } : number ? { account: number } : {}),
    ...(bic ? { bic } : {}),
  };
  return Object.keys(party).length > 0 ? party : undefined;
}

/** The lines of the payment, else what the bank says of it. */
function descriptionOf(row: Transaction): string {
  const given = row.remittance_information ?? [];
  const lines = (typeof given === "string" ? [given] : given).map(line).filter((text) => text !== "");
  return lines.join(" ") || line(row.note) || line(row.bank_transaction_code?.description);
}

/** From the ISO 20022 codes (alone or joined, `PMNT-CCRD-POSD`), a merchant's category code, else the bank's words. */
function typeOf(row: Transaction): string | undefined {
  const { code, sub_code: sub, description } = row.bank_transaction_code ?? {};
  const parts = `${line(sub)}-${line(code)}`.toUpperCase().split(/[^A-Z]+/);
  const known =
    parts.map((part) => SUB_FAMILIES[part]).find(Boolean) ??
    parts.map((part) => FAMILIES[part]).find(Boolean);
  if (known) return known;
  if (line(row.merchant_category_code)) return "card";
  return (line(description) || line(code)).toLowerCase() || undefined;
}

/** What was paid in a foreign currency. It is good to have: one that cannot be read costs nothing. */
function originalOf(row: Transaction, amount: number, currency: string): Payment["original"] {
  const instructed = row.exchange_rate?.instructed_amount;
  if (!instructed || instructed.currency === currency || instructed.currency === "XXX") return undefined;
  const money = ifMoney(instructed);
  return (
    money && {
      amount: amount < 0 ? -Math.abs(money.amount) : Math.abs(money.amount),
      currency: money.currency,
    }
  );
}

function balanceAfterOf(row: Transaction, currency: string): number | undefined {
  const money = row.balance_after_transaction ? ifMoney(row.balance_after_transaction, currency) : undefined;
  return money?.currency === currency ? money.amount : undefined;
}

function ifMoney(value: { amount: string; currency: string }, currency?: string) {
  try {
    return moneyOf(value, currency);
  } catch (thrown) {
    if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
    return undefined;
  }
}

/** How a row that cannot be read is named. */
function nameOf(raw: unknown): string {
  const reference = (raw as { entry_reference?: unknown } | null | undefined)?.entry_reference;
  return typeof reference === "string" && reference.trim() !== ""
    ? `Payment ${reference.trim().slice(0, 60)}`
    : "A payment without a reference";
}

/** One line: control characters and blanks as one blank, none at the ends. */
function line(text: string | null | undefined): string {
  return (text ?? "").replace(/[\s\u0000-\u001f\u007f\u00a0]+/g, " ").trim();
}
