import http from "node:http";
import type { AddressInfo } from "node:net";

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

/** Which requests something that goes wrong applies to. */
export interface FaultTarget {
  /** How many requests it hits; 1 when absent. */
  times?: number;
  /** Let so many requests pass before it begins. */
  skip?: number;
  /** Only requests whose path contains this. */
  path?: string;
  method?: string;
}

/** Faults that wait for their requests, the first one first. */
export class FaultList<F extends FaultTarget> {
  #waiting: F[] = [];

  /** The fault is copied: its counts go down in the copy. */
  add(fault: F): void {
    this.#waiting.push({ ...fault });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The fault that hits this request, used up once. */
  take({ method, path }: { method: string; path: string }): F | undefined {
    for (const fault of this.#waiting) {
      if (fault.method !== undefined && fault.method !== method) continue;
      if (fault.path !== undefined && !path.includes(fault.path)) continue;
      if ((fault.skip ?? 0) > 0) {
        fault.skip = fault.skip! - 1;
        continue;
      }
      fault.times = (fault.times ?? 1) - 1;
      if (fault.times <= 0) this.#waiting = this.#waiting.filter((each) => each !== fault);
      return fault;
    }
    return undefined;
  }
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
