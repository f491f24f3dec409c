import { TallyError } from "../../values";

/** Reasons after which the local copy is of no use any more and the budget has to be downloaded anew. */
export const COPY_IS_STALE: ReadonlySet<string> = new Set([
  "file-has-reset",
  "file-has-new-key",
  "file-old-version",
  "out-of-sync",
  "opening-budget",
  "loading-budget",
  "invalid-schema",
  "budget-not-found",
]);

/** Reasons after which signing in again may help. */
export const SESSION_IS_OVER: ReadonlySet<string> = new Set([
  "unauthorized",
  "token-expired",
  "token-not-found",
]);

/**
 * A reason that Actual gives (its own slugs), as an error for people.
 * @param reason for example `network-failure`, `invalid-password`, `decrypt-failure`
 * @param where what was being done and to which server; no secrets
 * @param versions of the package and of the server, where known
 */
export function actualError(reason: string, where: string, versions = ""): TallyError {
  const details = { reason: reason.slice(0, 200) };
  const fail = (code: TallyError["code"], message: string, retryable = false) =>
    new TallyError(code, `${where}: ${message}`, { details, retryable });
  switch (reason) {
    case "network-failure":
    case "network":
    case "download-failure":
    case "aborted":
    case "upload-failure":
      return fail("PROVIDER_UNAVAILABLE", "the Actual server did not answer. It is tried again later.", true);
    case "internal":
      return fail(
        "PROVIDER_UNAVAILABLE",
        "the Actual server had an error of its own. It is tried again later.",
        true,
      );
    case "invalid-password":
      return fail(
        "AUTH_FAILED",
        "the Actual server refused the password. Check it in the connection's settings.",
      );
    case "unauthorized":
    case "token-expired":
    case "token-not-found":
      return fail(
        "AUTH_EXPIRED",
        "the session with the Actual server has ended and could not be renewed.",
        true,
      );
    case "forbidden":
    case "file-access-not-allowed":
      return fail("AUTH_FAILED", "this user may not open the budget. Share it with the user in Actual.");
    case "too-many-requests":
      return new TallyError("RATE_LIMITED", `${where}: the Actual server takes no more requests for now.`, {
        details,
        retryable: true,
        retryAfterMs: 60_000,
      });
    case "decrypt-failure":
    case "encrypt-failure":
      return fail("AUTH_FAILED", "the budget could not be decrypted. Check the encryption password.");
    case "missing-key":
    case "file-needs-key":
      return fail(
        "CONFIG_INVALID",
        "the budget is end-to-end encrypted. Set its encryption password, the one asked for when the budget is opened on a new device.",
      );
    case "old-key-style":
      return fail("PROVIDER_REFUSED", "the encryption key is of an old kind. Make a new one in Actual.");
    case "budget-not-found":
    case "file-not-found":
      return fail("NOT_FOUND", "the budget is not on the server any more.");
    case "file-needs-upload":
      return fail("PROVIDER_REFUSED", "sync of this budget is off. Open it in Actual and turn sync on.");
    case "clock-drift":
      return fail(
        "PROVIDER_REFUSED",
        "the clock of this machine or of another device of the budget is wrong.",
      );
    case "out-of-sync-migrations":
    case "out-of-sync-data":
    case "invalid-schema":
      return fail(
        "PROVIDER_REFUSED",
        `the budget was written by a newer Actual than the installed @actual-app/api${versions}. Install the version of the server.`,
      );
    case "parse-json":
    case "not-found":
      return fail("PROVIDER_MALFORMED", "what answers there is no Actual server. Check the address.");
    default:
      if (/too many requests/i.test(reason)) return actualError("too-many-requests", where);
      if (/<html|<!doctype|cannot (get|post)/i.test(reason)) return actualError("parse-json", where);
      if (/NODE_MODULE_VERSION|ERR_DLOPEN|better[-_]sqlite3/i.test(reason)) return nativeModuleError(reason);
      return fail("PROVIDER_REFUSED", `Actual said "${reason.slice(0, 200)}"${versions}.`);
  }
}

/** The native half of better-sqlite3 does not fit the running Node. */
export function nativeModuleError(reason: string): TallyError {
  return new TallyError(
    "DEPENDENCY_MISSING",
    `The SQLite part of @actual-app/api does not work with Node ${process.version}. Run "npm rebuild better-sqlite3" where @actual-app/api is installed, or use version 13 of better-sqlite3, which brings ready-made builds.`,
    { details: { reason: reason.slice(0, 300) } },
  );
}

/** The reason in whatever Actual threw: its error code where there is one, else the text. */
export function reasonOf(thrown: unknown): string {
  if (thrown === null || typeof thrown !== "object") return String(thrown);
  const { code, reason, message, type } = thrown as Record<string, unknown>;
  for (const value of [code, reason, message, type]) {
    if (typeof value === "string" && value !== "") return value.replace(/^Authentication failed: /, "");
  }
  return "unknown";
}
