import { randomUUID, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { TallyError, sha256, toTallyError, type Instant } from "../../values";
import type {
  Consent,
  ConsentBegin,
  ConsentComplete,
  ConsentStart,
  ConsentState,
  Institution,
} from "../consent";
import type { Connection } from "./connection";
import { sessionStateOf } from "./errors";
import type { Attempt, Kept, KeptAccount, KeptSession } from "./kept";
import { describeAccount } from "./mapping";
import {
  accountSchema,
  aspspSchema,
  aspspsSchema,
  authSchema,
  newSessionSchema,
  sessionSchema,
  stateOf,
  type AccountResource,
} from "./protocol";

const DAY_S = 86_400;
/** Where a bank does not say how long its consents hold: the 180 days of Delegated Regulation (EU) 2022/2360. */
const USUAL_CONSENT_S = 180 * DAY_S;
/** A little less than the longest, so that clocks that differ do not make it too long. */
const SLACK_S = 300;
/** An attempt that was not completed for so long is given up. */
const ATTEMPT_MS = 86_400_000;

const BEGIN_AGAIN = "Open the bank connection in the editor and begin again.";

export interface ConsentOptions {
  connection: Connection;
  kept: Kept;
  psuType: "personal" | "business";
  now(): Instant;
}

/** Consents through Enable Banking: the banks, the way there and back, and how the sessions stand. */
export class Consents {
  readonly #connection: Connection;
  readonly #kept: Kept;
  readonly #psuType: ConsentOptions["psuType"];
  readonly #now: () => Instant;

  constructor(options: ConsentOptions) {
    this.#connection = options.connection;
    this.#kept = options.kept;
    this.#psuType = options.psuType;
    this.#now = options.now;
  }

  /** Banks of a country, by name. An institution's id is `<country>/<name>`: Enable Banking has no other. */
  async institutions(country: string, signal?: AbortSignal): Promise<Institution[]> {
    return (await this.#aspsps(country, signal)).map(({ institution }) => institution);
  }

  async begin({ institution, redirectUrl, state, signal }: ConsentBegin): Promise<ConsentStart> {
    const country = institution.slice(0, 2);
    const found = (await this.#aspsps(country, signal)).find((one) => one.institution.id === institution);
    if (!found) {
      throw new TallyError(
        "NOT_FOUND",
        `Enable Banking does not know the bank "${institution.slice(0, 80)}" (any more). Choose it from the list anew.`,
      );
    }
    const { name } = found.institution;
    const now = Date.parse(this.#now());
    const answer = await this.#connection.call(
      {
        method: "POST",
        path: "/auth",
        // A second attempt that nobody goes on with costs nothing.
        repeatable: true,
        body: {
          access: { valid_until: new Date(now + (found.seconds - SLACK_S) * 1000).toISOString() },
          aspsp: { name, country: found.institution.country },
          state,
          redirect_url: redirectUrl,
          psu_type: this.#psuType,
        },
        ...(signal ? { signal } : {}),
      },
      authSchema,
      "the start of a consent",
      { bank: name },
    );
    if (!URL.canParse(answer.url) || !/^https?:$/.test(new URL(answer.url).protocol)) {
      throw new TallyError(
        "PROVIDER_MALFORMED",
        "Enable Banking sent a page to go on with that is no web address.",
        {
          retryable: true,
        },
      );
    }
    const reference = answer.authorization_id?.trim() || randomUUID();
    const attempt: Attempt = {
      reference,
      institution,
      institutionName: name,
      state: sha256(state),
      createdAt: this.#now(),
    };
    await this.#kept.put("attempt", reference, attempt);
    return { url: answer.url, reference };
  }

  /** Coming back twice (a page that is loaded again) answers the same consent. */
  async complete({ reference, query, signal }: ConsentComplete): Promise<Consent> {
    const attempt = await this.#kept.get("attempt", reference);
    if (!attempt) {
      throw new TallyError(
        "NOT_FOUND",
        `There is no such attempt to give a consent (any more). ${BEGIN_AGAIN}`,
      );
    }
    const given = Buffer.from(sha256(query["state"] ?? ""), "hex");
    if (!timingSafeEqual(given, Buffer.from(attempt.state, "hex"))) {
      throw new TallyError(
        "AUTH_FAILED",
        `Whoever came back from ${attempt.institutionName} was not sent there from here; nothing was taken over. ${BEGIN_AGAIN}`,
      );
    }
    if (attempt.session) {
      const done = await this.#kept.get("session", attempt.session);
      if (done) return consentOf(done, await this.#accounts());
    }
    const code = query["code"]?.trim();
    if (!code) {
      await this.#kept.put("attempt", reference, { ...attempt, refused: true });
      throw new TallyError("AUTH_FAILED", refusal(attempt.institutionName, query));
    }
    const answer = await this.#connection.call(
      { method: "POST", path: "/sessions", body: { code }, ...(signal ? { signal } : {}) },
      newSessionSchema,
      "a session",
      { bank: attempt.institutionName },
    );
    const resources = readable(answer.accounts);
    const accounts = await this.#kept.putAccounts(
      answer.session_id,
      { name: attempt.institutionName },
      resources,
      describeAccount,
    );
    const validUntil = instantOf(answer.access?.valid_until);
    const session: KeptSession = {
      id: answer.session_id,
      institution: attempt.institution,
      institutionName: attempt.institutionName,
      state: "valid",
      createdAt: this.#now(),
      ...(validUntil ? { validUntil } : {}),
      accounts: accounts.map(({ own }) => own),
    };
    await this.#kept.put("session", session.id, session);
    await this.#kept.put("attempt", reference, { ...attempt, session: session.id });
    return consentOf(session, new Map(accounts.map((account) => [account.own, account])));
  }

  async consents(signal?: AbortSignal): Promise<Consent[]> {
    const sessions = await this.#kept.all("session");
    const accounts = await this.#accounts();
    const found: Consent[] = [];
    for (const session of sessions) {
      const now = settled(await this.#refreshed(session, signal), accounts, sessions);
      found.push(consentOf(now, accounts));
    }
    for (const attempt of await this.#kept.all("attempt")) {
      const old = Date.parse(this.#now()) - Date.parse(attempt.createdAt) > ATTEMPT_MS;
      if (attempt.session || old) continue;
      const { reference, institution, institutionName, createdAt } = attempt;
      const state: ConsentState = attempt.refused ? "ended" : "pending";
      found.push({ id: reference, institution, institutionName, state, createdAt, accounts: [] });
    }
    return found.sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  }

  /** Give a consent up: the session is closed, and the bank's consent with it where the bank allows that. */
  async end(consentId: string, signal?: AbortSignal): Promise<void> {
    const session = await this.#kept.get("session", consentId);
    if (!session) throw new TallyError("NOT_FOUND", "There is no such consent (any more).");
    try {
      await this.#connection.call(
        {
          method: "DELETE",
          path: `/sessions/${encodeURIComponent(session.id)}`,
          repeatable: true,
          ...(signal ? { signal } : {}),
        },
        z.unknown(),
        "an end of a session",
        { bank: session.institutionName },
      );
    } catch (thrown) {
      const error = toTallyError(thrown);
      // What is over already needs no end.
      if (error.code !== "AUTH_EXPIRED" && error.code !== "NOT_FOUND") throw error;
    }
    await this.#kept.put("session", session.id, { ...session, state: "ended" });
  }

  async #accounts(): Promise<Map<string, KeptAccount>> {
    return new Map((await this.#kept.all("account")).map((account) => [account.own, account]));
  }

  /** The session as Enable Banking sees it now; one that is over stays over and is not asked for. */
  async #refreshed(session: KeptSession, signal: AbortSignal | undefined): Promise<KeptSession> {
    if (session.state === "ended" || session.state === "expired") return session;
    let state: ConsentState = session.state;
    let validUntil = session.validUntil;
    try {
      const answer = await this.#connection.call(
        { method: "GET", path: `/sessions/${encodeURIComponent(session.id)}`, ...(signal ? { signal } : {}) },
        sessionSchema,
        "a session",
        { bank: session.institutionName },
      );
      state = stateOf(answer.status) ?? state;
      validUntil = instantOf(answer.access?.valid_until) ?? validUntil;
    } catch (thrown) {
      const error = toTallyError(thrown);
      const over = sessionStateOf(error) ?? (error.code === "NOT_FOUND" ? "ended" : undefined);
      if (!over) throw error;
      state = over;
    }
    if (state === "valid" && isOver(validUntil, this.#now())) state = "expired";
    const refreshed: KeptSession = { ...session, state, ...(validUntil ? { validUntil } : {}) };
    await this.#kept.put("session", session.id, refreshed);
    return refreshed;
  }

  async #aspsps(
    country: string,
    signal: AbortSignal | undefined,
  ): Promise<{ institution: Institution; seconds: number }[]> {
    const code = country.trim().toUpperCase();
    if (!/^[A-Z]{2}$/.test(code)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${country.slice(0, 20)}" is not a country. Use two letters, such as NL.`,
      );
    }
    const { aspsps } = await this.#connection.call(
      {
        method: "GET",
        path: "/aspsps",
        query: { country: code, service: "AIS", psu_type: this.#psuType },
        ...(signal ? { signal } : {}),
      },
      aspspsSchema,
      "a list of banks",
    );
    const found = aspsps.flatMap((raw) => {
      const parsed = aspspSchema.safeParse(raw);
      // A bank that cannot be read cannot be chosen; the others can.
      if (!parsed.success) return [];
      const { name, country: of, bic, psu_types: types, maximum_consent_validity: longest } = parsed.data;
      if (types && !types.includes(this.#psuType)) return [];
      const institution: Institution = {
        id: `${of}/${name}`,
        name,
        country: of,
        ...(bic ? { bic } : {}),
        ...(longest ? { maxConsentDays: Math.floor(longest / DAY_S) } : {}),
      };
      return [{ institution, seconds: longest ?? USUAL_CONSENT_S }];
    });
    return found.sort((a, b) => a.institution.name.localeCompare(b.institution.name, "en"));
  }
}

/** Is the time of a consent over? */
export function isOver(validUntil: Instant | undefined, now: Instant): boolean {
  return validUntil !== undefined && Date.parse(validUntil) <= Date.parse(now);
}

/** A session that has run out and whose accounts all have a newer one is nobody's concern any more. */
function settled(
  session: KeptSession,
  accounts: ReadonlyMap<string, KeptAccount>,
  sessions: readonly KeptSession[],
): KeptSession {
  if (session.state !== "expired" && session.state !== "valid") return session;
  const valid = new Set(sessions.filter(({ state }) => state === "valid").map(({ id }) => id));
  const replaced =
    session.accounts.length > 0 &&
    session.accounts.every((own) => {
      const newest = accounts.get(own)?.links[0]?.session;
      return newest !== undefined && newest !== session.id && valid.has(newest);
    });
  return replaced ? { ...session, state: "ended" } : session;
}

function consentOf(session: KeptSession, known: ReadonlyMap<string, KeptAccount>): Consent {
  const { id, institution, institutionName, state, createdAt, validUntil, accounts } = session;
  const accountNames = accounts.flatMap((own) => known.get(own)?.name ?? []);
  return {
    ...{ id, institution, institutionName, state, createdAt, accounts },
    ...(validUntil ? { validUntil } : {}),
    ...(accountNames.length > 0 ? { accountNames } : {}),
  };
}

/** Accounts that can be read: those without a uid cannot, says the protocol. */
function readable(accounts: readonly unknown[]): (AccountResource & { uid: string })[] {
  return accounts.flatMap((raw) => {
    const parsed = accountSchema.safeParse(raw);
    const uid = parsed.success ? parsed.data.uid?.trim() : undefined;
    return parsed.success && uid ? [{ ...parsed.data, uid }] : [];
  });
}

function refusal(bank: string, query: Readonly<Record<string, string>>): string {
  const said = (query["error_description"] ?? query["error"] ?? "")
    .replace(/[^\p{L}\p{N} .,'()_-]+/gu, " ")
    .trim();
  const reason = said ? ` (${said.slice(0, 120)})` : "";
  return `The consent was not given at ${bank}${reason}. ${BEGIN_AGAIN}`;
}

function instantOf(text: string | undefined): Instant | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
