import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { bodyOf, flatHeaders, leaveUnanswered, TwinListener, type TwinExchange } from "../twin-server";
import { send, type Answer } from "./answers";
import { CONTROL_CALLS, type Control } from "./control";
import { ApiError, badRequest, noSuchPath, tooManyRequests, unauthorised } from "./errors";
import type { Faults, HourlyLimit } from "./faults";
import type { Call } from "./request";

export interface ServerParts {
  token: string;
  latencyMs: number;
  controlRoute: boolean;
  faults: Faults;
  limit: HourlyLimit;
  control: Control;
  /** Bring the plan to the present (a rename that was due), before each request. */
  refresh(): void;
  handle(call: Call): Answer;
  /** Told of each request that was answered as it should be, and of the answer. */
  onExchange: ((exchange: TwinExchange) => void) | undefined;
}

/** The HTTP side of the twin: token, rate limit, faults, errors. */
export class TwinServer {
  private readonly listener = new TwinListener((request, response) => this.serve(request, response));

  constructor(private readonly parts: ServerParts) {}

  async listen(port: number): Promise<string> {
    await this.listener.listen(port);
    return this.listener.origin;
  }

  close(): Promise<void> {
    return this.listener.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { underway } = this.parts.control;
    const name = `${request.method} ${request.url}`;
    underway.push(name);
    try {
      await this.answer(request, response);
    } finally {
      underway.splice(underway.indexOf(name), 1);
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", "http://twin.invalid");
    const text = await bodyOf(request);
    if (this.parts.controlRoute && url.pathname === "/__control") {
      return this.serveControl(method, text, response);
    }
    const { parts } = this;
    const path = url.pathname + url.search;
    if (parts.latencyMs > 0) await delay(parts.latencyMs);
    const fault = parts.faults.take(method, path);
    if (fault?.kind === "slow") await delay(fault.ms);
    if (fault?.kind === "reset") {
      parts.control.record({ method, path, status: 0 });
      request.socket.destroy();
      return;
    }
    const headers: Record<string, string> = {};
    let result: Answer;
    try {
      const segments = segmentsOf(url.pathname);
      if (fault?.kind === "status") throw statusFault(fault);
      if (request.headers.authorization !== `Bearer ${parts.token}`) throw unauthorised();
      if (!parts.limit.take()) throw tooManyRequests();
      parts.refresh();
      result = parts.handle({
        method,
        path: segments,
        query: url.searchParams,
        body: text === "" ? undefined : parsed(text),
      });
      if (fault?.kind === "fail-after-commit") throw statusFault({ status: fault.status });
    } catch (thrown) {
      const error = thrown instanceof ApiError ? thrown : internal(thrown);
      result = { status: error.status, pieces: [error.body()] };
      Object.assign(headers, error.headers);
    }
    headers["x-rate-limit"] = `${parts.limit.used}/${parts.limit.limit}`;
    const silent = fault?.kind === "drop-after-commit" || fault?.kind === "timeout-after-commit";
    parts.control.record({ method, path, status: silent ? 0 : result.status });
    if (!fault && parts.onExchange) {
      const responseBody = [...result.pieces].join("");
      result = { status: result.status, pieces: [responseBody] };
      const requestHeaders = flatHeaders(request.headers);
      const { status } = result;
      const exchange = { method, path, requestHeaders, requestBody: text, status };
      parts.onExchange({ ...exchange, responseHeaders: headers, responseBody });
    }
    if (fault?.kind === "drop-after-commit") request.socket.destroy();
    else if (fault?.kind === "timeout-after-commit") await leaveUnanswered(response);
    else if (fault?.kind === "malformed") {
      const whole = [...result.pieces].join("");
      const pieces = [whole.slice(0, Math.floor(whole.length / 2))];
      await send(response, { status: result.status, pieces }, headers);
    } else await send(response, result, headers);
  }

  /** `POST /__control` with `{ call, args }`: the same calls that {@link Control} offers in the process. */
  private async serveControl(method: string, text: string, response: ServerResponse): Promise<void> {
    const { control } = this.parts;
    let result: Answer;
    try {
      if (method !== "POST") throw badRequest('POST { "call": ..., "args": [...] }');
      const { call, args = [] } = parsed(text) as { call?: string; args?: unknown[] };
      const name = CONTROL_CALLS.find((known) => known === call);
      if (!name) throw badRequest(`call must be one of ${CONTROL_CALLS.join(", ")}`);
      this.parts.refresh();
      const run = control[name] as (...given: unknown[]) => unknown;
      result = { status: 200, pieces: [JSON.stringify({ result: run.apply(control, args) ?? null })] };
    } catch (thrown) {
      const error = thrown instanceof ApiError ? thrown : badRequest(String(thrown));
      result = { status: error.status, pieces: [error.body()] };
    }
    await send(response, result, {});
  }
}

function segmentsOf(pathname: string): string[] {
  const [, version, ...rest] = pathname.split("/");
  if (version !== "v1") throw noSuchPath();
  return rest.filter((part) => part !== "").map((part) => decodeURIComponent(part));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`The request could not be understood due to malformed syntax: ${String(cause)}`);
  }
}

const NAMES: Readonly<Record<number, string>> = { 409: "conflict", 413: "payload_too_large" };

function statusFault(fault: { status: number; retryAfter?: number }): ApiError {
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
  if (fault.status === 401) return unauthorised();
  if (fault.status === 403) {
    return new ApiError(403, "403.1", "subscription_lapsed", "Subscription for account has lapsed.");
  }
  if (fault.status === 429) return tooManyRequests(headers);
  if (fault.status < 500) {
    const name = NAMES[fault.status] ?? "bad_request";
    return new ApiError(fault.status, String(fault.status), name, name.replaceAll("_", " "), headers);
  }
  const name = fault.status === 503 ? "service_unavailable" : "internal_server_error";
  return new ApiError(fault.status, String(fault.status), name, name.replaceAll("_", " "), headers);
}

function internal(thrown: unknown): ApiError {
  return new ApiError(500, "500", "internal_server_error", `Fault in the twin: ${String(thrown)}`);
}
