import { createPrivateKey, createPublicKey, generateKeyPair, sign, verify } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { TallyError } from "../../values";

/** bunq's protocol: keys, signatures, envelopes. Source: https://doc.bunq.com and its OpenAPI description. */

/** Where the installation is kept between runs: Node-RED's credentials or an encrypted file, never the plain store. */
export interface KeyStore {
  load(): Promise<string | undefined>;
  /** Replaces what was kept. The text holds a private key and tokens. */
  save(text: string): Promise<void>;
}

/** `renewAt` is in milliseconds since the epoch and lies before the auto logout. */
const sessionSchema = z.object({ token: z.string(), userId: z.number(), renewAt: z.number() });

const installationSchema = z.object({
  version: z.literal(1),
  /** The server it was made at, and a hash of the API key that it belongs to. */
  url: z.string(),
  key: z.string(),
  privateKey: z.string(),
  token: z.string(),
  serverPublicKey: z.string(),
  session: sessionSchema.optional(),
});

export type Session = z.infer<typeof sessionSchema>;
export type Installation = z.infer<typeof installationSchema>;

/** A kept installation, or undefined where it is none of ours: it is made anew then. */
export function readInstallation(text: string, url: string, key: string): Installation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = installationSchema.safeParse(value);
  if (!parsed.success || parsed.data.url !== url || parsed.data.key !== key) return undefined;
  return isKey(createPrivateKey, parsed.data.privateKey) &&
    isKey(createPublicKey, parsed.data.serverPublicKey)
    ? parsed.data
    : undefined;
}

function isKey(read: (pem: string) => unknown, pem: string): boolean {
  try {
    read(pem);
    return true;
  } catch {
    return false;
  }
}

const makeKeyPair = promisify(generateKeyPair);

/** A new RSA key pair of 2048 bits as PEM: what bunq asks for. */
export async function newKeyPair(): Promise<{ privateKey: string; publicKey: string }> {
  return makeKeyPair("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

/** `X-Bunq-Client-Signature`: RSA with SHA-256 and PKCS #1 v1.5 over the body alone, in base64. */
export function signBody(body: string, privateKey: string): string {
  return sign("sha256", Buffer.from(body, "utf8"), privateKey).toString("base64");
}

/** Was the body signed by the holder of the server's key? */
export function isSigned(body: string, signature: string | undefined, serverPublicKey: string): boolean {
  if (!signature) return false;
  return verify(
    "sha256",
    Buffer.from(body, "utf8"),
    createPublicKey(serverPublicKey),
    Buffer.from(signature, "base64"),
  );
}

const envelopeSchema = z.object({
  Response: z.array(z.record(z.string(), z.unknown())),
  Pagination: z.object({ newer_url: z.string().nullish(), older_url: z.string().nullish() }).nullish(),
});

export type Envelope = z.infer<typeof envelopeSchema>;

/** The parts of an answer that calls without a list hand out, by name: `Id`, `Token`, `UserPerson`, ... */
export const openingSchema = z.object({
  Token: z.object({ token: z.string().min(1) }),
  ServerPublicKey: z.object({ server_public_key: z.string().min(1) }).optional(),
});

const userSchema = z.object({ id: z.number(), session_timeout: z.number().nullish() });

/**
 * bunq's envelope.
 * @throws TallyError PROVIDER_MALFORMED
 */
export function readEnvelope(body: unknown): Envelope {
  return readAs(envelopeSchema, body, "an answer");
}

/** @throws TallyError PROVIDER_MALFORMED naming what bunq was asked for */
export function readAs<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TallyError(
    "PROVIDER_MALFORMED",
    `bunq sent ${what} that cannot be read: ${reasonOf(parsed.error)}.`,
    {
      retryable: true,
    },
  );
}

/** The first thing wrong, with where it stands; no values, which may be secret. */
export function reasonOf(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const where = issue.path.join(".");
  return `${where ? `${where}: ` : ""}${issue.message}`;
}

const anchoredSchema = z.object({
  requested_by_user: z.record(z.string(), z.object({ session_timeout: z.number().nullish() })),
});

/** The user of a session, of whichever kind: id for paths, seconds until the auto logout. */
export function readUser(parts: Record<string, unknown>): { id: number; timeoutSeconds: number | undefined } {
  const kind = ["UserPerson", "UserCompany", "UserApiKey", "UserPaymentServiceProvider"].find(
    (name) => parts[name],
  );
  const user = readAs(userSchema, kind && parts[kind], "a session without a user");
  if (kind !== "UserApiKey") return { id: user.id, timeoutSeconds: user.session_timeout ?? undefined };
  // A key made for another app carries the user who asked for it inside, and that one has the time-out.
  const anchored = anchoredSchema.safeParse(parts[kind]);
  const inner = anchored.success ? Object.values(anchored.data.requested_by_user)[0] : undefined;
  return { id: user.id, timeoutSeconds: inner?.session_timeout ?? undefined };
}
