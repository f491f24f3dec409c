import { z } from "zod";
import { TallyError, isCurrencyCode, parseAmount } from "../../values";
import type { ConsentState } from "../consent";

/** Enable Banking's answers. Source: enablebanking.com/docs/api/reference and its OpenAPI description. */

/** Base URL of the API, for sandbox and production alike: the application decides. */
export const ENABLE_BANKING_URL = "https://api.enablebanking.com";

/** What is good to have: a value of another type is as if it was not there. */
const text = z.string().nullish().catch(undefined);

const amountSchema = z.object({ amount: z.string(), currency: z.string() });
/** An amount that is good to have. */
const amount = amountSchema.nullish().catch(undefined);

export const aspspsSchema = z.object({ aspsps: z.array(z.unknown()) });
export const aspspSchema = z.object({
  name: z.string().min(1),
  country: z.string().min(1),
  bic: text,
  psu_types: z.array(z.string()).nullish().catch(undefined),
  /** Seconds. */
  maximum_consent_validity: z.number().positive().nullish().catch(undefined),
});

export const authSchema = z.object({ url: z.string().min(1), authorization_id: text });

const aspspNameSchema = z.object({ name: z.string(), country: z.string() }).nullish().catch(undefined);
const accessSchema = z.object({ valid_until: z.string() }).nullish().catch(undefined);

/** Answer to `POST /sessions`. */
export const newSessionSchema = z.object({
  session_id: z.string().min(1),
  accounts: z.array(z.unknown()),
  aspsp: aspspNameSchema,
  access: accessSchema,
});

/** Answer to `GET /sessions/{id}`. */
export const sessionSchema = z.object({ status: z.string(), access: accessSchema });

const otherId = z.object({ identification: text, scheme_name: text }).nullish().catch(undefined);
const accountNumber = z.object({ iban: text, other: otherId }).nullish().catch(undefined);

export const accountSchema = z.object({
  /** Names the account in this session only; absent where the bank does not let it be read. */
  uid: text,
  identification_hash: text,
  identification_hashes: z.array(z.string()).nullish().catch(undefined),
  account_id: accountNumber,
  name: text,
  details: text,
  product: text,
  currency: text,
  cash_account_type: text,
});
export type AccountResource = z.infer<typeof accountSchema>;

export const balancesSchema = z.object({ balances: z.array(z.unknown()) });
export const balanceSchema = z.object({ balance_type: text, balance_amount: amountSchema });

export const transactionsSchema = z.object({
  transactions: z.array(z.unknown()),
  continuation_key: z.string().nullish(),
});

const party = z.object({ name: text }).nullish().catch(undefined);
const agent = z.object({ bic_fi: text, name: text }).nullish().catch(undefined);

export const transactionSchema = z.object({
  entry_reference: text,
  transaction_id: text,
  status: text,
  credit_debit_indicator: z.string(),
  transaction_amount: amountSchema,
  booking_date: text,
  value_date: text,
  transaction_date: text,
  creditor: party,
  creditor_account: accountNumber,
  creditor_agent: agent,
  debtor: party,
  debtor_account: accountNumber,
  debtor_agent: agent,
  // Some banks' text comes through as one text.
  remittance_information: z
    .union([z.array(text), z.string()])
    .nullish()
    .catch(undefined),
  reference_number: text,
  note: text,
  bank_transaction_code: z
    .object({ code: text, sub_code: text, description: text })
    .nullish()
    .catch(undefined),
  merchant_category_code: text,
  balance_after_transaction: amount,
  exchange_rate: z.object({ instructed_amount: amount }).nullish().catch(undefined),
});
export type Transaction = z.infer<typeof transactionSchema>;

const STATES: Readonly<Record<string, ConsentState>> = {
  PENDING_AUTHORIZATION: "pending",
  RETURNED_FROM_BANK: "pending",
  AUTHORIZED: "valid",
  EXPIRED: "expired",
  CANCELLED: "ended",
  CLOSED: "ended",
  REVOKED: "ended",
  INVALID: "ended",
};

/** Status of a session as the state of a consent; undefined for one that is not documented. */
export function stateOf(status: string): ConsentState | undefined {
  return STATES[status];
}

/** @throws TallyError PROVIDER_MALFORMED naming what Enable Banking was asked for */
export function readAs<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TallyError(
    "PROVIDER_MALFORMED",
    `Enable Banking sent ${what} that cannot be read: ${reasonOf(parsed.error)}.`,
    { retryable: true },
  );
}

/** The first thing wrong, with where it stands; no values, which may be private. */
export function reasonOf(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const where = issue.path.join(".");
  return `${where ? `${where}: ` : ""}${issue.message}`;
}

/**
 * An amount in minor units; the protocol's form is digits with a dot, and a sign where it is negative.
 * @param currency stands in where the bank says `XXX`, no currency
 * @throws TallyError MONEY_INVALID
 */
export function moneyOf(
  value: z.infer<typeof amountSchema>,
  currency?: string,
): { amount: number; currency: string } {
  const found = value.currency === "XXX" && currency ? currency : value.currency;
  if (!isCurrencyCode(found))
    throw new TallyError("MONEY_INVALID", `"${found.slice(0, 40)}" is not an ISO 4217 code.`);
  if (!/^[+-]?\d+(\.\d+)?$/.test(value.amount))
    throw new TallyError("MONEY_INVALID", `"${value.amount.slice(0, 40)}" is not an amount.`);
  return { amount: parseAmount(value.amount, found, "."), currency: found };
}
