import type { BankAccount, Party, Payment } from "../../store";
import {
  TallyError,
  daysBetween,
  isCalendarDate,
  isIban,
  localDate,
  normaliseIban,
  toTallyError,
  type CalendarDate,
  type Instant,
  type Json,
} from "../../values";
import { amountOf, currencyOf, quoted, recordOf, rowOf, said } from "../aggregate";
import type { RowError } from "../port";

/**
 * GoCardless' transactions in Tallyflow's terms. Their form is that of the Berlin Group (NextGenPSD2), filled by each
 * bank as it sees fit: nearly everything may be absent, blank, or elsewhere. Source: GoCardless Bank Account Data,
 * "Transactions" and its OpenAPI description.
 */

type Row = Record<string, unknown>;

/** A payment that has no id yet: ids need all rows of a day. */
export interface MappedRow {
  payment: Omit<Payment, "id">;
  /** GoCardless' own id of the row. */
  ownId: string | undefined;
  /** Pending without a date: it is of today, every day anew. */
  undated: boolean;
}

export interface MappedRows {
  rows: MappedRow[];
  errors: RowError[];
}

export interface MappingContext {
  source: string;
  /** Now, in milliseconds since the epoch. */
  now(): number;
}

/** Later than this many days from now no payment is booked. */
const MAX_AHEAD_DAYS = 400;
const EARLIEST = "1970-01-01";

/** Rows of one list. A row that cannot be read becomes an error, and the others go on. */
export function paymentsOf(
  list: unknown,
  status: Payment["status"],
  account: BankAccount,
  context: MappingContext,
): MappedRows {
  const mapped: MappedRows = { rows: [], errors: [] };
  if (list === undefined || list === null) return mapped;
  if (!Array.isArray(list)) {
    throw new TallyError(
      "PROVIDER_MALFORMED",
      `GoCardless sent ${status} payments of ${account.name} that are no list.`,
      { retryable: true },
    );
  }
  for (const [index, raw] of (list as unknown[]).entries()) {
    try {
      const row = rowOf(raw);
      const { payment, undated } = paymentOf(row, status, account, context);
      mapped.rows.push({ payment, undated, ownId: said(row["internalTransactionId"]) });
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "INTERNAL") throw error;
      const where = `Row ${index + 1} of the ${status} payments of ${account.name}${nameOfRow(raw)}`;
      mapped.errors.push({ reason: `${where} cannot be read: ${error.message}`, code: error.code });
    }
  }
  return mapped;
}

/** What helps to find a bad row at the bank. */
function nameOfRow(raw: unknown): string {
  const row = recordOf(raw);
  const parts = [quoted(row?.["bookingDate"] ?? row?.["valueDate"], 20), quoted(row?.["transactionId"], 40)];
  const name = parts.filter(Boolean).join(", ");
  return name ? ` (${name})` : "";
}

function paymentOf(
  row: Row,
  status: Payment["status"],
  account: BankAccount,
  context: MappingContext,
): { payment: Omit<Payment, "id">; undated: boolean } {
  const money = recordOf(row["transactionAmount"]);
  if (!money) throw new TallyError("MONEY_INVALID", "It has no amount.");
  const currency = currencyOf(money["currency"]);
  const amount = amountOf(money["amount"], currency);
  const now = context.now();
  const { date, instant, undated } = momentOf(row, status, account.timeZone, now);
  const valueDate = plainDate(row["valueDate"]) ?? momentDate(row["valueDateTime"], account.timeZone);
  const original = originalOf(row["currencyExchange"], amount, currency);
  const counterparty = counterpartyOf(row, amount, account.iban);
  const type = typeOf(row);
  const { text, reference: structured } = remittanceOf(row);
  const reference = structured ?? endToEnd(row["endToEndId"]);
  const [mandateId, creditorId] = [said(row["mandateId"]), said(row["creditorId"])];
  const balanceAfter = balanceOf(row["balanceAfterTransaction"], currency);
  const payment: Omit<Payment, "id"> = {
    source: context.source,
    accountId: account.id,
    status,
    date,
    ...(valueDate ? { valueDate } : {}),
    ...(instant ? { instant } : {}),
    amount,
    currency,
    ...(original ? { original } : {}),
    ...(counterparty ? { counterparty } : {}),
    description: text,
    ...(type ? { type } : {}),
    ...(reference ? { reference } : {}),
    ...(mandateId ? { mandateId } : {}),
    ...(creditorId ? { creditorId } : {}),
    ...(balanceAfter === undefined ? {} : { balanceAfter }),
    raw: row as Json,
    fetchedAt: new Date(now).toISOString(),
  };
  return { payment, undated };
}

/**
 * The booking date, else the day of the booking's moment, else the value date. A pending row without any of them is
 * of today.
 */
function momentOf(
  row: Row,
  status: Payment["status"],
  timeZone: string,
  now: number,
): { date: CalendarDate; instant?: Instant; undated: boolean } {
  const moment = said(row["bookingDateTime"]);
  const zoned = moment !== undefined && isZoned(moment) ? new Date(moment).toISOString() : undefined;
  // Midnight stands for a bank that knows the day only.
  const instant = zoned && !/T00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)$/.test(moment!) ? { instant: zoned } : {};
  const booking = row["bookingDate"];
  if (said(booking) !== undefined && plainDate(booking) === undefined) {
    throw new TallyError("DATE_INVALID", `"${quoted(booking, 40)}" is not a date.`);
  }
  const today = localDate(now, timeZone);
  const named =
    plainDate(booking) ??
    momentDate(moment, timeZone) ??
    plainDate(row["valueDate"]) ??
    momentDate(row["valueDateTime"], timeZone);
  const date = named ?? (status === "pending" ? today : undefined);
  if (date === undefined) throw new TallyError("DATE_INVALID", "It has no date that can be read.");
  if (date < EARLIEST || daysBetween(today, date) > MAX_AHEAD_DAYS) {
    throw new TallyError("DATE_INVALID", `${date} cannot be the date of a payment.`);
  }
  return { date, ...instant, undated: named === undefined };
}

function plainDate(value: unknown): CalendarDate | undefined {
  const text = said(value);
  return text !== undefined && isCalendarDate(text) ? text : undefined;
}

/** The day of a moment; of one without a zone, the day it names. */
function momentDate(value: unknown, timeZone: string): CalendarDate | undefined {
  const text = said(value);
  if (text === undefined) return undefined;
  return isZoned(text) ? localDate(text, timeZone) : plainDate(text.slice(0, 10));
}

/** Is it ISO 8601 with a zone? Without one, JavaScript would read it in the zone of this computer. */
function isZoned(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text) &&
    isCalendarDate(text.slice(0, 10)) &&
    !Number.isNaN(Date.parse(text))
  );
}

/** The other party: the creditor of what leaves the account, the debtor of what comes in. */
function counterpartyOf(row: Row, amount: number, own: string | undefined): Party | undefined {
  const expected = amount > 0 ? "debtor" : "creditor";
  const opposite = amount > 0 ? "creditor" : "debtor";
  const isOwn = (side: string) => {
    const iban = accountOf(row[`${side}Account`]).iban;
    return iban !== undefined && iban === own;
  };
  const first = partyOf(row, expected);
  const second = partyOf(row, opposite);
  // Some banks name the own account on either side, or the other party on the wrong one.
  if (first && !isOwn(expected)) return first;
  const numbered = second?.iban !== undefined || second?.account !== undefined;
  if (second && !isOwn(opposite) && (first || numbered)) return second;
  return first?.name === undefined ? undefined : { name: first.name };
}

function partyOf(row: Row, side: "creditor" | "debtor"): Party | undefined {
  const ultimate = side === "creditor" ? row["ultimateCreditor"] : row["ultimateDebtor"];
  // The ultimate party only lends its name when the direct one has none: the account is the direct one's.
  const name = said(row[`${side}Name`]) ?? said(ultimate) ?? said(recordOf(ultimate)?.["name"]);
  const bic = said(row[`${side}Agent`]);
  const party: Party = {
    ...(name ? { name } : {}),
    ...accountOf(row[`${side}Account`]),
    ...(bic ? { bic } : {}),
  };
  return party.name === undefined && party.iban === undefined && party.account === undefined
    ? undefined
    : party;
}

function accountOf(value: unknown): { iban?: string; account?: string } {
  const account = recordOf(value);
  const iban = said(account?.["iban"]);
  if (iban && isIban(iban)) return { iban: normaliseIban(iban) };
  const other = said(account?.["bban"]) ?? iban ?? said(account?.["maskedPan"]) ?? said(account?.["msisdn"]);
  return other ? { account: other } : {};
}

/** Remittance information in whichever of its forms the bank fills: free text first, then the structured one. */
function remittanceOf(row: Row): { text: string; reference?: string } {
  const plain = said(row["remittanceInformationUnstructured"]);
  const lines = textsOf(row["remittanceInformationUnstructuredArray"]).join(" ");
  const structured = [
    ...textsOf(row["remittanceInformationStructured"]),
    ...textsOf(row["remittanceInformationStructuredArray"]),
  ];
  const free = lines.length > (plain?.length ?? 0) ? lines : plain;
  const text =
    (free ?? "") || [...new Set(structured)].join(" ") || (said(row["additionalInformation"]) ?? "");
  const [reference] = structured;
  return { text, ...(reference ? { reference } : {}) };
}

/** The texts of one or many: a text, an object with a reference, or a list of such. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  const text = said(value) ?? said(recordOf(value)?.["reference"]);
  return text === undefined ? [] : [text];
}

function endToEnd(value: unknown): string | undefined {
  const text = said(value);
  return text === undefined || /^not ?provided$/i.test(text) ? undefined : text;
}

/**
 * What was paid in a foreign currency, where the bank says the amount: one that is only a rate away is not made up.
 * Its sign is that of the payment.
 */
function originalOf(value: unknown, amount: number, currency: string): Payment["original"] | undefined {
  for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const instructed = recordOf(recordOf(one)?.["instructedAmount"]);
    if (!instructed) continue;
    try {
      const foreign = currencyOf(instructed["currency"]);
      const paid = Math.abs(amountOf(instructed["amount"], foreign));
      if (foreign !== currency) return { amount: amount < 0 ? -paid : paid, currency: foreign };
    } catch (thrown) {
      // The payment itself is sound; the raw row keeps what the bank said beside it.
      if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
    }
  }
  return undefined;
}

function balanceOf(value: unknown, currency: string): number | undefined {
  const whole = recordOf(Array.isArray(value) ? (value as unknown[])[0] : value);
  const money = recordOf(whole?.["balanceAmount"]) ?? whole;
  if (!money || money["currency"] !== currency) return undefined;
  try {
    return amountOf(money["amount"], currency);
  } catch (thrown) {
    if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
    return undefined;
  }
}

/** Families and sub-families of ISO 20022's bank transaction codes: `PMNT-RDDT-ESDD`. */
const KINDS: Readonly<Record<string, string>> = {
  STDO: "standing order",
  SALA: "salary",
  CWDL: "cash withdrawal",
  CDPT: "cash deposit",
  CHRG: "charge",
  INTR: "interest",
  CCRD: "card",
  MCRD: "card",
  RDDT: "direct debit",
  IDDT: "direct debit",
  RCDT: "transfer",
  ICDT: "transfer",
  RRCT: "transfer",
  IRCT: "transfer",
};

function typeOf(row: Row): string | undefined {
  const parts = said(row["bankTransactionCode"])?.toUpperCase().split("-").reverse() ?? [];
  const known = parts.find((part) => part in KINDS);
  if (known) return KINDS[known];
  return said(row["proprietaryBankTransactionCode"])?.toLowerCase();
}
