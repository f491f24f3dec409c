import { randomUUID } from "node:crypto";
import type http from "node:http";
import { bodyOf, FaultList, flatHeaders, leaveUnanswered, pause, TwinListener } from "../twin-server";
import { BunqError } from "./errors";
import { Limits } from "./limits";
import type { OAuthServer } from "./oauth";
import { answer, endpointOf, type Call, type World } from "./routes";
import type { BunqTwinOptions, Fault } from "./types";

/** HTTP around the operations: limits, signatures of answers, and faults on demand. */

const BASE = "/v1";

export class TwinServer {
  readonly faults = new FaultList<Fault>();
  requests = 0;
  readonly #listener = new TwinListener((request, response) => this.#serve(request, response));
  readonly #limits: Limits;

  constructor(
    private readonly world: World,
    private readonly oauth: OAuthServer,
    private readonly options: BunqTwinOptions,
    private readonly control: (command: unknown) => unknown,
    private readonly changed: () => void,
  ) {
    this.#limits = new Limits(options.limits);
  }

  /** The address, without a path. */
  async listen(port: number): Promise<string> {
    await this.#listener.listen(port);
    return this.#listener.origin;
  }

  async close(): Promise<void> {
    await this.world.callbacks.stop();
    await this.#listener.close();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? "/", "http://twin.invalid");
    if (url.pathname === "/__control" && this.options.controlRoute)
      return this.#serveControl(request, response, body);
    const headers = flatHeaders(request.headers);
    const call: Call = {
      method: request.method ?? "GET",
      path: url.pathname.startsWith(`${BASE}/`) ? url.pathname.slice(BASE.length) : "",
      query: url.searchParams,
      headers,
      body,
    };
    this.requests++;
    const fault = this.faults.take(call);
    if (fault?.kind === "reset") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "slow") {
      await pause(response, fault.ms);
      if (response.destroyed) return;
    }
    this.world.callbacks.pump();
    const allowed = this.oauth.answer(call.method, url);
    if (allowed) {
      this.changed();
      const type = { "Content-Type": "application/json", ...allowed.headers };
      response.writeHead(allowed.status, type).end(allowed.body ? JSON.stringify(allowed.body) : "");
      return;
    }
    const { status, text, extra } = this.#answer(call, fault, request.socket.remoteAddress ?? "");
    const signed = this.world.access.sign(text);
    const answerHeaders: Record<string, string> = {
      "Content-Type": "application/json",
      "X-Bunq-Client-Response-Id": randomUUID(),
      "X-Bunq-Client-Request-Id": headers["x-bunq-client-request-id"] ?? "",
      ...(fault?.kind === "drop-signature" ? {} : { "X-Bunq-Server-Signature": signed }),
      ...extra,
    };
    if (fault?.kind === "tamper-signature") {
      answerHeaders["X-Bunq-Server-Signature"] = this.world.access.sign(`${text} `);
    }
    if (call.method !== "GET") this.changed();
    this.options.onExchange?.({
      method: call.method,
      path: request.url ?? "/",
      requestHeaders: headers,
      requestBody: body,
      status,
      responseHeaders: answerHeaders,
      responseBody: text,
    });
    if (fault?.kind === "timeout-after-commit") await leaveUnanswered(response);
    else if (fault?.kind === "drop-after-commit") request.socket.destroy();
    else response.writeHead(status, answerHeaders).end(text);
  }

  #answer(
    call: Call,
    fault: Fault | undefined,
    address: string,
  ): { status: number; text: string; extra: Record<string, string> } {
    try {
      if (fault?.kind === "status") throw refusal(fault.status, fault.retryAfter);
      this.#limits.take(call.method, endpointOf(call.path), address);
      const text = JSON.stringify(answer(this.world, call));
      if (fault?.kind === "fail-after-commit") throw refusal(fault.status);
      return { status: 200, text: fault?.kind === "malformed" ? text.slice(0, -7) : text, extra: {} };
    } catch (error) {
      if (!(error instanceof BunqError)) throw error;
      return { status: error.status, text: JSON.stringify(error.body), extra: error.headers };
    }
  }

  #serveControl(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    const reply = (status: number, value: unknown) =>
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value ?? null));
    try {
      reply(200, this.control(request.method === "POST" ? JSON.parse(body) : { action: "counts" }));
    } catch (error) {
      reply(400, { error: error instanceof Error ? error.message : String(error) });
    }
  }
}

const SAID: Readonly<Record<number, string>> = {
  403: "Insufficient authorisation.",
  429: "Too many requests. You can do a maximum of 3 calls per 3 second to this endpoint.",
};

/** @param retryAfter seconds in `Retry-After`; bunq sends none */
function refusal(status: number, retryAfter?: number): BunqError {
  const wait: Record<string, string> = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return new BunqError(status, SAID[status] ?? "Something went wrong on our end.", wait);
}
