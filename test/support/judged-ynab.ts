import assert from "node:assert/strict";
import type { OpenApi } from "./openapi";

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** Sends requests to a twin and has each request and answer judged by the official description. */
export class JudgedClient {
  /** How many answers were judged good. */
  judged = 0;

  constructor(
    private readonly base: string,
    private readonly token: string,
    private readonly spec: OpenApi,
  ) {}

  /** @param path after `/v1`; a request that is meant to be wrong is sent with `wrong: true` */
  async send<T = { data: Record<string, unknown> }>(
    method: string,
    path: string,
    options: { body?: unknown; wrong?: boolean; token?: string } = {},
  ): Promise<Reply<T>> {
    const { body } = options;
    const onWire = `/v1${path}`;
    if (!options.wrong) {
      assert.deepEqual(this.spec.checkRequest({ method, path: onWire, ...(body ? { body } : {}) }), []);
    }
    const response = await fetch(this.base + path, {
      method,
      headers: {
        authorization: `Bearer ${options.token ?? this.token}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const parsed = (await response.json()) as T;
    const { status } = response;
    const faults =
      status >= 400
        ? this.spec.checkSchema("ErrorResponse", parsed)
        : this.spec.checkResponse({ method, path: onWire, status, body: parsed });
    assert.deepEqual(faults, [], `${method} ${path}`);
    this.judged += 1;
    return { status, headers: response.headers, body: parsed };
  }
}
