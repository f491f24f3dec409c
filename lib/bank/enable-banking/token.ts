import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import { TallyError } from "../../values";

/** The JSON Web Token with which an application says who it is. Source: enablebanking.com/docs/api/reference, JWT format. */

const ISSUER = "enablebanking.com";
const AUDIENCE = "api.enablebanking.com";
/** An hour; Enable Banking refuses tokens of more than 24 hours. */
const LIFETIME_S = 3600;
/** A token with less than this left is not used any more. */
const RENEW_BEFORE_S = 300;

/**
 * The application's private key from the text of its PEM file. Line ends may have been lost on the way through an
 * environment variable or an input field (`\n` in two characters, blanks).
 * @throws TallyError CONFIG_INVALID for what is no RSA key; the message holds nothing of the text
 */
export function readPrivateKey(text: string): KeyObject {
  const pem = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----([\s\S]*?)-----END \1-----/.exec(
    text.replace(/\\n/g, "\n"),
  );
  const invalid = (why: string) =>
    new TallyError(
      "CONFIG_INVALID",
      `The private key of the Enable Banking application ${why}. Paste the whole .pem file that was saved when the application was registered.`,
    );
  if (!pem) throw invalid("is missing or is no PEM file");
  if (pem[1] === "ENCRYPTED PRIVATE KEY" || pem[2]!.includes("ENCRYPTED"))
    throw invalid("is protected by a password, which cannot be asked for here; remove it with openssl first");
  const body = pem[2]!.replace(/\s+/g, "");
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(`-----BEGIN ${pem[1]}-----\n${body}\n-----END ${pem[1]}-----\n`);
  } catch {
    // What OpenSSL says of it may hold pieces of the key, so it goes nowhere.
    key = undefined;
  }
  if (key?.asymmetricKeyType !== "rsa") throw invalid("cannot be read as an RSA key");
  return key;
}

/** Makes tokens, and makes a new one before the last has ended. */
export class TokenMaker {
  readonly #applicationId: string;
  readonly #key: KeyObject;
  readonly #now: () => number;
  #token: { text: string; iat: number } | undefined;

  /** @param now milliseconds since the epoch */
  constructor(applicationId: string, key: KeyObject, now: () => number) {
    this.#applicationId = applicationId;
    this.#key = key;
    this.#now = now;
  }

  /** A token that is good for five minutes at least. */
  current(): string {
    const now = Math.floor(this.#now() / 1000);
    const kept = this.#token;
    // A clock that was set back must not leave a token in use that begins in the future.
    if (kept && now >= kept.iat && now < kept.iat + LIFETIME_S - RENEW_BEFORE_S) return kept.text;
    const part = (value: unknown) => Buffer.from(JSON.stringify(value), "utf8").toString("base64url");
    const head = part({ typ: "JWT", alg: "RS256", kid: this.#applicationId });
    const body = part({ iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + LIFETIME_S });
    const signature = sign("RSA-SHA256", Buffer.from(`${head}.${body}`, "utf8"), this.#key);
    const text = `${head}.${body}.${signature.toString("base64url")}`;
    this.#token = { text, iat: now };
    return text;
  }
}
