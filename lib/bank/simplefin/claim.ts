import { HttpClient, type HttpClientOptions } from "../../http";
import { TallyError, toTallyError } from "../../values";
import { isSafeUrl } from "../aggregate";

/** What an access URL says: where to ask, and as whom. */
export interface Access {
  /** Without the credentials. */
  url: string;
  authorization: string;
  /** Texts that may not be seen. */
  secrets: string[];
}

const NEW_TOKEN =
  "Make a new setup token at the SimpleFIN bridge and enter it; if you did not use this one yourself, disable it there first, since somebody else may have.";

/**
 * Exchange a setup token for an access URL. A token can be claimed once; the access URL is a secret that the caller
 * keeps, and is what `openSimpleFin` takes. Source: SimpleFIN protocol, "POST /claim/:token".
 *
 * @param token base64 of the claim's URL
 * @throws TallyError CONFIG_INVALID for what is no setup token; AUTH_FAILED when it was claimed before or is unknown;
 *   OUTCOME_UNKNOWN when no answer came; PROVIDER_*
 */
export async function claimSimpleFin(token: string, http: Partial<HttpClientOptions> = {}): Promise<string> {
  const text = token.replace(/\s+/g, "");
  const url = /^[A-Za-z0-9+/_-]+=*$/.test(text) ? Buffer.from(text, "base64").toString("utf8").trim() : "";
  if (!isSafeUrl(url)) {
    throw new TallyError(
      "CONFIG_INVALID",
      "This is not a setup token of SimpleFIN: a long word that stands for an address with https://. Copy the whole token from the bridge; an access URL is entered elsewhere.",
    );
  }
  const { origin, pathname, search } = new URL(url);
  const client = new HttpClient({
    provider: "SimpleFIN",
    baseUrl: origin,
    retries: 0,
    secrets: [
      text,
      url,
      pathname + search,
      pathname,
      ...pathname.split("/").filter((part) => part.length > 7),
    ],
    ...http,
  });
  let answer;
  try {
    answer = await client.request({ method: "POST", path: pathname + search, accept: [401, 403, 404] });
  } catch (thrown) {
    const error = toTallyError(thrown);
    if (error.code !== "OUTCOME_UNKNOWN") throw error;
    throw new TallyError(
      "OUTCOME_UNKNOWN",
      `SimpleFIN did not answer the claim, and a token can be claimed once. Try it again; if it is refused, ${NEW_TOKEN}`,
      { details: error.details },
    );
  }
  if (answer.status >= 400) {
    throw new TallyError(
      "AUTH_FAILED",
      `SimpleFIN refused the setup token: it does not exist or was claimed before. ${NEW_TOKEN}`,
      { details: { status: answer.status } },
    );
  }
  const accessUrl = answer.text.trim();
  if (!readAccess(accessUrl)) {
    throw new TallyError(
      "PROVIDER_MALFORMED",
      `SimpleFIN answered the claim with something that is no safe access URL; it was not kept. ${NEW_TOKEN}`,
      { details: { status: answer.status, length: answer.text.length } },
    );
  }
  return accessUrl;
}

/** An access URL taken apart; undefined for what is none or would send the credentials in the open. */
export function readAccess(accessUrl: string): Access | undefined {
  const text = accessUrl.trim();
  if (text.length > 2000 || !isSafeUrl(text)) return undefined;
  const parsed = new URL(text);
  if (!parsed.username || !parsed.password) return undefined;
  let credentials: string;
  try {
    credentials = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  } catch (thrown) {
    if (!(thrown instanceof URIError)) throw thrown;
    return undefined;
  }
  const basic = Buffer.from(credentials).toString("base64");
  const secrets = [text, credentials, basic, parsed.password, parsed.username, credentials.split(":")[1]!];
  parsed.username = "";
  parsed.password = "";
  return {
    url: `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}`,
    authorization: `Basic ${basic}`,
    secrets,
  };
}
