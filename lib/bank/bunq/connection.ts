import { randomUUID } from "node:crypto";
import {
  HttpClient,
  type HttpClientOptions,
  type HttpRequest,
  type HttpResponse,
  type RateLimit,
} from "../../http";
import type { Store } from "../../store";
import { TallyError, sha256, toTallyError } from "../../values";
import {
  isSigned,
  newKeyPair,
  openingSchema,
  readAs,
  readEnvelope,
  readInstallation,
  readUser,
  signBody,
  type Envelope,
  type Installation,
  type KeyStore,
  type Session,
} from "./protocol";

export interface ConnectionOptions {
  apiKey: string;
  url: string;
  store: Store;
  keyStore?: KeyStore;
  description: string;
  permittedIps?: readonly string[];
  http?: Partial<HttpClientOptions>;
}

/**
 * bunq's documented limits with a little room, because what leaves here evenly may arrive bunched. bunq counts each
 * endpoint by itself; all together is stricter and always within. Source: doc.bunq.com, "Rate limits".
 */
const WINDOW_MS = 3_150;
const SESSION_WINDOW_MS = 30_500;
/** Renew this long before the auto logout, so that no page is lost to it. */
const RENEW_BEFORE_MS = 60_000;
/** Auto logout where the user says nothing else: bunq's default of one week. */
const WEEK_SECONDS = 604_800;
const TRIES_WHEN_MALFORMED = 3;

/** An authenticated, signed and verified connection. Opens itself when first used and renews its session. */
export class BunqConnection {
  readonly #options: ConnectionOptions;
  readonly #http: HttpClient;
  readonly #sessionHttp: HttpClient;
  readonly #key: string;
  readonly #now: () => number;
  #installation: Installation | undefined;
  #opening: Promise<Installation & { session: Session }> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#now = options.http?.now ?? Date.now;
    this.#key = sha256(options.apiKey).slice(0, 16);
    const limit = (
      name: string,
      calls: number,
      perMs: number,
      methods?: RateLimit["methods"],
    ): RateLimit => ({
      key: `bunq:${this.#key}:${name}`,
      calls,
      perMs,
      ...(methods ? { methods } : {}),
    });
    const common: HttpClientOptions = {
      baseUrl: options.url,
      headers: {
        "cache-control": "no-cache",
        "x-bunq-language": "en_US",
        "x-bunq-region": "nl_NL",
        "x-bunq-geolocation": "0 0 0 0 NL",
      },
      store: options.store,
      secrets: [options.apiKey],
      provider: "bunq",
      userAgent: "tallyflow",
      ...options.http,
    };
    this.#http = new HttpClient({
      rateLimits: [
        limit("get", 3, WINDOW_MS, ["GET"]),
        limit("post", 5, WINDOW_MS, ["POST"]),
        limit("put", 2, WINDOW_MS, ["PUT"]),
      ],
      ...common,
    });
    this.#sessionHttp = new HttpClient({
      rateLimits: [limit("session", 1, SESSION_WINDOW_MS)],
      // bunq does not say how long to wait; these tries together last longer than its window of 30 s.
      retries: 6,
      ...common,
    });
  }

  get calls(): number {
    return this.#http.stats.calls + this.#sessionHttp.stats.calls;
  }

  /**
   * Read a listing or an object. The session is renewed once when bunq says that it has ended.
   * @param path below the user: `/monetary-account`
   * @throws TallyError AUTH_FAILED, AUTH_EXPIRED, NOT_FOUND, RATE_LIMITED, PROVIDER_*, CANCELLED
   */
  get(path: string, query: Record<string, number>, signal?: AbortSignal): Promise<Envelope> {
    return this.#authenticated({ method: "GET", path, query }, signal);
  }

  /**
   * Write what comes to the same when it is sent again: a repeat follows an answer that did not come or was garbled.
   * @param path below the user: `/notification-filter-url`
   * @throws TallyError as `get` does
   */
  write(path: string, body: Record<string, unknown>, signal?: AbortSignal): Promise<Envelope> {
    const sent = { method: "POST", path, body: JSON.stringify(body), repeatable: true } as const;
    return this.#authenticated(sent, signal);
  }

  async #authenticated(request: HttpRequest, signal: AbortSignal | undefined): Promise<Envelope> {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const opened = await abortable(this.#open(), signal);
      try {
        const response = await this.#http.request({
          ...request,
          path: `/user/${opened.session.userId}${request.path}`,
          ...(signal ? { signal } : {}),
          prepare: (headers, text) => {
            headers["x-bunq-client-request-id"] = randomUUID();
            headers["x-bunq-client-authentication"] = opened.session.token;
            if (!text) return;
            headers["content-type"] = "application/json";
            headers["x-bunq-client-signature"] = signBody(text, opened.privateKey);
          },
        });
        return readEnvelope(verified(response, opened.serverPublicKey));
      } catch (thrown) {
        const error = toTallyError(thrown);
        if (error.code === "AUTH_FAILED") {
          if (renewed) throw expired(error);
          renewed = true;
          await this.#dropSession(opened.session);
        } else if (error.code !== "PROVIDER_MALFORMED" || attempt >= TRIES_WHEN_MALFORMED) {
          throw error;
        }
      }
    }
  }

  /** The installation with a session that has not ended; callers at the same time share one opening. */
  #open(): Promise<Installation & { session: Session }> {
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openNow(): Promise<Installation & { session: Session }> {
    const kept = this.#installation ?? (await this.#load());
    if (kept?.session && kept.session.renewAt > this.#now()) {
      this.#installation = kept;
      return { ...kept, session: kept.session };
    }
    if (!kept) return this.#login(await this.#install());
    try {
      return await this.#login(kept);
    } catch (thrown) {
      // bunq does not know the installation any more (a sandbox that was emptied, say): register once more.
      const status = thrown instanceof TallyError ? thrown.details["status"] : undefined;
      if (status !== 401 && status !== 403) throw thrown;
      return this.#login(await this.#install());
    }
  }

  async #load(): Promise<Installation | undefined> {
    const text = await this.#options.keyStore?.load();
    return text === undefined ? undefined : readInstallation(text, this.#options.url, this.#key);
  }

  async #save(installation: Installation): Promise<void> {
    this.#installation = installation;
    await this.#options.keyStore?.save(JSON.stringify(installation));
  }

  async #dropSession(ended: Session): Promise<void> {
    const current = this.#installation;
    if (current?.session?.token !== ended.token) return;
    const { session: _, ...rest } = current;
    await this.#save(rest);
  }

  /** New keys, registered with bunq and bound to the API key. Kept only when both steps are done. */
  async #install(): Promise<Installation> {
    const { apiKey, description, permittedIps, url } = this.#options;
    const { privateKey, publicKey } = await newKeyPair();
    const answer = await this.#post(this.#http, "/installation", { client_public_key: publicKey });
    const { Token, ServerPublicKey } = readAs(openingSchema, answer.parts, "an installation");
    if (!ServerPublicKey) {
      throw new TallyError("PROVIDER_MALFORMED", "bunq sent an installation without its public key.", {
        retryable: true,
      });
    }
    const installation: Installation = {
      version: 1,
      url,
      key: this.#key,
      privateKey,
      token: Token.token,
      serverPublicKey: ServerPublicKey.server_public_key,
    };
    verified(answer.response, installation.serverPublicKey);
    const ips = permittedIps?.length ? { permitted_ips: permittedIps } : {};
    await this.#post(this.#http, "/device-server", { description, secret: apiKey, ...ips }, installation);
    await this.#save(installation);
    return installation;
  }

  async #login(installation: Installation): Promise<Installation & { session: Session }> {
    const { parts } = await this.#post(
      this.#sessionHttp,
      "/session-server",
      { secret: this.#options.apiKey },
      installation,
    );
    const { Token } = readAs(openingSchema, parts, "a session");
    const user = readUser(parts);
    const lastsMs = (user.timeoutSeconds ?? WEEK_SECONDS) * 1000;
    const session: Session = {
      token: Token.token,
      userId: user.id,
      renewAt: this.#now() + lastsMs - Math.min(RENEW_BEFORE_MS, lastsMs / 2),
    };
    await this.#save({ ...installation, session });
    return { ...installation, session };
  }

  /** A signed call of the opening. Sending one again does no harm: at worst an unused registration stays behind. */
  async #post(
    http: HttpClient,
    path: string,
    body: Record<string, unknown>,
    installation?: Installation,
  ): Promise<{ parts: Record<string, unknown>; response: HttpResponse }> {
    try {
      const response = await http.request({
        method: "POST",
        path,
        body: JSON.stringify(body),
        repeatable: true,
        headers: { "content-type": "application/json" },
        prepare: (headers, text) => {
          headers["x-bunq-client-request-id"] = randomUUID();
          if (!installation) return;
          headers["x-bunq-client-authentication"] = installation.token;
          headers["x-bunq-client-signature"] = signBody(text, installation.privateKey);
        },
      });
      const content = installation ? verified(response, installation.serverPublicKey) : response.body;
      const parts: Record<string, unknown> = Object.assign({}, ...readEnvelope(content).Response);
      return { parts, response };
    } catch (thrown) {
      throw refusal(toTallyError(thrown));
    }
  }
}

/** The body of an answer that bunq itself signed; nothing of any other is used. */
function verified(response: HttpResponse, serverPublicKey: string): unknown {
  if (!isSigned(response.text, response.headers["x-bunq-server-signature"], serverPublicKey)) {
    throw new TallyError(
      "PROVIDER_MALFORMED",
      "An answer did not carry bunq's signature, so nothing of it was used. If this goes on, something between here and bunq (a proxy, a virus scanner) changes answers, or the saved registration is damaged: remove it and a new one is made.",
      { retryable: true, details: { status: response.status, signature: "invalid" } },
    );
  }
  return response.body;
}

/** bunq refuses a wrong key with 400, in words; everything else stays what it is. */
function refusal(error: TallyError): TallyError {
  const said = String(error.details["said"] ?? "");
  if (error.code !== "PROVIDER_REFUSED" || !/credentials|API key|IP address/i.test(said)) return error;
  return new TallyError(
    "AUTH_FAILED",
    "bunq refused the API key. It is wrong, was deleted or revoked, is for the other environment (sandbox or production), or is bound to another IP address. Make a new key in the bunq app (Settings, Developers, API keys), allow this computer's IP address, and enter it in the connection's settings; where bunq was connected by OAuth, connect it again.",
    { details: error.details, cause: error },
  );
}

function expired(cause: TallyError): TallyError {
  return new TallyError(
    "AUTH_EXPIRED",
    "bunq ended the session, and refused the request in a new one too. Check in the bunq app that the API key still exists and may read this account.",
    { details: cause.details, cause },
  );
}

/** Wait for work that is shared with others and so must not be stopped; only the wait ends on an abort. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () =>
      reject(new TallyError("CANCELLED", "The work was stopped before it was done.", { retryable: true }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop!);
  }
}
