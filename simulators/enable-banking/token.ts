import { verify, type KeyObject } from "node:crypto";
import { ApiError } from "./errors";

const DAY_S = 86_400;
/** Clocks may differ by so much. */
const LEEWAY_S = 60;

/**
 * Check `Authorization: Bearer <JWT>` as Enable Banking documents it: RS256 by the application's key, `kid`, `iss`,
 * `aud`, and a life of 24 hours at most.
 * @param now milliseconds since the epoch
 * @throws ApiError 401
 */
export function checkToken(
  authorization: string | undefined,
  applicationId: string,
  publicKey: KeyObject,
  now: number,
): void {
  const refuse = (why: string) => new ApiError(401, "UNAUTHORIZED_ACCESS", `Unauthorized access: ${why}`);
  const [head, body, signature, ...more] = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1]?.split(".") ?? [];
  if (!head || !body || !signature || more.length > 0) throw refuse("no token");
  if (!verify("RSA-SHA256", Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, "base64url")))
    throw refuse("wrong signature");
  const header = part(head);
  const claims = part(body);
  if (header["typ"] !== "JWT" || header["alg"] !== "RS256") throw refuse("wrong algorithm");
  if (header["kid"] !== applicationId) throw refuse("unknown application");
  if (claims["iss"] !== "enablebanking.com" || claims["aud"] !== "api.enablebanking.com")
    throw refuse("wrong issuer or audience");
  const { iat, exp } = claims;
  if (typeof iat !== "number" || typeof exp !== "number" || exp - iat > DAY_S)
    throw refuse("wrong life time");
  const seconds = now / 1000;
  if (iat > seconds + LEEWAY_S || exp < seconds - LEEWAY_S) throw refuse("not its time");
}

function part(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Record<string, unknown>;
}
