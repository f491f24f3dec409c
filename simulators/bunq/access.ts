import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from "node:crypto";
import { BunqError } from "./errors";

/** Installations, devices, sessions and signatures. Source: bunq's documentation, "Authentication" and "Signing". */

interface Installation {
  id: number;
  token: string;
  publicKey: string;
  device: boolean;
}

interface Session {
  id: number;
  /** Opened with an access token of OAuth: its user is a UserApiKey. */
  byOAuth?: boolean;
  token: string;
  installation: number;
  /** Milliseconds since the epoch. */
  expires: number;
}

export interface AccessState {
  installations: Installation[];
  sessions: Session[];
  privateKey: string;
  lastId: number;
  revoked: boolean;
  /** Keys of sandbox users and access tokens of OAuth, all of the household's owner. */
  moreKeys: { key: string; byOAuth: boolean }[];
}

/** bunq lengthens a session that is used in its last 30 seconds, by 5 minutes at most. */
const LAST_MOMENTS = 30_000;
const LONGEST_EXTENSION = 300_000;

export class Access {
  readonly state: AccessState;
  readonly #apiKey: string;
  readonly #sessionMs: number;
  readonly #now: () => number;
  readonly #requestIds = new Set<string>();
  readonly counts = { installations: 0, devices: 0, sessions: 0 };

  constructor(apiKey: string, sessionSeconds: number, now: () => number, kept?: AccessState) {
    this.#apiKey = apiKey;
    this.#sessionMs = sessionSeconds * 1000;
    this.#now = now;
    this.state = kept ?? {
      installations: [],
      sessions: [],
      privateKey: generateKeyPairSync("rsa", { modulusLength: 2048 })
        .privateKey.export({ type: "pkcs8", format: "pem" })
        .toString(),
      lastId: 100,
      revoked: false,
      moreKeys: [],
    };
  }

  /** Another key of the same owner. */
  newKey(key: string, byOAuth: boolean): string {
    this.state.moreKeys.push({ key, byOAuth });
    return key;
  }

  /** `POST /v1/installation`: the client's public key for a token and the server's public key. */
  install(publicKey: unknown): { id: number; token: string; serverPublicKey: string } {
    if (typeof publicKey !== "string") throw new BunqError(400, "Missing mandatory field client_public_key.");
    let key: KeyObject;
    try {
      key = createPublicKey(publicKey);
    } catch {
      throw new BunqError(400, "The client_public_key is not a valid RSA public key.");
    }
    if (key.asymmetricKeyType !== "rsa" || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
      throw new BunqError(400, "The client_public_key must be an RSA key of 2048 bits.");
    }
    const installation = { id: ++this.state.lastId, token: newToken(), publicKey, device: false };
    this.state.installations.push(installation);
    this.counts.installations++;
    const serverPublicKey = createPublicKey(this.state.privateKey)
      .export({ type: "spki", format: "pem" })
      .toString();
    return { id: installation.id, token: installation.token, serverPublicKey };
  }

  /** The installation that an installation token belongs to. */
  installation(token: string | undefined): Installation {
    const found = this.state.installations.find((each) => each.token === token);
    if (!found) throw new BunqError(401, "Insufficient authentication.");
    return found;
  }

  /** `POST /v1/device-server`: binds the API key to the installation. */
  registerDevice(installation: Installation, secret: unknown): number {
    this.#checkKey(secret);
    installation.device = true;
    this.counts.devices++;
    return ++this.state.lastId;
  }

  /** `POST /v1/session-server`. */
  openSession(installation: Installation, secret: unknown): Session {
    const byOAuth = this.#checkKey(secret);
    if (!installation.device) {
      throw new BunqError(400, "User credentials are incorrect. Incorrect API key or IP address.");
    }
    const session = {
      id: ++this.state.lastId,
      ...(byOAuth ? { byOAuth } : {}),
      token: newToken(),
      installation: installation.id,
      expires: this.#now() + this.#sessionMs,
    };
    this.state.sessions = [...this.state.sessions.filter(({ expires }) => expires > this.#now()), session];
    this.counts.sessions++;
    return session;
  }

  /** The installation behind a session token that has not run out. */
  session(token: string | undefined): Installation {
    const session = this.state.sessions.find((each) => each.token === token);
    const now = this.#now();
    if (!session || session.expires <= now || this.state.revoked) {
      // An installation token is known, but is not enough for this call.
      const known = this.state.installations.some((each) => each.token === token);
      throw known
        ? new BunqError(403, "Insufficient authorisation.")
        : new BunqError(401, "Insufficient authentication.");
    }
    if (session.expires - now <= LAST_MOMENTS) {
      session.expires = now + Math.min(this.#sessionMs, LONGEST_EXTENSION);
    }
    const installation = this.state.installations.find(({ id }) => id === session.installation);
    if (!installation) throw new BunqError(401, "Insufficient authentication.");
    return installation;
  }

  closeSession(token: string | undefined): void {
    this.state.sessions = this.state.sessions.filter((each) => each.token !== token);
  }

  /**
   * Check `X-Bunq-Client-Signature`: RSA, SHA-256, PKCS #1 v1.5, over the body alone.
   * @param required for calls that bunq accepts only when signed
   */
  checkSignature(
    installation: Installation,
    signature: string | undefined,
    body: string,
    required: boolean,
  ): void {
    if (!signature) {
      if (required) throw new BunqError(466, "Request signature is required for this operation.");
      return;
    }
    const bytes = Buffer.from(signature, "base64");
    if (!verify("sha256", Buffer.from(body, "utf8"), installation.publicKey, bytes)) {
      throw new BunqError(400, "The request signature is invalid.");
    }
  }

  /** A request id may be used once. */
  checkRequestId(id: string | undefined): void {
    if (!id) return;
    if (this.#requestIds.has(id)) throw new BunqError(400, "The X-Bunq-Client-Request-Id was used before.");
    if (this.#requestIds.size > 50_000) this.#requestIds.clear();
    this.#requestIds.add(id);
  }

  /** `X-Bunq-Server-Signature` of a body. */
  sign(body: string): string {
    return sign("sha256", Buffer.from(body, "utf8"), this.state.privateKey).toString("base64");
  }

  /** Is it an access token of OAuth? */
  #checkKey(secret: unknown): boolean {
    const other = this.state.moreKeys.find(({ key }) => key === secret);
    if (this.state.revoked || (secret !== this.#apiKey && !other)) {
      throw new BunqError(400, "User credentials are incorrect. Incorrect API key or IP address.");
    }
    return other?.byOAuth ?? false;
  }
}

const newToken = () => randomBytes(32).toString("hex");
