import http from "node:http";
import type { AddressInfo } from "node:net";
import { Random } from "./household/random";

/** What the HTTP sides of all twins share. */

/** A server on a port of this computer; what its handler throws cuts the connection. */
export class TwinListener {
  readonly #server: http.Server;

  constructor(serve: (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>) {
    this.#server = http.createServer((request, response) => {
      serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** Address without a path; to be asked once it listens. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param port 0 takes any free port */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export async function bodyOf(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Headers by their names, several of one name joined. */
export function flatHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
  );
}

/** Wait, and no longer than the client does. */
export async function pause(response: http.ServerResponse, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What can go wrong with any API. */
export type FaultKind =
  /** The request is refused with this status before anything is done. */
  | { kind: "status"; status: number; retryAfter?: number }
  /** The request is carried out, and the answer is cut in the middle. */
  | { kind: "malformed" }
  /** The answer waits this long. */
  | { kind: "slow"; ms: number }
  /** The connection is cut before anything is done. */
  | { kind: "reset" }
  /** The request is carried out, and no answer comes until the client gives up. */
  | { kind: "timeout-after-commit" }
  /** The request is carried out, and the connection is cut before the answer. */
  | { kind: "drop-after-commit" }
  /** The request is carried out, and a 5xx is answered. */
  | { kind: "fail-after-commit"; status: number };

/** Which requests something that goes wrong applies to. */
export interface FaultTarget {
  /** How many requests it hits; when absent 1, or any number for a fault with a probability. */
  times?: number;
  /** Let so many requests pass before it begins. */
  skip?: number;
  /** Only requests whose path contains this. */
  path?: string;
  /** Only requests whose path matches this regular expression. */
  pattern?: string;
  method?: string;
  /** It hits a request with this probability only, 0 to 1 ... */
  probability?: number;
  /** ... by chance of this seed: the same seed hits the same requests. 1 when absent. */
  seed?: number;
}

interface Waiting<F> {
  fault: F;
  skip: number;
  left: number;
  chance: Random | undefined;
}

/** Faults that wait for their requests, the first one first. */
export class FaultList<F extends FaultTarget> {
  #waiting: Waiting<F>[] = [];

  /** The fault is copied: what the caller does to it later has no effect. */
  add(fault: F): void {
    const { probability, seed = 1, skip = 0 } = fault;
    const chance = probability === undefined ? undefined : new Random(seed);
    const left = fault.times ?? (chance ? Infinity : 1);
    this.#waiting.push({ fault: { ...fault }, skip, left, chance });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The fault that hits this request, used up once. */
  take({ method, path }: { method: string; path: string }): F | undefined {
    for (const entry of this.#waiting) {
      const { fault } = entry;
      if (fault.method !== undefined && fault.method !== method) continue;
      if (fault.path !== undefined && !path.includes(fault.path)) continue;
      if (fault.pattern !== undefined && !new RegExp(fault.pattern).test(path)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      if (entry.chance && !entry.chance.chance(fault.probability!)) continue;
      entry.left -= 1;
      if (entry.left <= 0) this.#waiting = this.#waiting.filter((each) => each !== entry);
      return fault;
    }
    return undefined;
  }
}

/** Leave a request without an answer, until the client hangs up. */
export async function leaveUnanswered(response: http.ServerResponse): Promise<void> {
  if (!response.destroyed) await new Promise<void>((resolve) => response.once("close", resolve));
}

/** A request and its answer, for judges of the protocol. */
export interface TwinExchange {
  method: string;
  /** With the query. */
  path: string;
  requestHeaders: Record<string, string>;
  requestBody: string;
  status: number;
  responseHeaders: Record<string, string>;
  responseBody: string;
}
