import { randomUUID } from "node:crypto";
import { z } from "zod";
import { HttpClient, type HttpClientOptions } from "../../http";
import { BUNQ_SANDBOX_URL, apiAddress } from "./addresses";
import { readAs, readEnvelope } from "./protocol";

const madeSchema = z.object({ ApiKey: z.object({ api_key: z.string().min(1) }) });

/**
 * Make a user of bunq's sandbox: play money, no registration, forgotten by bunq after a while. Source: bunq's OpenAPI
 * description, "Sandbox", POST /sandbox-user-person and /sandbox-user-company.
 *
 * @returns the user's API key, which begins with `sandbox_`
 * @throws TallyError CONFIG_INVALID for an address that is none; OUTCOME_UNKNOWN when no answer came: the user that may
 *   have been made does no harm, ask again; RATE_LIMITED, PROVIDER_*
 */
export async function createSandboxUser(
  options: { kind?: "person" | "company"; url?: string; http?: Partial<HttpClientOptions> } = {},
): Promise<string> {
  const client = new HttpClient({
    baseUrl: apiAddress(options.url ?? BUNQ_SANDBOX_URL),
    provider: "bunq's sandbox",
    headers: {
      "cache-control": "no-cache",
      "x-bunq-language": "en_US",
      "x-bunq-region": "nl_NL",
      "x-bunq-geolocation": "0 0 0 0 NL",
    },
    ...options.http,
  });
  const answer = await client.request({
    method: "POST",
    path: `/sandbox-user-${options.kind ?? "person"}`,
    body: {},
    prepare: (headers) => {
      headers["x-bunq-client-request-id"] = randomUUID();
    },
  });
  const parts: unknown = Object.assign({}, ...readEnvelope(answer.body).Response);
  return readAs(madeSchema, parts, "a sandbox user").ApiKey.api_key;
}
