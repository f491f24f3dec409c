import { z } from "zod";
import type { BankAccount, Party, Payment } from "../../store";
import {
  TallyError,
  takeTurn,
  turnDue,
  isCurrencyCode,
  isIban,
  localDate,
  makeId,
  normaliseIban,
  ownId,
  parseAmount,
  toTallyError,
  type Instant,
  type Json,
} from "../../values";
import type { RowError } from "../port";
import { reasonOf, type Envelope } from "./protocol";

/** bunq's objects in Tallyflow's terms. bunq leaves out or sends null for whatever it has nothing to say on. */

export const amountSchema = z.object({
  value: z.string(),
  currency: z.string().refine(isCurrencyCode, "is not an ISO 4217 code"),
});

export const labelSchema = z.object({
  iban: z.string().nullish(),
  display_name: z.string().nullish(),
  merchant_category_code: z.string().nullish(),
  swift_bic: z.string().nullish(),
  swift_account_number: z.string().nullish(),
});

const idSchema = z.object({ id: z.number().int().positive() });

const paymentSchema = z.object({
  id: z.number().int().positive(),
  created: z.string(),
  amount: amountSchema,
  description: z.string().nullish(),
  type: z.string().nullish(),
  sub_type: z.string().nullish(),
  counterparty_alias: labelSchema.nullish(),
  merchant_reference: z.string().nullish(),
  balance_after_mutation: amountSchema.nullish(),
});

const accountSchema = z.object({
  id: z.number().int().positive(),
  currency: z.string().refine(isCurrencyCode, "is not an ISO 4217 code"),
  description: z.string().nullish(),
  display_name: z.string().nullish(),
  status: z.string().nullish(),
  balance: amountSchema.nullish(),
  alias: z.array(z.object({ type: z.string(), value: z.string() })).nullish(),
});

/** Kinds of account that have payments at bunq. Linked accounts of other banks and investments have none. */
const ACCOUNT_TYPES: Readonly<Record<string, NonNullable<BankAccount["type"]>>> = {
  MonetaryAccountBank: "current",
  MonetaryAccountJoint: "current",
  MonetaryAccountLight: "current",
  MonetaryAccountSavings: "savings",
  MonetaryAccountCard: "credit",
};

const PAYMENT_TYPES: Readonly<Record<string, string>> = {
  MASTERCARD: "card",
  FIS: "card",
  VISA: "card",
  EBA_SDD: "direct-debit",
  EBA_SCT: "transfer",
  BUNQ: "transfer",
};

/** What a sub-type adds to the type. The others are what the type says already, in other letters. */
const SUB_TYPES: Readonly<Record<string, string>> = {
  PAYMENT: "",
  SCT: "",
  SDD: "",
};

/** What mapping needs to know of the connection. */
export interface MappingContext {
  source: string;
  timeZone: string;
  now(): Instant;
}

/**
 * An account out of bunq's wrapping `{"MonetaryAccountBank": {...}}`; undefined for kinds without payments.
 * @throws TallyError PROVIDER_MALFORMED
 */
export function accountOf(
  wrapped: Record<string, unknown>,
  context: MappingContext,
): BankAccount | undefined {
  const kind = Object.keys(wrapped).find((name) => name in ACCOUNT_TYPES && wrapped[name]);
  if (!kind) return undefined;
  const parsed = accountSchema.safeParse(wrapped[kind]);
  if (!parsed.success) {
    throw new TallyError(
      "PROVIDER_MALFORMED",
      `bunq sent an account that cannot be read: ${reasonOf(parsed.error)}.`,
      {
        retryable: true,
      },
    );
  }
  const account = parsed.data;
  const iban = account.alias?.find(({ type, value }) => type === "IBAN" && isIban(value))?.value;
  return {
    id: makeId(context.source, account.id),
    source: context.source,
    ...(iban ? { iban: normaliseIban(iban) } : {}),
    name: account.description || account.display_name || "bunq account",
    currency: account.currency,
    timeZone: context.timeZone,
    type: ACCOUNT_TYPES[kind]!,
    closed: account.status !== undefined && account.status !== null && account.status !== "ACTIVE",
    ...(account.balance
      ? {
          balance: {
            amount: parseAmount(account.balance.value, account.balance.currency, "."),
            at: context.now(),
          },
        }
      : {}),
  };
}

export interface MappedPage {
  payments: Payment[];
  errors: RowError[];
  /** Ids and instants of all rows, those that could not be read included where they have an id. */
  rows: { id: number; created: number | undefined; payment?: Payment }[];
}

/** What a card action says of the payment it led to. */
export interface CardDetails {
  /** In the currency of the merchant, not negative. */
  original?: { amount: number; currency: string };
  city?: string;
  category?: string;
}

/**
 * A page of payments. A row that cannot be read becomes an error with its id, and the others go on.
 * @param details what is known from elsewhere of card payments, by bunq's id of the payment
 */
export async function paymentsOf(
  envelope: Envelope,
  account: BankAccount,
  context: MappingContext,
  details?: ReadonlyMap<number, CardDetails>,
): Promise<MappedPage> {
  const page: MappedPage = { payments: [], errors: [], rows: [] };
  for (const wrapped of envelope.Response) {
    if (turnDue()) await takeTurn();
    const raw = wrapped["Payment"];
    const id = idSchema.safeParse(raw);
    try {
      const known = id.success ? details?.get(id.data.id) : undefined;
      const payment = paymentOf(raw, account, context, known);
      page.payments.push(payment);
      page.rows.push({ id: Number(ownId(payment.id)), created: Date.parse(payment.instant!), payment });
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "INTERNAL") throw error;
      const named = id.success ? `Payment ${id.data.id}` : "A payment without an id";
      page.errors.push({ reason: `${named} of ${account.name} cannot be read: ${error.message}` });
      if (id.success) page.rows.push({ id: id.data.id, created: undefined });
    }
  }
  return page;
}

function paymentOf(
  raw: unknown,
  account: BankAccount,
  context: MappingContext,
  details: CardDetails = {},
): Payment {
  const parsed = paymentSchema.safeParse(raw);
  if (!parsed.success) throw new TallyError("PROVIDER_MALFORMED", `${reasonOf(parsed.error)}.`);
  const { id, amount, counterparty_alias: other, balance_after_mutation: balance, ...rest } = parsed.data;
  const instant = instantOf(rest.created);
  const type = typeOf(rest.type, rest.sub_type);
  const counterparty = other ? partyOf(other) : undefined;
  const money = parseAmount(amount.value, amount.currency, ".");
  const merchant = merchantOf(details.city, details.category ?? other?.merchant_category_code);
  const { original } = details;
  return {
    id: makeId(context.source, id),
    source: context.source,
    accountId: account.id,
    status: "booked",
    date: localDate(instant, account.timeZone),
    instant,
    amount: money,
    currency: amount.currency,
    ...(original
      ? { original: { ...original, amount: money < 0 ? -original.amount : original.amount } }
      : {}),
    ...(counterparty ? { counterparty } : {}),
    ...(merchant ? { merchant } : {}),
    description: rest.description ?? "",
    ...(type ? { type } : {}),
    ...(rest.merchant_reference ? { reference: rest.merchant_reference } : {}),
    ...(balance ? { balanceAfter: parseAmount(balance.value, balance.currency, ".") } : {}),
    raw: raw as Json,
    fetchedAt: context.now(),
  };
}

/** Is this a payment with a card? */
export function isCardRow(wrapped: Record<string, unknown>): boolean {
  const row = wrapped["Payment"] as { type?: unknown } | null | undefined;
  return typeof row?.type === "string" && PAYMENT_TYPES[row.type] === "card";
}

/** bunq's `YYYY-MM-DD HH:MM:SS.ffffff`, which is UTC without saying so, as ISO 8601 with milliseconds. */
export function instantOf(text: string): Instant {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?$/.exec(text);
  const instant = match ? `${match[1]}T${match[2]}.${(match[3] ?? "").padEnd(3, "0").slice(0, 3)}Z` : "";
  if (Number.isNaN(Date.parse(instant))) {
    throw new TallyError("DATE_INVALID", `"${text.slice(0, 40)}" is not a timestamp of bunq.`);
  }
  return instant;
}

function typeOf(type: string | null | undefined, subType: string | null | undefined): string | undefined {
  if (subType === "WITHDRAWAL") return "cash";
  if (!type) return undefined;
  const kind = PAYMENT_TYPES[type] ?? type.toLowerCase();
  const more = subType ? (SUB_TYPES[subType] ?? subType.toLowerCase().replace(/_/g, "-")) : "";
  return more && more !== kind ? `${kind}-${more}` : kind;
}

/** The merchant of a card payment, where anything is known of it. */
export function merchantOf(
  city: string | null | undefined,
  category: string | null | undefined,
): Payment["merchant"] {
  const code = category && /^\d{4}$/.test(category) ? category : undefined;
  return city || code ? { ...(code ? { category: code } : {}), ...(city ? { city } : {}) } : undefined;
}

export function partyOf(label: z.infer<typeof labelSchema>): Party | undefined {
  const number = label.iban ?? label.swift_account_number ?? "";
  const party: Party = {
    ...(label.display_name ? { name: label.display_name } : {}),
    ...(isIban(number) ? { iban: normaliseIban(number) } : number ? { account: number } : {}),
    ...(label.swift_bic ? { bic: label.swift_bic } : {}),
  };
  return Object.keys(party).length > 0 ? party : undefined;
}
