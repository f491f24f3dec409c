import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TwinExchange } from "../../simulators/twin-server";
import { harness, readInto } from "../bank/aggregate-harness";
import { loadOpenApi } from "../support/openapi";
import { sharedPath, skipWithout } from "../support/shared";

/** Client and twin judged by GoCardless' official description; the two know each other only by it. */
describe("GoCardless twin and client, by the official description", () => {
  const own = harness();

  it("exchange only what is described, in every operation that is used", async function () {
    const file = sharedPath("data", "api_specs", "gocardless", "nordigen_api_v2.yml");
    if (!file) skipWithout(this, "GoCardless' OpenAPI description");
    const api = loadOpenApi(file, { nullIsAbsent: true });
    const faults: string[] = [];
    const seen = new Set<string>();
    const onExchange = (exchange: TwinExchange) => {
      const { method, path, status, requestBody, responseBody } = exchange;
      if (path.startsWith("/psd2/")) return;
      const operation = api.find(method, path);
      seen.add(`${method} ${operation?.template ?? path}`);
      const sent = requestBody ? { body: JSON.parse(requestBody) as unknown } : {};
      if (status < 300) faults.push(...api.checkRequest({ method, path, ...sent }));
      faults.push(...api.checkResponse({ method, path, status, body: JSON.parse(responseBody) as unknown }));
    };
    const twin = await own.goCardless({ onExchange });
    const provider = own.openGoCardless(twin);
    await provider.institutions("NL");
    const { url, reference } = await provider.begin({
      institution: "SIMULATED_TWINNL2A",
      redirectUrl: "https://home.invalid/back",
      state: "s",
    });
    const answer = await fetch(url, { redirect: "manual" });
    const query = Object.fromEntries(new URL(answer.headers.get("location")!).searchParams);
    await provider.complete({ reference, query });
    await provider.consents();
    const [account] = await provider.accounts();
    let { cursor } = await readInto(own.store, provider, account!);
    for (let read = 0; read < 3; read++)
      ({ cursor } = await readInto(own.store, own.openGoCardless(twin), account!, cursor));
    own.clock.days(1);
    await provider.institutions("NL");
    // Refusals too: too many calls, a suspended account, an ended consent, an unknown one, a wrong secret.
    const loose = own.openGoCardless(twin, { callsPerDay: 50 });
    await loose.accounts();
    for (let read = 0; read < 4; read++) await readInto(own.store, loose, account!, cursor);
    await assert.rejects(readInto(own.store, loose, account!, cursor));
    own.clock.days(95);
    await assert.rejects(readInto(own.store, provider, account!, cursor));
    await assert.rejects(provider.complete({ reference: "00000000-0000-4000-a000-000000000000", query: {} }));
    await assert.rejects(own.openGoCardless(twin, { secretId: "nobody" }).accounts());
    assert.deepEqual([...new Set(faults)], []);
    assert.deepEqual([...seen].sort(), [
      "GET /api/v2/accounts/{id}/",
      "GET /api/v2/accounts/{id}/balances/",
      "GET /api/v2/accounts/{id}/details/",
      "GET /api/v2/accounts/{id}/transactions/",
      "GET /api/v2/agreements/enduser/",
      "GET /api/v2/agreements/enduser/{id}/",
      "GET /api/v2/institutions/",
      "GET /api/v2/institutions/{id}/",
      "GET /api/v2/requisitions/",
      "GET /api/v2/requisitions/{id}/",
      "POST /api/v2/agreements/enduser/",
      "POST /api/v2/requisitions/",
      "POST /api/v2/token/new/",
      "POST /api/v2/token/refresh/",
    ]);
  });

  it("refuses in the words of the official mock answers", async function () {
    const file = sharedPath("data", "api_specs", "gocardless", "mock_responses.json");
    if (!file) skipWithout(this, "GoCardless' mock answers");
    const mocks = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, unknown>>;
    const twin = await own.goCardless();
    const post = async (path: string, body: object) => {
      const init = { method: "POST", body: JSON.stringify(body) };
      return (await fetch(`${twin.url}${path}`, init)).json();
    };
    assert.deepEqual(
      await post("/token/new/", { secret_id: "a", secret_key: "b" }),
      mocks["CredentialMockData"]!["NoAccountForGivenCredentialsError"],
    );
    const { secretId, secretKey } = twin;
    const { access } = (await post("/token/new/", { secret_id: secretId, secret_key: secretKey })) as {
      access: string;
    };
    const get = async (path: string) =>
      (await fetch(`${twin.url}${path}`, { headers: { authorization: `Bearer ${access}` } })).json();
    assert.deepEqual(
      await get("/institutions/?country=US"),
      mocks["InstitutionsEndpointMockData"]!["GetInstitutionsForNotCoveredCountry"],
    );
    const { detail, status_code } = (await get("/requisitions/none/")) as Record<string, unknown>;
    const expected = mocks["RequisitionsEndpointMockData"]!["GetRequisitionWithInvalidGuid"];
    assert.deepEqual({ summary: detail, detail, status_code }, expected);
  });
});
