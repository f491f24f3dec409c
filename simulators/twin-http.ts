import http from "node:http";
import type { AddressInfo } from "node:net";

/** HTTP for twins of JSON APIs: reads requests, answers them, and does on demand what goes wrong in the field. */

export interface TwinRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: string;
}

export interface TwinAnswer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; `text` as it is. */
  body?: unknown;
  text?: string;
}

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

/** What goes wrong with the next requests that it applies to. */
export interface TwinFault {
  kind: "answer" | "malformed" | "slow" | "reset";
  /** Of kind `answer`. */
  answer?: TwinAnswer;
  /** How many requests it hits; 1 when absent. */
  times?: number;
  /** Let so many requests pass before it begins. */
  skip?: number;
  /** Only requests whose path contains this. */
  path?: string;
  /** How long `slow` takes, in milliseconds. */
  delayMs?: number;
}

export class TwinHttp {
  faults: TwinFault[] = [];
  requests = 0;
  readonly #server: http.Server;

  constructor(
    private readonly answer: (request: TwinRequest) => TwinAnswer,
    private readonly onExchange: ((exchange: TwinExchange) => void) | undefined,
  ) {
    this.#server = http.createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** @param port 0 takes any free port. The address without a path. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? "/", "http://twin.invalid");
    const request: TwinRequest = {
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
      ),
      body: Buffer.concat(chunks).toString("utf8"),
    };
    this.requests++;
    const fault = this.#takeFault(request);
    if (fault?.kind === "reset") {
      incoming.socket.destroy();
      return;
    }
    if (fault?.kind === "slow") await pause(response, fault.delayMs ?? 1000);
    if (response.destroyed) return;
    const answer = fault?.kind === "answer" && fault.answer ? fault.answer : this.answer(request);
    const whole = answer.text ?? (answer.body === undefined ? "" : JSON.stringify(answer.body));
    const text = fault?.kind === "malformed" ? whole.slice(0, -2) : whole;
    const type = answer.text === undefined ? "application/json" : "text/plain";
    const headers = { "Content-Type": type, ...answer.headers };
    this.onExchange?.({
      method: request.method,
      path: incoming.url ?? "/",
      requestHeaders: request.headers,
      requestBody: request.body,
      status: answer.status,
      responseHeaders: headers,
      responseBody: text,
    });
    response.writeHead(answer.status, headers).end(text);
  }

  #takeFault({ path }: TwinRequest): TwinFault | undefined {
    for (const fault of this.faults) {
      if (fault.path !== undefined && !path.includes(fault.path)) continue;
      if ((fault.skip ?? 0) > 0) {
        fault.skip = fault.skip! - 1;
        continue;
      }
      fault.times = (fault.times ?? 1) - 1;
      if (fault.times <= 0) this.faults = this.faults.filter((each) => each !== fault);
      return fault;
    }
    return undefined;
  }
}

async function pause(response: http.ServerResponse, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The refusal of a request, thrown where it is found. */
export class TwinRefusal extends Error {
  constructor(readonly answer: TwinAnswer) {
    super(`${answer.status}`);
  }
}

/** Counts calls of a key within a time. */
export class TwinQuota {
  readonly #calls = new Map<string, number[]>();

  constructor(
    private readonly limit: number,
    private readonly perMs: number,
    private readonly now: () => number,
  ) {}

  /** Take a call, if one is left. `left` is what remains after it, `resetSeconds` until there is one more. */
  take(key: string): { taken: boolean; left: number; resetSeconds: number } {
    const now = this.now();
    const calls = (this.#calls.get(key) ?? []).filter((at) => at > now - this.perMs);
    const taken = calls.length < this.limit;
    if (taken) calls.push(now);
    this.#calls.set(key, calls);
    const resetSeconds = Math.max(1, Math.ceil(((calls[0] ?? now) + this.perMs - now) / 1000));
    return { taken, left: this.limit - calls.length, resetSeconds };
  }
}
