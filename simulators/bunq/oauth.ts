import { randomBytes } from "node:crypto";
import type { Access } from "./access";

/** bunq's OAuth: a page that sends the owner back at once, and the exchange. Source: bunq's documentation, "OAuth". */

interface Client {
  clientId: string;
  clientSecret: string;
  redirectUrl: string;
}

interface OAuthAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A code is of use for so long. */
const CODE_MS = 600_000;

export class OAuthServer {
  readonly client: Client = {
    clientId: randomBytes(32).toString("hex"),
    clientSecret: randomBytes(32).toString("hex"),
    redirectUrl: "",
  };
  refuses = false;
  readonly #codes = new Map<string, { state: string | null; redirectUrl: string; until: number }>();

  constructor(
    private readonly access: Access,
    private readonly now: () => number,
    redirectUrl = "https://node-red.example/tallyflow/consent",
  ) {
    this.client.redirectUrl = redirectUrl;
  }

  /** The answer to a call of the page or of the exchange; undefined for another path. */
  answer(method: string, { pathname, searchParams }: URL): OAuthAnswer | undefined {
    if (method === "GET" && pathname === "/auth") return this.#authorize(searchParams);
    if (method === "POST" && pathname === "/v1/token") return this.#exchange(searchParams);
    return undefined;
  }

  #authorize(query: URLSearchParams): OAuthAnswer {
    const redirectUrl = query.get("redirect_uri") ?? "";
    const known = query.get("client_id") === this.client.clientId;
    if (!known || redirectUrl !== this.client.redirectUrl || query.get("response_type") !== "code")
      return { status: 400, body: { error: "invalid_request" } };
    const back = new URL(redirectUrl);
    const state = query.get("state");
    if (this.refuses) back.searchParams.set("error", "access_denied");
    else {
      const code = randomBytes(32).toString("hex");
      this.#codes.set(code, { state, redirectUrl, until: this.now() + CODE_MS });
      back.searchParams.set("code", code);
    }
    if (state !== null) back.searchParams.set("state", state);
    return { status: 302, headers: { Location: back.href } };
  }

  #exchange(query: URLSearchParams): OAuthAnswer {
    const refuse = (error: string, error_description: string): OAuthAnswer => ({
      status: 400,
      body: { error, error_description },
    });
    if (query.get("grant_type") !== "authorization_code")
      return refuse("unsupported_grant_type", "The grant type is not supported.");
    const { clientId, clientSecret } = this.client;
    if (query.get("client_id") !== clientId || query.get("client_secret") !== clientSecret)
      return refuse("invalid_client", "The client credentials are invalid.");
    const code = query.get("code") ?? "";
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    if (!found || found.until <= this.now() || found.redirectUrl !== query.get("redirect_uri"))
      return refuse("invalid_grant", "The authorization code is invalid or expired.");
    const token = this.access.newKey(randomBytes(32).toString("hex"), true);
    return {
      status: 200,
      body: {
        access_token: token,
        token_type: "bearer",
        ...(found.state === null ? {} : { state: found.state }),
      },
    };
  }
}
