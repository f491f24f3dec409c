import { z } from "zod";
import type { StepContext } from "../../runs";
import { cursors, type Store } from "../../store";
import { toTallyError, type Instant, type Json } from "../../values";
import { CONSENT_DAYS, consentEvents, type ConsentEvent } from "./countdown";
import type { Consent, ConsentProvider } from "./port";

/** How long what a provider said of its consents holds: they end by themselves, which needs no asking. */
const FRESH_MS = 6 * 3_600_000;
const DAY_MS = 86_400_000;

/** A consent as it is kept in the store. */
export const keptConsentSchema = z.object({
  id: z.string(),
  institution: z.string(),
  institutionName: z.string(),
  state: z.enum(["pending", "valid", "expired", "ended"]),
  createdAt: z.string(),
  validUntil: z.string().optional(),
  /** The provider's own ids of the accounts. */
  accounts: z.array(z.string()),
});

const keptSchema = z.object({
  checkedAt: z.string(),
  consents: z.array(keptConsentSchema),
  /** Keys of the events that were told. */
  told: z.array(z.string()),
});
type Kept = z.infer<typeof keptSchema>;

/** A consent that ends soon, or is over. */
export interface ConsentEnd {
  consentId: string;
  institutionName: string;
  validUntil: Instant;
  /** Days left, rounded up; 0 when it is over. */
  days: number;
  /** The mark (14, 7, 1, 0) that this run was the first to see passed; absent when it was told before. */
  due?: ConsentEvent["days"];
  /** With `due`, for people: what ends when, and what to do. */
  message?: string;
}

/**
 * Tell of consents that come to their end, as `bank.consent` events: each mark once, over restarts too (twice only when
 * the process ends between the event and its note). Consents are asked for every six hours; what goes wrong with that
 * is logged and holds up nothing, since the payments will say it.
 * @returns those that end within 14 days, the soonest first
 */
export async function watchConsents(
  context: StepContext,
  source: string,
  provider: ConsentProvider,
): Promise<ConsentEnd[]> {
  const { store } = context;
  const now = context.now();
  const before = await read(store, source);
  const kept = await refreshed(context, before, provider, now);
  const consents: Consent[] = kept.consents.map(({ validUntil, ...consent }) => ({
    ...consent,
    ...(validUntil === undefined ? {} : { validUntil }),
  }));
  const events = consentEvents(consents, now, new Set(kept.told));
  for (const event of events) await context.emit("bank.consent", source, { ...event });
  const told = [...kept.told, ...events.map(({ key }) => key)].filter((key) =>
    consents.some(({ id }) => key.startsWith(`${id}@`)),
  );
  if (kept !== before || events.length > 0) await write(store, source, { ...kept, told }, now);
  return endsOf(consents, now, events);
}

/** A consent was given, renewed or taken back: the next run asks anew. */
export async function consentsChanged(store: Store, source: string, now: Instant): Promise<void> {
  const kept = await read(store, source);
  if (kept) await write(store, source, { ...kept, checkedAt: new Date(0).toISOString() }, now);
}

function endsOf(consents: readonly Consent[], now: Instant, events: readonly ConsentEvent[]): ConsentEnd[] {
  return consents
    .flatMap(({ id, institutionName, state, validUntil }) => {
      if (validUntil === undefined || (state !== "valid" && state !== "expired")) return [];
      const days = daysLeft(validUntil, now);
      if (days > CONSENT_DAYS[0]) return [];
      const event = events.find(({ consentId }) => consentId === id);
      const told = event && { due: event.days, message: event.message };
      return [{ consentId: id, institutionName, validUntil, days, ...told }];
    })
    .sort((a, b) => Date.parse(a.validUntil) - Date.parse(b.validUntil));
}

/** Days until an instant, rounded up; 0 when it is over. */
export function daysLeft(until: Instant, now: Instant): number {
  return Math.max(0, Math.ceil((Date.parse(until) - Date.parse(now)) / DAY_MS));
}

async function refreshed(
  context: StepContext,
  before: Kept | undefined,
  provider: ConsentProvider,
  now: Instant,
): Promise<Kept> {
  if (before && Date.parse(now) - Date.parse(before.checkedAt) < FRESH_MS) return before;
  try {
    const consents = await provider.consents(context.signal);
    return {
      checkedAt: now,
      told: before?.told ?? [],
      consents: consents.map(
        ({ id, institution, institutionName, state, createdAt, validUntil, accounts }) => ({
          ...{ id, institution, institutionName, state, createdAt, accounts },
          ...(validUntil === undefined ? {} : { validUntil }),
        }),
      ),
    };
  } catch (thrown) {
    const error = toTallyError(thrown);
    if (["CANCELLED", "STORE_UNAVAILABLE", "INTERNAL"].includes(error.code)) throw error;
    context.log("warn", `How the consents stand could not be asked: ${error.message}`);
    return before ?? { checkedAt: new Date(0).toISOString(), consents: [], told: [] };
  }
}

const keptId = (source: string) => `consents:${source}`;

async function read(store: Store, source: string): Promise<Kept | undefined> {
  const found = await store.collection(cursors).get(keptId(source));
  const parsed = keptSchema.safeParse(found?.value);
  return parsed.success ? parsed.data : undefined;
}

async function write(store: Store, source: string, kept: Kept, at: Instant): Promise<void> {
  const value = JSON.parse(JSON.stringify(kept)) as Json;
  await store.collection(cursors).upsertMany([{ id: keptId(source), value, at }]);
}
