import { randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { cursors, type Store } from "../../store";
import { TallyError, sha256, type Instant, type Json } from "../../values";
import type { ConsentProvider } from "./port";

/**
 * The way of a person to the bank and back, which may take longer than this process lives: kept in the store until they
 * are back. Whoever brings the unguessable `state` is the one who was sent; it is good once, for an hour.
 */

const LIFE_MS = 3_600_000;
/** Outcomes are kept so long, for a page that is loaded again and for the editor that waits. */
const OUTCOME_MS = 86_400_000;
/** 256 bits in base64url. */
const STATE = /^[\w-]{43}$/;

const attemptSchema = z.object({
  /** SHA-256 of the state; the state itself is kept nowhere. */
  state: z.string(),
  /** Whose attempt it is: the config node. */
  connection: z.string(),
  reference: z.string(),
  expiresAt: z.string(),
});
/** An attempt that was taken: nobody else can complete it. */
export type ConsentAttempt = z.infer<typeof attemptSchema> & {
  /** Names it; is no secret. */
  id: string;
};

const outcomeSchema = z.object({ ok: z.boolean(), message: z.string() });
/** What became of an attempt, for people. */
export type ConsentOutcome = z.infer<typeof outcomeSchema>;

const ATTEMPT = "consent-attempt:";
const OUTCOME = "consent-outcome:";

export interface AttemptRequest {
  /** Names the config node, so that the way back finds it. */
  connection: string;
  institution: string;
  redirectUrl: string;
  signal?: AbortSignal;
}

/** An attempt that a person may set out on. */
export interface AttemptStart {
  /** Names it for {@link consentOutcome}; is no secret. */
  id: string;
  /** The page to open, with http or https. */
  url: string;
  expiresAt: Instant;
}

/**
 * Begin to get a consent, and remember who will come back.
 * @throws TallyError as `ConsentProvider.begin`, and PROVIDER_MALFORMED for a page that is no web address
 */
export async function beginConsent(
  store: Store,
  provider: ConsentProvider,
  request: AttemptRequest,
  now: Instant,
): Promise<AttemptStart> {
  await forgetOld(store, now);
  const state = randomBytes(32).toString("base64url");
  const { connection, ...begin } = request;
  const { url, reference } = await provider.begin({ ...begin, state });
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TallyError("PROVIDER_MALFORMED", "The bank's page to go on with is no web address.", {
      retryable: true,
    });
  }
  const expiresAt = new Date(Date.parse(now) + LIFE_MS).toISOString();
  const id = idOf(state);
  const value = { state: sha256(state), connection, reference, expiresAt };
  await store.collection(cursors).upsertMany([{ id: ATTEMPT + id, value, at: now }]);
  return { id, url, expiresAt };
}

/**
 * Take the attempt of a state out of the store. Undefined when there is none in this store: never begun, over, or taken
 * already. Of two who come at once, one gets it.
 */
export async function takeAttempt(
  store: Store,
  state: unknown,
  now: Instant,
): Promise<ConsentAttempt | undefined> {
  if (!isState(state)) return undefined;
  const id = idOf(state);
  const found = await store.collection(cursors).get(ATTEMPT + id);
  const attempt = attemptSchema.safeParse(found?.value);
  if (!attempt.success || !sameText(attempt.data.state, sha256(state))) return undefined;
  // The deletion is the taking.
  if ((await store.collection(cursors).deleteMany([ATTEMPT + id])) === 0) return undefined;
  return Date.parse(attempt.data.expiresAt) > Date.parse(now) ? { id, ...attempt.data } : undefined;
}

/** Remember what became of an attempt. */
export async function putOutcome(
  store: Store,
  id: string,
  outcome: ConsentOutcome,
  now: Instant,
): Promise<void> {
  await store
    .collection(cursors)
    .upsertMany([{ id: OUTCOME + id, value: outcome as unknown as Json, at: now }]);
}

/** What became of the attempt of this id; undefined while nobody came back, or once it was long ago. */
export async function consentOutcome(store: Store, id: string): Promise<ConsentOutcome | undefined> {
  const found = await store.collection(cursors).get(OUTCOME + id);
  const parsed = outcomeSchema.safeParse(found?.value);
  return parsed.success ? parsed.data : undefined;
}

/** As {@link consentOutcome}, for whoever has the state. */
export async function outcomeOfState(store: Store, state: unknown): Promise<ConsentOutcome | undefined> {
  return isState(state) ? consentOutcome(store, idOf(state)) : undefined;
}

function isState(state: unknown): state is string {
  return typeof state === "string" && STATE.test(state);
}

/** 128 bits of the hash: enough to name it, and the rest of the hash is compared in constant time. */
function idOf(state: string): string {
  return sha256(state).slice(0, 32);
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function forgetOld(store: Store, now: Instant): Promise<void> {
  const collection = store.collection(cursors);
  const old: string[] = [];
  for (const prefix of [ATTEMPT, OUTCOME]) {
    // `;` follows `:`: everything that begins with the prefix.
    const range = { index: "id", from: prefix, to: `${prefix.slice(0, -1)};` };
    for await (const { id, at } of collection.scan(range))
      if (Date.parse(now) - Date.parse(at) > OUTCOME_MS) old.push(id);
  }
  if (old.length > 0) await collection.deleteMany(old);
}
