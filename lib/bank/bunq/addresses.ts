import { apiBase } from "../../http";
import { TallyError } from "../../values";
import { isSafeUrl } from "../aggregate";

/** Where bunq is reached. Source: https://doc.bunq.com and its OpenAPI description ("Introduction", "OAuth"). */

export type BunqEnvironment = "production" | "sandbox";

interface Addresses {
  /** Base of the API. */
  api: string;
  /** Page on which a person allows an OAuth client. */
  authorize: string;
  /** Where the code of that page becomes an access token. */
  token: string;
}

/** Base URL of bunq's production API. */
export const BUNQ_PRODUCTION_URL = "https://api.bunq.com/v1";
/** Base URL of bunq's sandbox, for keys that begin with `sandbox_`. */
export const BUNQ_SANDBOX_URL = "https://public-api.sandbox.bunq.com/v1";

export const BUNQ_ADDRESSES: Readonly<Record<BunqEnvironment, Addresses>> = {
  production: {
    api: BUNQ_PRODUCTION_URL,
    authorize: "https://oauth.bunq.com/auth",
    token: "https://api.oauth.bunq.com/v1/token",
  },
  sandbox: {
    api: BUNQ_SANDBOX_URL,
    authorize: "https://oauth.sandbox.bunq.com/auth",
    token: "https://api-oauth.sandbox.bunq.com/v1/token",
  },
};

/** Keys of the sandbox begin with this; those of production have no mark. */
export const SANDBOX_KEY = "sandbox_";

/**
 * Which of the two a key is for: what is said, else what the key itself tells.
 * @throws TallyError CONFIG_INVALID for a key of the sandbox that is to be used in production
 */
export function environmentOf(apiKey: string, said?: BunqEnvironment): BunqEnvironment {
  const sandbox = apiKey.startsWith(SANDBOX_KEY);
  if (said === "production" && sandbox) {
    throw new TallyError(
      "CONFIG_INVALID",
      "This API key is of bunq's sandbox, and the connection is set to production. Choose the sandbox, or enter a key that was made in the bunq app.",
      { details: { fields: ["environment", "apiKey"] } },
    );
  }
  return said ?? (sandbox ? "sandbox" : "production");
}

/**
 * An address that secrets may be sent to, with `/v1` where it has no path.
 * @throws TallyError CONFIG_INVALID
 */
export function apiAddress(url: string): string {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new TallyError("CONFIG_INVALID", `"${url.slice(0, 80)}" is not the address of a bunq API.`);
  }
  return apiBase(url, "/v1");
}

/**
 * @param what `page` or `address`, for people
 * @throws TallyError CONFIG_INVALID for what is no address, or one without TLS that is not on this computer
 */
export function safeAddress(url: string, what: string): string {
  if (isSafeUrl(url)) return url;
  throw new TallyError(
    "CONFIG_INVALID",
    `"${url.slice(0, 80)}" is not ${what} that secrets may be sent to: it must begin with https://.`,
  );
}
