import { z } from "zod";
import { addDays, localDate, type Instant } from "../../values";
import type { Consent, ConsentState, Institution } from "../consent";
import { quoted } from "../aggregate";
import { malformed } from "./connection";

/** GoCardless' objects around the payments: institutions, agreements, requisitions, accounts. */

const count = z.union([z.number(), z.string().regex(/^\d{1,5}$/)]).transform(Number);

const institutionSchema = z.object({
  id: z.string().min(1),
  name: z.string().min(1),
  bic: z.string().nullish(),
  countries: z.array(z.string()).nullish(),
  transaction_total_days: count.nullish().catch(undefined),
  max_access_valid_for_days: count.nullish().catch(undefined),
});

const agreementSchema = z.object({
  id: z.string(),
  max_historical_days: z.number().int().positive().nullish().catch(undefined),
  access_valid_for_days: z.number().int().positive().nullish().catch(undefined),
  accepted: z.string().nullish(),
});
export type Agreement = z.infer<typeof agreementSchema>;

const requisitionSchema = z.object({
  id: z.string().min(1),
  created: z.string().nullish(),
  status: z.string().nullish(),
  institution_id: z.string(),
  agreement: z.string().nullish(),
  reference: z.string().nullish(),
  accounts: z.array(z.string().min(1)).nullish(),
  link: z.string().nullish(),
});
export type Requisition = z.infer<typeof requisitionSchema>;

const accountSchema = z.object({
  id: z.string(),
  iban: z.string().nullish(),
  status: z.string().nullish(),
  institution_id: z.string().nullish(),
  owner_name: z.string().nullish(),
});
export type AccountMetadata = z.infer<typeof accountSchema>;

/** @throws TallyError PROVIDER_MALFORMED naming what was asked for */
function read<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw malformed(what);
  return parsed.data;
}

export const readAgreement = (value: unknown) => read(agreementSchema, value, "an agreement");
export const readRequisition = (value: unknown) => read(requisitionSchema, value, "a requisition");
export const readMetadata = (value: unknown) => read(accountSchema, value, "an account");

/** Institutions by name; one that cannot be read is left out and the others stay. */
export function readInstitutions(value: unknown, country: string): Institution[] {
  if (!Array.isArray(value)) throw malformed("a list of banks");
  return (value as unknown[])
    .map((each) => institutionSchema.safeParse(each))
    .flatMap(({ data }) => (data ? [institutionOf(data, country)] : []))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export function readInstitution(value: unknown): Institution {
  const one = read(institutionSchema, value, "a bank");
  return institutionOf(one, one.countries?.[0] ?? "");
}

function institutionOf(one: z.infer<typeof institutionSchema>, country: string): Institution {
  const { transaction_total_days: history, max_access_valid_for_days: consent } = one;
  return {
    id: one.id,
    name: quoted(one.name, 100),
    country,
    ...(one.bic ? { bic: one.bic } : {}),
    ...(consent ? { maxConsentDays: consent } : {}),
    ...(history ? { maxHistoryDays: history } : {}),
  };
}

/**
 * Of a requisition's status. Created, giving consent, undergoing authentication, selecting accounts, granting access:
 * the person is at the bank; linked; expired; rejected and suspended: nothing comes of it any more. Source:
 * GoCardless Bank Account Data, "Statuses".
 */
const STATES: Readonly<Record<string, ConsentState>> = {
  CR: "pending",
  GC: "pending",
  UA: "pending",
  SA: "pending",
  GA: "pending",
  LN: "valid",
  EX: "expired",
  RJ: "ended",
  SU: "ended",
  ER: "ended",
};

/** The requisition as a consent, as it stands now. */
export function consentOf(
  requisition: Requisition,
  agreement: Agreement | undefined,
  institutionName: string,
  now: number,
  timeZone: string,
): Consent {
  const { accepted, access_valid_for_days: days, max_historical_days: history } = agreement ?? {};
  const acceptedAt = instantOf(accepted);
  const validUntil = acceptedAt !== undefined && days ? acceptedAt + days * 86_400_000 : undefined;
  let state = STATES[requisition.status ?? ""] ?? "pending";
  if (state === "valid" && validUntil !== undefined && validUntil <= now) state = "expired";
  return {
    id: requisition.id,
    institution: requisition.institution_id,
    institutionName,
    state,
    createdAt: new Date(instantOf(requisition.created) ?? now).toISOString(),
    ...(validUntil === undefined ? {} : { validUntil: new Date(validUntil).toISOString() }),
    ...(acceptedAt !== undefined && history
      ? { historyFrom: addDays(localDate(acceptedAt, timeZone), -history) }
      : {}),
    accounts: [...(requisition.accounts ?? [])],
  };
}

function instantOf(text: Instant | null | undefined): number | undefined {
  const ms = text ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
