import type http from "node:http";
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
    if (url.pathname.startsWith("/consent/")) return this.#serveConsent(url, response);
    this.requests++;
    const { method = "GET", headers } = request;
    const call: Call = { method, path: url.pathname, query: url.searchParams, body, headers };
    const fault = this.faults.take(call);
    if (fault?.kind === "reset") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "slow") await pause(response, fault.delayMs ?? 1000);
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

  /** The page of the bank, which sends the person back at once; `?answer=refuse` says no. */
  #serveConsent(url: URL, response: http.ServerResponse): void {
    try {
      const back = this.consent(
        url.pathname.slice("/consent/".length),
        url.searchParams.get("answer") ?? "give",
      );
      response.writeHead(302, { Location: back }).end();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      response.writeHead(error.status, { "Content-Type": "text/plain" }).end(error.message);
    }
  }
}
