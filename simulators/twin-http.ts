import type http from "node:http";
import {
  bodyOf,
  FaultList,
  flatHeaders,
  leaveUnanswered,
  pause,
  TwinListener,
  type FaultKind,
  type FaultTarget,
  type TwinExchange,
} from "./twin-server";

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

/** What goes wrong with the next requests that it applies to. */
export type TwinFault = FaultTarget &
  (
    | FaultKind
    /** Answered so, and not carried out. */
    | { kind: "answer"; answer: TwinAnswer }
  );

export class TwinHttp {
  readonly faults = new FaultList<TwinFault>();
  requests = 0;
  readonly #listener = new TwinListener((request, response) => this.#serve(request, response));

  constructor(
    private readonly answer: (request: TwinRequest) => TwinAnswer,
    private readonly onExchange: ((exchange: TwinExchange) => void) | undefined,
  ) {}

  /** @param port 0 takes any free port. The address without a path. */
  async listen(port: number): Promise<string> {
    await this.#listener.listen(port);
    return this.#listener.origin;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const url = new URL(incoming.url ?? "/", "http://twin.invalid");
    const request: TwinRequest = {
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: flatHeaders(incoming.headers),
      body,
    };
    this.requests++;
    const fault = this.faults.take(request);
    if (fault?.kind === "reset") {
      incoming.socket.destroy();
      return;
    }
    if (fault?.kind === "slow") await pause(response, fault.ms);
    if (response.destroyed) return;
    const answer = this.#answered(request, fault);
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
    if (fault?.kind === "timeout-after-commit") await leaveUnanswered(response);
    else if (fault?.kind === "drop-after-commit") incoming.socket.destroy();
    else response.writeHead(answer.status, headers).end(text);
  }

  #answered(request: TwinRequest, fault: TwinFault | undefined): TwinAnswer {
    if (fault?.kind === "answer") return fault.answer;
    if (fault?.kind === "status") {
      const headers: Record<string, string> =
        fault.retryAfter === undefined ? {} : { "Retry-After": String(fault.retryAfter) };
      return { status: fault.status, headers, body: { error: `fault ${fault.status}` } };
    }
    const answer = this.answer(request);
    return fault?.kind === "fail-after-commit"
      ? { status: fault.status, body: { error: `fault ${fault.status}` } }
      : answer;
  }
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
