import type { TwinExchange } from "../../simulators/twin-server";
import { loadOpenApi, type OpenApi } from "../support/openapi";

/**
 * Judges exchanges by bunq's official description. It describes what lies inside bunq's envelope
 * `{"Response": [{"Payment": {...}}], "Pagination": ...}`, so the envelope is taken off first, and it never says
 * `nullable` although the samples in bunq's documentation are full of nulls, so a null counts as absent.
 */
export class BunqJudge {
  readonly faults: string[] = [];
  readonly seen = new Set<string>();
  readonly #api: OpenApi;

  constructor(file: string) {
    this.#api = loadOpenApi(file, { nullIsAbsent: true, closed: true });
  }

  readonly hear = (exchange: TwinExchange): void => {
    const { method, path, status } = exchange;
    const operation = this.#api.find(method, path);
    if (!operation) {
      if (status !== 404) this.faults.push(`${method} ${path} answered ${status} and is not described`);
      return;
    }
    const label = `${method} ${operation.template}`;
    this.seen.add(label);
    if (/notification-filter-url$/.test(label)) return this.#hearFilters(label, exchange);
    if (status < 300) {
      // The installation has no token to authenticate with yet; the description asks for the header all the same.
      const headers = { "x-bunq-client-authentication": "none", ...exchange.requestHeaders };
      const body = exchange.requestBody ? { body: JSON.parse(exchange.requestBody) as unknown } : {};
      this.faults.push(...this.#api.checkRequest({ method, path, headers, ...body }));
    }
    for (const name of ["X-Bunq-Client-Response-Id", "X-Bunq-Client-Request-Id", "X-Bunq-Server-Signature"]) {
      if (!(name in exchange.responseHeaders)) this.faults.push(`${label}: no header ${name}`);
    }
    const answer = JSON.parse(exchange.responseBody) as { Response?: Record<string, unknown>[] };
    // "This is how the error response looks like for 4XX response codes", says the description of status 400.
    const judged =
      status >= 400 ? { status: 400, body: answer } : { status, body: unwrap(label, answer.Response ?? []) };
    this.faults.push(...this.#api.checkResponse({ method, path, ...judged }));
  };

  /**
   * The description says of the filters' endpoint that a filter is a list of filters without end. What a filter is, it
   * says where it speaks of those that failed; its clients know id and timestamps beside.
   */
  #hearFilters(label: string, { requestBody, responseBody, status }: TwinExchange): void {
    if (status >= 400) return;
    const check = (direction: "request" | "response", filters: unknown[]) => {
      for (const filter of filters) {
        const { id: _, created: __, updated: ___, ...rest } = filter as Record<string, unknown>;
        const found = this.#api.checkSchema("NotificationFilter", rest, direction);
        this.faults.push(...found.map((fault) => `${label}: ${fault}`));
      }
    };
    type Listed = { notification_filters?: unknown[] };
    if (requestBody) check("request", (JSON.parse(requestBody) as Listed).notification_filters ?? ["none"]);
    const { Response } = JSON.parse(responseBody) as { Response: Record<string, Listed>[] };
    check(
      "response",
      Response.flatMap((item) => {
        const { NotificationFilterUrl: filter } = item;
        return filter ? (filter.notification_filters ?? [filter]) : [];
      }),
    );
  }
}

/** Operations whose schema keeps the name of the kind around each object. */
const NAMED = /\/(user|user\/\{itemId\}|monetary-account|monetary-account\/\{itemId\})$/;
const SINGLE = /\{itemId\}$/;

function unwrap(label: string, items: Record<string, unknown>[]): unknown {
  if (
    /^POST .*\/(installation|session-server|notification-filter-failure)$/.test(label) ||
    label.startsWith("DELETE")
  ) {
    return Object.assign({}, ...items) as unknown;
  }
  const inner = NAMED.test(label) ? items : items.map((item) => Object.values(item)[0]);
  return SINGLE.test(label) || label === "POST /device-server" ? inner[0] : inner;
}
