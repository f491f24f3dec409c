import { BunqError } from "./errors";
import type { TwinLimit, TwinLimits } from "./types";

/** Source: bunq's documentation, "Rate limits": per IP address and endpoint. DELETE is not named; taken as POST. */
export const DOCUMENTED_LIMITS: TwinLimits = {
  GET: { calls: 3, perMs: 3000 },
  POST: { calls: 5, perMs: 3000 },
  PUT: { calls: 2, perMs: 3000 },
  DELETE: { calls: 5, perMs: 3000 },
  session: { calls: 1, perMs: 30_000 },
};

/** Counts calls in a rolling window of real time. */
export class Limits {
  readonly #limits: TwinLimits | undefined;
  readonly #calls = new Map<string, number[]>();

  constructor(limits: Partial<TwinLimits> | "off" | undefined) {
    this.#limits = limits === "off" ? undefined : { ...DOCUMENTED_LIMITS, ...limits };
  }

  /**
   * @param endpoint path with ids left out
   * @throws BunqError 429 in bunq's words, without `Retry-After`, which bunq does not send
   */
  take(method: string, endpoint: string, address: string): void {
    const limit = this.#limitOf(method, endpoint);
    if (!limit) return;
    const key = `${address} ${method} ${endpoint}`;
    const now = Date.now();
    const recent = (this.#calls.get(key) ?? []).filter((at) => at > now - limit.perMs);
    if (recent.length >= limit.calls) {
      this.#calls.set(key, recent);
      const seconds = Math.ceil(limit.perMs / 1000);
      throw new BunqError(
        429,
        `Too many requests. You can do a maximum of ${limit.calls} calls per ${seconds} second to this endpoint.`,
      );
    }
    this.#calls.set(key, [...recent, now]);
  }

  #limitOf(method: string, endpoint: string): TwinLimit | undefined {
    if (!this.#limits) return undefined;
    if (method === "POST" && endpoint === "/session-server") return this.#limits.session;
    return this.#limits[method as "GET" | "POST" | "PUT" | "DELETE"];
  }
}
