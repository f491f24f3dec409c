import type http from "node:http";
import { bankPage, wantsPage } from "../consent-page";
import { bodyOf, FaultList, pause, TwinListener } from "../twin-server";
import { ApiError } from "./errors";
import type { Call } from "./routes";
import type { EnableBankingTwinOptions, TwinFault } from "./types";

/** HTTP around the operations, with faults on demand. */
export class Server {
  readonly faults = new FaultList<TwinFault>();
  requests = 0;
  readonly #listener = new TwinListener((request, response) => this.#serve(request, response));

  constructor(
    private readonly options: EnableBankingTwinOptions,
    /** @throws ApiError */
    private readonly answer: (call: Call) => unknown,
    /** The bank's page: where it sends the person. */
    private readonly consent: (id: string, answer: string) => string,
    /** Name of the bank whose page it is. */
    private readonly bankOf: (id: string) => string,
  ) {}

  get origin(): string {
    return this.#listener.origin;
  }

  listen(port: number): Promise<void> {
    return this.#listener.listen(port);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? "/", "http://twin.invalid");
    if (url.pathname.startsWith("/consent/")) return this.#serveConsent(url, request, response);
    this.requests++;
    const { method = "GET", headers } = request;
    const call: Call = { method, path: url.pathname, query: url.searchParams, body, headers };
    const fault = this.faults.take(call);
    if (fault?.kind === "reset") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "slow") await pause(response, fault.ms ?? 1000);
    if (response.destroyed) return;
    const { status, text, extra } = this.#answer(call, fault);
    this.options.onExchange?.({
      method,
      path: request.url ?? "/",
      authorization: headers.authorization ?? "",
      requestBody: body,
      status,
      responseBody: text,
    });
    response.writeHead(status, { "Content-Type": "application/json", ...extra }).end(text);
  }

  #answer(
    call: Call,
    fault: TwinFault | undefined,
  ): { status: number; text: string; extra: Record<string, string> } {
    try {
      if (fault?.kind === "status") {
        const extra: Record<string, string> =
          fault.retryAfter === undefined ? {} : { "Retry-After": String(fault.retryAfter) };
        if (fault.error)
          throw new ApiError(fault.status ?? 500, fault.error, fault.message ?? fault.error, extra);
        return { status: fault.status ?? 500, text: fault.message ?? "<html>Bad gateway</html>", extra };
      }
      const text = JSON.stringify(this.answer(call));
      return { status: 200, text: fault?.kind === "malformed" ? text.slice(0, -3) : text, extra: {} };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: error.status, text: JSON.stringify(error.body), extra: error.headers };
    }
  }

  /** The page of the bank. It sends the person back with `?answer=give` or `refuse`; a program says yes at once. */
  #serveConsent(url: URL, request: http.IncomingMessage, response: http.ServerResponse): void {
    try {
      const id = url.pathname.slice("/consent/".length);
      const answer = url.searchParams.get("answer");
      if (answer === null && wantsPage(request.headers.accept)) {
        const page = bankPage(this.bankOf(id), "?answer=give", "?answer=refuse");
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
        return;
      }
      const back = this.consent(id, answer ?? "give");
      response.writeHead(302, { Location: back }).end();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      response.writeHead(error.status, { "Content-Type": "text/plain" }).end(error.message);
    }
  }
}
