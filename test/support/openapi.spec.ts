import assert from "node:assert/strict";
import { OpenApi, loadOpenApi } from "./openapi";
import { sharedPath, skipWithout } from "./shared";

const DOCUMENT = {
  openapi: "3.0.3",
  servers: [{ url: "https://api.example/{base}", variables: { base: { default: "v1" } } }],
  paths: {
    "/thing/{id}": {
      get: {
        operationId: "getThing",
        parameters: [
          { in: "path", name: "id", required: true, schema: { type: "integer" } },
          { in: "query", name: "count", schema: { type: "integer", minimum: 0, exclusiveMinimum: true } },
          { $ref: "#/components/parameters/Agent" },
        ],
        responses: {
          200: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
        },
      },
      put: {
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } },
        },
        responses: { default: { description: "anything" } },
      },
    },
    "/thing/latest": { get: { operationId: "latest", responses: { 200: {} } } },
  },
  components: {
    parameters: { Agent: { in: "header", name: "User-Agent", required: true, schema: { type: "string" } } },
    schemas: {
      Thing: {
        type: "object",
        required: ["id", "secret"],
        properties: {
          id: { type: "integer", readOnly: true },
          secret: { type: "string", writeOnly: true },
          note: { type: "string", nullable: true },
          inner: { type: "array", $ref: "#/components/schemas/Inner" },
        },
      },
      Inner: { type: "object", properties: { on: { type: "string", format: "date" } } },
    },
  },
};

describe("OpenAPI judge", () => {
  const api = new OpenApi(DOCUMENT);
  const agent = { "user-agent": "x" };

  it("finds a literal path before one with a parameter, below the servers' base path", () => {
    assert.equal(api.find("GET", "/v1/thing/latest")?.operationId, "latest");
    assert.deepEqual(api.find("get", "/v1/thing/7?count=1")?.pathParameters, { id: "7" });
    assert.equal(api.find("GET", "/v2/thing/7"), undefined);
    assert.equal(api.find("POST", "/v1/thing/7"), undefined);
  });

  it("checks parameters of path, query and header", () => {
    const check = (path: string, headers: Record<string, string>) =>
      api.checkRequest({ method: "GET", path, headers });
    assert.deepEqual(check("/v1/thing/7?count=1", agent), []);
    assert.match(check("/v1/thing/7", {})[0]!, /header parameter User-Agent is required/);
    assert.match(check("/v1/thing/x", agent)[0]!, /path parameter id must be integer/);
    assert.match(check("/v1/thing/7?count=0", agent)[0]!, /must be > 0/);
  });

  it("checks bodies by direction: read-only members are no duty in a request, write-only ones not in an answer", () => {
    const put = (body?: unknown) => api.checkRequest({ method: "PUT", path: "/v1/thing/7", body });
    assert.deepEqual(put({ secret: "s", note: null }), []);
    assert.match(put({ note: "n" })[0]!, /secret/);
    assert.match(put()[0]!, /body is required/);
    const got = (body: unknown, judge = api) =>
      judge.checkResponse({ method: "GET", path: "/v1/thing/7", status: 200, body });
    assert.deepEqual(got({ id: 1, inner: { on: "2024-02-29" }, unknown: 1 }), []);
    assert.match(got({ id: "1" })[0]!, /\/id must be integer/);
    assert.match(got({ id: 1, inner: { on: "2023-02-29" } })[0]!, /format "date"/);
    assert.match(got({ id: null })[0]!, /integer/);
    const strict = new OpenApi(DOCUMENT, { closed: true, nullIsAbsent: true });
    assert.match(got({ id: 1, unknown: 1 }, strict)[0]!, /\(unknown\)/);
    assert.deepEqual(got({ id: 1, inner: null }, strict), []);
  });

  it("says that a status is not described", () => {
    assert.match(
      api.checkResponse({ method: "GET", path: "/v1/thing/7", status: 418 })[0]!,
      /status is not described/,
    );
  });

  it("reads the official descriptions, JSON of 3.0 and YAML of 3.1", function () {
    const bunq = sharedPath("data", "api_specs", "bunq", "swagger.json");
    const ynab = sharedPath("data", "api_specs", "ynab", "open_api_spec.yaml");
    if (!bunq || !ynab) skipWithout(this, "the official API descriptions");
    const installation = { method: "POST", path: "/v1/installation", headers: { ...agent } };
    const faults = loadOpenApi(bunq).checkRequest({ ...installation, body: { client_public_key: 1 } });
    assert.ok(faults.some((fault) => fault.includes("/client_public_key must be string")));
    const budget = loadOpenApi(ynab);
    assert.match(
      budget.checkResponse({ method: "GET", path: "/v1/user", status: 200, body: { data: {} } })[0]!,
      /user/,
    );
    assert.deepEqual(
      budget.checkResponse({
        method: "GET",
        path: "/v1/user",
        status: 200,
        body: { data: { user: { id: "6f9d3f2e-0d9a-4b4c-9f57-2f4c5f0a7c10" } } },
      }),
      [],
    );
  });
});
