import { randomUUID, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { HttpClient, type HttpClientOptions } from "../../http";
import { TallyError, sha256, toTallyError, type Instant } from "../../values";
import { isSafeUrl, quoted } from "../aggregate";
import type {
  Consent,
  ConsentBegin,
  ConsentComplete,
  ConsentProvider,
  ConsentStart,
  Institution,
} from "../consent";
import { BUNQ_ADDRESSES, safeAddress, type BunqEnvironment } from "./addresses";
import type { KeyStore } from "./protocol";

/**
 * OAuth 2.0 with bunq: a person allows an OAuth client on bunq's page, and the code they come back with is exchanged
 * for an access token, which is used as an API key from then on. It does not run out by itself; the person takes it
 * back in the bunq app, which the next reading finds out. Source: bunq's OpenAPI description, "OAuth".
 */

export interface BunqOAuthOptions {
  /** Of the OAuth client that was made in the bunq app or on developer.bunq.com. */
  clientId: string;
  clientSecret: string;
  /** `production` when absent. */
  environment?: BunqEnvironment;
  /** Where they are not bunq's own: a simulator's. */
  authorizeUrl?: string;
  tokenUrl?: string;
  /** Keeps the access token and the attempts to get one; encrypted, never the plain store. */
  tokens: KeyStore;
  /** Time-outs, retries, clock. */
  http?: Partial<HttpClientOptions>;
}

export interface BunqOAuth extends ConsentProvider {
  /** @throws TallyError AUTH_FAILED while nobody has allowed the client */
  accessToken(): Promise<string>;
}

const BUNQ: Omit<Institution, "country"> = { id: "bunq", name: "bunq", bic: "BUNQNL2A" };
/** An attempt that took longer than this is over: whoever comes back then begins again. */
const ATTEMPT_MS = 3_600_000;
/** Attempts that are remembered, the newest ones. */
const ATTEMPTS = 10;

const attemptSchema = z.object({
  reference: z.string(),
  /** SHA-256 of the word that must come back with the person. */
  state: z.string(),
  redirectUrl: z.string(),
  createdAt: z.string(),
  refused: z.boolean().optional(),
});
type Attempt = z.infer<typeof attemptSchema>;

const keptSchema = z.object({
  version: z.literal(1),
  clientId: z.string(),
  attempts: z.array(attemptSchema),
  granted: z.object({ reference: z.string(), token: z.string(), createdAt: z.string() }).optional(),
});
type Kept = z.infer<typeof keptSchema>;

const tokenSchema = z.object({
  access_token: z.string().min(1),
  token_type: z.string().regex(/^bearer$/i),
  state: z.string().nullish(),
});
const refusalSchema = z.object({ error: z.string(), error_description: z.string().nullish() });

const AGAIN = "Open the bank connection in the editor and connect bunq again.";

/**
 * The OAuth client of a connection. Nothing is sent before `complete`.
 * @throws TallyError CONFIG_INVALID for an empty client id or secret, or an address without TLS
 */
export function openBunqOAuth(options: BunqOAuthOptions): BunqOAuth {
  const [clientId, clientSecret] = [options.clientId.trim(), options.clientSecret.trim()];
  if (!clientId || !clientSecret) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The client id or the client secret of bunq's OAuth is missing. Make an OAuth client in the bunq app (Settings, Developers, OAuth) and enter both.",
      { details: { fields: ["clientId", "clientSecret"] } },
    );
  }
  const own = BUNQ_ADDRESSES[options.environment ?? "production"];
  return new OAuth({
    clientId,
    clientSecret,
    authorizeUrl: safeAddress(options.authorizeUrl ?? own.authorize, "a page"),
    tokenUrl: safeAddress(options.tokenUrl ?? own.token, "an address"),
    tokens: options.tokens,
    http: options.http ?? {},
  });
}

class OAuth implements BunqOAuth {
  readonly #options: Required<Omit<BunqOAuthOptions, "environment">>;
  readonly #now: () => number;
  /** Changes of what is kept come one after another. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(options: Required<Omit<BunqOAuthOptions, "environment">>) {
    this.#options = options;
    this.#now = options.http.now ?? Date.now;
  }

  async accessToken(): Promise<string> {
    const { granted } = await this.#load();
    if (granted) return granted.token;
    throw new TallyError("AUTH_FAILED", `Nobody has allowed Tallyflow at bunq yet. ${AGAIN}`);
  }

  async institutions(country: string): Promise<Institution[]> {
    if (!/^[A-Za-z]{2}$/.test(country)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${quoted(country, 20)}" is not a country of two letters, like NL.`,
      );
    }
    return Promise.resolve([{ ...BUNQ, country: country.toUpperCase() }]);
  }

  async begin({ redirectUrl, state }: ConsentBegin): Promise<ConsentStart> {
    if (!isSafeUrl(redirectUrl)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `bunq sends nobody back to "${quoted(redirectUrl, 80)}": the page must begin with https://, and be one of the redirect URLs of the OAuth client.`,
      );
    }
    const reference = randomUUID();
    const attempt: Attempt = { reference, state: sha256(state), redirectUrl, createdAt: this.#instant() };
    await this.#change((kept) => ({ ...kept, attempts: [attempt, ...kept.attempts].slice(0, ATTEMPTS) }));
    const url = new URL(this.#options.authorizeUrl);
    url.searchParams.set("response_type", "code");
    url.searchParams.set("client_id", this.#options.clientId);
    url.searchParams.set("redirect_uri", redirectUrl);
    url.searchParams.set("state", state);
    return { url: url.href, reference };
  }

  /** Coming back twice (a page that is loaded again) answers the same consent. */
  async complete({ reference, query, signal }: ConsentComplete): Promise<Consent> {
    const kept = await this.#load();
    const attempt = kept.attempts.find((each) => each.reference === reference);
    const begun = attempt ? Date.parse(attempt.createdAt) : NaN;
    if (!attempt || !(this.#now() - begun < ATTEMPT_MS)) {
      throw new TallyError("NOT_FOUND", `There is no such attempt to connect bunq (any more). ${AGAIN}`);
    }
    if (!isSameState(query["state"], attempt)) {
      throw new TallyError(
        "AUTH_FAILED",
        `Whoever came back from bunq was not sent there from here; nothing was taken over. ${AGAIN}`,
      );
    }
    if (kept.granted?.reference === reference) return consentOf(kept.granted);
    const code = query["code"]?.trim();
    if (!code) {
      const refused = { ...attempt, refused: true };
      await this.#change((now) => ({
        ...now,
        attempts: now.attempts.map((each) => (each.reference === reference ? refused : each)),
      }));
      const why = quoted(query["error_description"] ?? query["error"], 200);
      throw new TallyError("AUTH_FAILED", `bunq was not allowed${why ? ` (${why})` : ""}. ${AGAIN}`);
    }
    const token = await this.#exchange(code, attempt, signal);
    const granted = { reference, token, createdAt: this.#instant() };
    await this.#change((now) => ({ ...now, granted }));
    return consentOf(granted);
  }

  /** bunq does not say which consents there are: these are the attempts of here and what came of them. */
  async consents(): Promise<Consent[]> {
    const { attempts, granted } = await this.#load();
    const others = attempts
      .filter(({ reference }) => reference !== granted?.reference)
      .map(({ reference, createdAt, refused }): Consent => {
        const over = refused || this.#now() - Date.parse(createdAt) >= ATTEMPT_MS;
        return { ...consentOf({ reference, createdAt }), state: over ? "ended" : "pending" };
      });
    return [...(granted ? [consentOf(granted)] : []), ...others].sort((a, b) =>
      b.createdAt.localeCompare(a.createdAt),
    );
  }

  /** The five parameters in the address and no body, as bunq documents it. A code can be exchanged once. */
  async #exchange(code: string, attempt: Attempt, signal: AbortSignal | undefined): Promise<string> {
    const { clientId, clientSecret, tokenUrl, http } = this.#options;
    const { origin, pathname } = new URL(tokenUrl);
    const client = new HttpClient({
      baseUrl: origin,
      provider: "bunq",
      retries: 0,
      secrets: [clientSecret, code],
      ...http,
    });
    const request = {
      method: "POST",
      path: pathname,
      query: {
        grant_type: "authorization_code",
        code,
        redirect_uri: attempt.redirectUrl,
        client_id: clientId,
        client_secret: clientSecret,
      },
      accept: [400, 401, 403],
      ...(signal ? { signal } : {}),
    } as const;
    const answer = await client.request(request).catch((thrown: unknown) => {
      const error = toTallyError(thrown);
      if (error.code !== "OUTCOME_UNKNOWN") throw error;
      throw new TallyError(
        "OUTCOME_UNKNOWN",
        `bunq did not answer the exchange of the code, which can be exchanged once. ${AGAIN}`,
        { details: error.details },
      );
    });
    if (answer.status >= 400) throw refused(answer.text);
    const token = tokenSchema.safeParse(answer.body);
    if (!token.success || (token.data.state && !isSameState(token.data.state, attempt))) {
      throw new TallyError(
        "PROVIDER_MALFORMED",
        `bunq answered the exchange of the code with something that is no access token; nothing was kept. ${AGAIN}`,
        { details: { status: answer.status, length: answer.text.length } },
      );
    }
    return token.data.access_token;
  }

  async #load(): Promise<Kept> {
    const nothing: Kept = { version: 1, clientId: this.#options.clientId, attempts: [] };
    const text = await this.#options.tokens.load();
    if (text === undefined) return nothing;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      return nothing;
    }
    const kept = keptSchema.safeParse(value);
    // A token of another client is of no use to this one.
    return kept.success && kept.data.clientId === nothing.clientId ? kept.data : nothing;
  }

  #change(how: (kept: Kept) => Kept): Promise<void> {
    const changed = this.#changing.then(async () => {
      await this.#options.tokens.save(JSON.stringify(how(await this.#load())));
    });
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  #instant(): Instant {
    return new Date(this.#now()).toISOString();
  }
}

function isSameState(given: string | undefined, attempt: Attempt): boolean {
  return timingSafeEqual(Buffer.from(sha256(given ?? ""), "hex"), Buffer.from(attempt.state, "hex"));
}

function consentOf({ reference, createdAt }: { reference: string; createdAt: Instant }): Consent {
  const { id: institution, name: institutionName } = BUNQ;
  return { id: reference, institution, institutionName, state: "valid", createdAt, accounts: [] };
}

/** bunq's `{"error": "invalid_grant", "error_description": "..."}` in words that help. */
function refused(text: string): TallyError {
  let said: z.infer<typeof refusalSchema> | undefined;
  try {
    said = refusalSchema.safeParse(JSON.parse(text)).data;
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  const error = quoted(said?.error, 60);
  const why = quoted(said?.error_description ?? said?.error, 200);
  const help = /client/.test(error)
    ? "Check the client id, the client secret and the environment (sandbox or production) in the connection's settings."
    : `The code is of use for a short time and once, and only with the redirect URL that it was made for. ${AGAIN}`;
  return new TallyError(
    "AUTH_FAILED",
    `bunq gave no access token${why ? ` (${why.replace(/[.\s]+$/, "")})` : ""}. ${help}`,
    { details: error ? { error } : {} },
  );
}
