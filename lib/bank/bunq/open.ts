import type { HttpClientOptions } from "../../http";
import type { Store } from "../../store";
import { TallyError } from "../../values";
import type { ConsentProvider } from "../consent";
import { BUNQ_ADDRESSES, apiAddress, environmentOf, type BunqEnvironment } from "./addresses";
import { BunqConnection } from "./connection";
import { openBunqOAuth, type BunqOAuthOptions } from "./oauth";
import type { KeyStore } from "./protocol";
import { Bunq, type BunqBank } from "./provider";

export interface BunqOptions {
  /** A key that was made in the bunq app (or an access token of OAuth). */
  apiKey: string;
  /** Where the key is from; by default production, or the sandbox for keys that begin with `sandbox_`. */
  environment?: BunqEnvironment;
  /** Where the API is not bunq's own: a simulator's, with or without `/v1`. */
  url?: string;
  /** Name of the connection; `bunq` when absent. */
  source?: string;
  /** IANA zone of the accounts' dates; bunq says UTC only. `Europe/Amsterdam` when absent. */
  timeZone?: string;
  /** Keeps the rate budgets. */
  store: Store;
  /** Keeps the installation; without one, every start registers with bunq anew. */
  keyStore?: KeyStore;
  /** Name of this device in the bunq app. */
  description?: string;
  /** IP addresses that may use the key from now on; bunq takes the present one when absent. */
  permittedIps?: readonly string[];
  /** Also hand out what is reserved on cards and not booked yet, as pending payments. */
  pending?: boolean;
  /** Time-outs, retries, limits, clock. */
  http?: Partial<HttpClientOptions>;
}

/**
 * A connection to bunq. Nothing is sent before the first call; the first one registers a key pair, which the key
 * store keeps.
 *
 * What changes a balance is a payment at bunq, once, whatever it came from: card transactions, scheduled payments and
 * requests become one when they are executed, and are nothing here before. What a card has reserved is no payment yet;
 * it comes as a pending one under an id of its own where `pending` asks for it.
 *
 * @throws TallyError CONFIG_INVALID for an empty key, a sandbox key in production, a URL that is none, or a colon in
 *   the source's name
 */
export function openBunq(options: BunqOptions): BunqBank {
  const apiKey = options.apiKey.trim();
  if (!apiKey) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The bunq API key is missing. Make one in the bunq app and enter it.",
    );
  }
  const environment = environmentOf(apiKey, options.environment);
  const connection = connectionOf(apiKey, environment, options);
  return new Bunq(() => Promise.resolve(connection), environment, options);
}

/**
 * A connection to bunq for which a person gives a consent by OAuth. The access token is looked up with each call, so
 * that a consent given meanwhile counts at once.
 * @throws TallyError CONFIG_INVALID as `openBunq` and `openBunqOAuth` do; calls throw AUTH_FAILED without a consent
 */
export function openBunqByOAuth(
  options: Omit<BunqOptions, "apiKey"> & { oauth: Omit<BunqOAuthOptions, "environment" | "http"> },
): BunqBank & ConsentProvider {
  const environment = options.environment ?? "production";
  const { http } = options;
  const oauth = openBunqOAuth({ ...options.oauth, environment, ...(http ? { http } : {}) });
  let open: { token: string; connection: BunqConnection } | undefined;
  const connect = async () => {
    const token = await oauth.accessToken();
    if (open?.token !== token) open = { token, connection: connectionOf(token, environment, options) };
    return open.connection;
  };
  return new BunqByOAuth(connect, environment, options, oauth);
}

function connectionOf(
  apiKey: string,
  environment: BunqEnvironment,
  options: Omit<BunqOptions, "apiKey">,
): BunqConnection {
  return new BunqConnection({
    apiKey,
    url: apiAddress(options.url ?? BUNQ_ADDRESSES[environment].api),
    store: options.store,
    description: options.description ?? "Tallyflow",
    ...(options.keyStore ? { keyStore: options.keyStore } : {}),
    ...(options.permittedIps ? { permittedIps: options.permittedIps } : {}),
    ...(options.http ? { http: options.http } : {}),
  });
}

/** A connection to bunq that a person allows by OAuth. */
class BunqByOAuth extends Bunq implements ConsentProvider {
  readonly institutions: ConsentProvider["institutions"];
  readonly begin: ConsentProvider["begin"];
  readonly complete: ConsentProvider["complete"];
  readonly consents: ConsentProvider["consents"];

  constructor(
    connect: () => Promise<BunqConnection>,
    environment: BunqEnvironment,
    options: Omit<BunqOptions, "apiKey">,
    oauth: ConsentProvider,
  ) {
    super(connect, environment, options);
    this.institutions = (country, signal) => oauth.institutions(country, signal);
    this.begin = (request) => oauth.begin(request);
    this.complete = (request) => oauth.complete(request);
    this.consents = (signal) => oauth.consents(signal);
  }
}
