import { TallyError } from "../../values";

const CURSOR_GONE = new Set([43, 237, 175]);
const NETWORK = new Set([
  "MongoNetworkError",
  "MongoNetworkTimeoutError",
  "MongoServerSelectionError",
  "MongoNotConnectedError",
  "MongoTopologyClosedError",
  "MongoClientClosedError",
  "MongoPoolClosedError",
  "MongoPoolClearedError",
  "MongoWaitQueueTimeoutError",
  "MongoOperationTimeoutError",
  "MongoExpiredSessionError",
  "PoolClearedOnNetworkError",
  "MongoWriteConcernError",
]);
/** Not primary, shutting down, stepped down, write concern not met, ... Source: MongoDB's error_codes.yml */
const PASSING = new Set([
  6, 7, 50, 64, 79, 89, 91, 100, 112, 189, 262, 317, 358, 9001, 10107, 11600, 11602, 13388, 13435, 13436,
]);

interface DriverError {
  name: string;
  message: string;
  code?: unknown;
  errorLabels?: unknown;
  writeConcernErrors?: unknown;
}

/** Did the server drop the cursor (idle too long, session reaped)? The scan can go on from where it was. */
export function isCursorGone(error: unknown): boolean {
  return error instanceof TallyError && CURSOR_GONE.has(Number(error.details["code"]));
}

/** The driver does not take the URI. */
export function uriError(error: unknown, uri: string): TallyError {
  const { name, message } = error as DriverError;
  return new TallyError(
    "CONFIG_INVALID",
    `The MongoDB URI for ${hostsOf(uri)} cannot be used: ${redact(message ?? String(error), uri)}.`,
    { details: { driver: name } },
  );
}

/**
 * An error of the driver for people: what to do, and neither password nor user name. The driver's own error is not
 * kept as the cause, since its messages may carry the connection string.
 */
export function mongoError(error: unknown, uri: string): TallyError {
  if (error instanceof TallyError) return error;
  const { name, message, code } = error as DriverError;
  const place = hostsOf(uri);
  const text = redact(message ?? String(error), uri);
  const details = { server: place, driver: name, ...(typeof code === "number" ? { code } : {}) };
  if (code === 18 || code === 8000 || /authentication failed/i.test(text)) {
    return new TallyError(
      "STORE_UNAVAILABLE",
      `MongoDB at ${place} refused the user name or the password. Check both, and authSource in the URI.`,
      { details },
    );
  }
  if (code === 13) {
    return new TallyError(
      "STORE_UNAVAILABLE",
      `MongoDB at ${place} does not let this user do that. Give it the role readWrite on the database (${text}).`,
      { details },
    );
  }
  if (NETWORK.has(name) || isSocketError(code, text)) {
    return new TallyError(
      "STORE_UNAVAILABLE",
      `MongoDB at ${place} does not answer. Is it running, and can this machine reach it? (${text})`,
      { retryable: true, details },
    );
  }
  if ((typeof code === "number" && PASSING.has(code)) || hasLabel(error as DriverError)) {
    return new TallyError(
      "STORE_UNAVAILABLE",
      `MongoDB at ${place} cannot take the work just now (${text}). Try again in a moment.`,
      { retryable: true, details },
    );
  }
  return new TallyError("INTERNAL", `MongoDB at ${place} refused a command: ${text}`, { details });
}

/** The driver passes some errors of Node's sockets on as they are. */
function isSocketError(code: unknown, text: string): boolean {
  if (typeof code === "string" && /^E[A-Z_]+$/.test(code)) return true;
  return /ENOTFOUND|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEOUT|EAI_AGAIN/.test(text);
}

function hasLabel({ errorLabels }: DriverError): boolean {
  return Array.isArray(errorLabels) && errorLabels.includes("RetryableWriteError");
}

/** The hosts of a URI, which may be shown. */
export function hostsOf(uri: string): string {
  const rest = uri.replace(/^mongodb(\+srv)?:\/\//, "");
  const authority = /^[^/?]*/.exec(rest.slice(userInfo(rest).length))?.[0] ?? "";
  return authority === "" ? "the given address" : authority;
}

/** User name and password up to the `@`, which a sloppy URI may hold unescaped `/` and `@` in. */
function userInfo(rest: string): string {
  const before = rest.split("?")[0]!;
  return before.slice(0, before.lastIndexOf("@") + 1);
}

function redact(text: string, uri: string): string {
  const secrets = userInfo(uri.replace(/^mongodb(\+srv)?:\/\//, ""))
    .slice(0, -1)
    .split(":");
  const password = secrets.slice(1).join(":");
  let clean = text.replace(/mongodb(\+srv)?:\/\/\S+/g, "the URI");
  for (const secret of [password, decode(password)]) {
    if (secret !== "") clean = clean.split(secret).join("***");
  }
  return clean.replace(/\.$/, "");
}

function decode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString(),
  );
}
