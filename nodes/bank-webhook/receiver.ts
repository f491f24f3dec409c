import { timingSafeEqual } from "node:crypto";
import type { NodeAPI } from "node-red";
import { callerAddress } from "../../lib/http";
import { sha256, toTallyError } from "../../lib/values";
import { guarded, type Request } from "../runtime";

/**
 * The one route that is open to the internet. Who calls without the secret, or from elsewhere, gets the same short
 * answer; nothing is read of what they send.
 */

/** A callback of a bank has a few kilobytes. */
export const MAX_BODY_BYTES = 256 * 1024;
const BODY_LIMIT_MS = 10_000;

export interface Endpoint {
  /** SHA-256 of the secret, in hexadecimal. */
  secretHash: string;
  mayCall(address: string | undefined): boolean;
  isTrustedProxy(address: string | undefined): boolean;
  /** Somebody with the secret who may not call. */
  refused(address: string): void;
  /**
   * @returns false while it cannot take anything: the bank is to try again
   * @throws TallyError PROVIDER_MALFORMED for what is no callback
   */
  take(body: unknown): boolean;
}

type App = NodeAPI["httpNode"];
const open = new WeakMap<App, Set<Endpoint>>();

/** Answer callbacks with the endpoint's secret until the returned function is called. */
export function listen(app: App, endpoint: Endpoint): () => void {
  let endpoints = open.get(app);
  if (!endpoints) {
    endpoints = new Set();
    open.set(app, endpoints);
    const known = endpoints;
    app.post(
      "/tallyflow/hook/:secret",
      guarded(async (request, response) => {
        // No keep-alive: what is not read of a refused body must not be taken for the next request.
        const answer = (status: number, said: string) =>
          void response.set("Connection", "close").status(status).json({ status: said });
        const found = withSecret(known, String(request.params["secret"] ?? ""));
        if (!found) return answer(403, "refused");
        const { remoteAddress } = request.socket;
        const forwarded = request.headers["x-forwarded-for"];
        const caller = callerAddress(remoteAddress, [forwarded ?? []].flat().join(","), (address) =>
          found.isTrustedProxy(address),
        );
        if (!found.mayCall(caller)) {
          found.refused(caller ?? remoteAddress ?? "");
          return answer(403, "refused");
        }
        const body = await bodyOf(request);
        if (body.status !== 200) return answer(body.status, "not taken");
        try {
          return found.take(body.value) ? answer(200, "ok") : answer(503, "not ready");
        } catch (thrown) {
          if (toTallyError(thrown).code !== "PROVIDER_MALFORMED") throw thrown;
          return answer(400, "not taken");
        }
      }),
    );
  }
  endpoints.add(endpoint);
  return () => endpoints.delete(endpoint);
}

/** All are compared, and in constant time: how long it takes tells nothing of a secret. */
function withSecret(endpoints: ReadonlySet<Endpoint>, given: string): Endpoint | undefined {
  const hash = Buffer.from(sha256(given), "hex");
  let found: Endpoint | undefined;
  for (const endpoint of endpoints)
    if (timingSafeEqual(hash, Buffer.from(endpoint.secretHash, "hex"))) found = endpoint;
  return found;
}

/** The JSON that was sent, or the status with which it is refused. */
async function bodyOf(request: Request): Promise<{ status: number; value?: unknown }> {
  // A parser of the user's own settings may have been there before.
  if (request.body !== undefined) return { status: 200, value: request.body as unknown };
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return { status: 413 };
  const chunks: Buffer[] = [];
  let size = 0;
  const late = new Promise<"late">((resolve) => {
    const timer = setTimeout(() => resolve("late"), BODY_LIMIT_MS);
    request.once("close", () => clearTimeout(timer));
  });
  const read = async (): Promise<"large" | "whole" | "cut"> => {
    try {
      for await (const chunk of request) {
        size += (chunk as Buffer).length;
        if (size > MAX_BODY_BYTES) return "large";
        chunks.push(chunk as Buffer);
      }
    } catch {
      // The caller went away, or was too slow: there is nobody to tell.
      return "cut";
    }
    return "whole";
  };
  const outcome = await Promise.race([read(), late]);
  if (outcome === "large") return { status: 413 };
  if (outcome === "late") return { status: 408 };
  if (outcome === "cut") return { status: 400 };
  try {
    return { status: 200, value: JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown };
  } catch {
    return { status: 400 };
  }
}
