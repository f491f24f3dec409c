import type { BankAccount, Payment } from "../../store";
import {
  TallyError,
  daysBetween,
  localDate,
  makeId,
  sha256,
  toTallyError,
  type Instant,
  type Json,
} from "../../values";
import { amountOf, currencyOf, quoted, recordOf, rowOf, said } from "../aggregate";
import type { RowError } from "../port";
import { identify } from "../statements/ids";
import { isMoment, type WireAccount } from "./wire";

/** SimpleFIN's accounts and transactions in Tallyflow's terms. Source: SimpleFIN protocol, "Account", "Transaction". */

export interface MappingContext {
  source: string;
  timeZone: string;
  /** Now, in milliseconds since the epoch. */
  now: number;
}

const MAX_AHEAD_DAYS = 400;

/**
 * An account.
 * @throws TallyError MONEY_INVALID for a currency of its own (miles, points), which no budget has
 */
export function accountOf(account: WireAccount, context: MappingContext): BankAccount {
  const currency = currencyOf(account.currency);
  return {
    id: makeId(context.source, ownKey(account)),
    source: context.source,
    name: account.name,
    currency,
    timeZone: context.timeZone,
    ...balanceOf(account, currency),
  };
}

/** The account's own part of its id. */
export function ownKey({ key }: WireAccount): string {
  return /^[\w.@-]{1,80}$/.test(key) ? key : sha256(key).slice(0, 32);
}

/** The balance; one that is no amount is left out, since the account's payments are sound without it. */
function balanceOf({ balance, balanceDate }: WireAccount, currency: string): Pick<BankAccount, "balance"> {
  try {
    if (balanceDate === undefined) return {};
    return { balance: { amount: amountOf(balance, currency), at: instantOf(balanceDate) } };
  } catch (thrown) {
    if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
    return {};
  }
}

/** Rows of an account. A row that cannot be read becomes an error, and the others go on. */
export function paymentsOf(
  wire: WireAccount,
  account: BankAccount,
  context: MappingContext,
): { payments: Payment[]; errors: RowError[] } {
  const errors: RowError[] = [];
  const rows: { facts: Omit<Payment, "id">; own: string | undefined }[] = [];
  for (const [index, raw] of wire.transactions.entries()) {
    try {
      const row = rowOf(raw);
      rows.push({ facts: paymentOf(row, account, context), own: said(row["id"]) });
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "INTERNAL") throw error;
      const own = quoted(recordOf(raw)?.["id"], 40);
      const where = `Row ${index + 1} of ${account.name}${own ? ` (${own})` : ""}`;
      errors.push({ reason: `${where} cannot be read: ${error.message}`, code: error.code });
    }
  }
  return { payments: identified(rows, account), errors };
}

/**
 * Ids: SimpleFIN's, which is unique in the account and may not be used again. A row without one, or with one that
 * another row of the answer has, is known by its content and its number among equal rows. A posted row stands before
 * the pending one that it came from.
 */
function identified(
  rows: readonly { facts: Omit<Payment, "id">; own: string | undefined }[],
  account: BankAccount,
): Payment[] {
  const found = new Map<string, Payment>();
  const unnamed: Omit<Payment, "id">[] = [];
  const posted = (status: Payment["status"]) => Number(status === "pending");
  const inOrder = [...rows].sort(
    (a, b) => posted(a.facts.status) - posted(b.facts.status) || a.facts.date.localeCompare(b.facts.date),
  );
  for (const { facts, own } of inOrder) {
    const id = own && makeId(account.source, sha256(`${account.id}\n${own}`).slice(0, 32));
    const before = id && found.get(id);
    if (!id) unnamed.push(facts);
    else if (!before) found.set(id, { id, ...facts });
    else if (facts.status === "booked" && !isSame(before, facts)) unnamed.push(facts);
  }
  for (const { payment, id, occurrence } of identify(account.id, unnamed)) {
    const whole = {
      id: makeId(account.source, id),
      ...payment,
      ...(occurrence === undefined ? {} : { occurrence }),
    };
    found.set(whole.id, whole);
  }
  return [...found.values()];
}

function isSame(a: Omit<Payment, "id">, b: Omit<Payment, "id">): boolean {
  return a.date === b.date && a.amount === b.amount && a.description === b.description;
}

function paymentOf(
  row: Record<string, unknown>,
  account: BankAccount,
  context: MappingContext,
): Omit<Payment, "id"> {
  const amount = amountOf(row["amount"], account.currency);
  const [posted, transacted] = [momentOf(row, "posted"), momentOf(row, "transacted_at")];
  const pending = row["pending"] === true || posted === undefined;
  const today = localDate(context.now, account.timeZone);
  const moment = posted ?? transacted;
  if (moment === undefined && row["pending"] !== true && row["posted"] !== 0) {
    throw new TallyError("DATE_INVALID", "It has no date.");
  }
  const date = moment === undefined ? today : localDate(moment * 1000, account.timeZone);
  if (daysBetween(today, date) > MAX_AHEAD_DAYS) {
    throw new TallyError("DATE_INVALID", `${date} cannot be the date of a payment.`);
  }
  const description = said(row["description"]) ?? "";
  const memo = said(row["memo"]);
  const name = said(row["payee"]);
  return {
    source: context.source,
    accountId: account.id,
    status: pending ? "pending" : "booked",
    date,
    ...(transacted === undefined ? {} : { instant: instantOf(transacted) }),
    amount,
    currency: account.currency,
    ...(name ? { counterparty: { name } } : {}),
    description: memo && !description.includes(memo) ? `${description} ${memo}`.trim() : description,
    raw: row as Json,
    fetchedAt: new Date(context.now).toISOString(),
  };
}

/** Unix seconds; undefined for 0 and what is not there. */
function momentOf(row: Record<string, unknown>, name: string): number | undefined {
  const value = row[name];
  if (value === undefined || value === null || value === 0) return undefined;
  if (isMoment(value)) return value;
  throw new TallyError("DATE_INVALID", `"${quoted(String(value), 40)}" is no moment in Unix seconds.`);
}

function instantOf(seconds: number): Instant {
  return new Date(seconds * 1000).toISOString();
}
