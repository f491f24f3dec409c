import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import {
  startEnableBankingTwin,
  type EnableBankingTwin,
  type EnableBankingTwinOptions,
} from "../../simulators/enable-banking";
import { makeHousehold } from "../../simulators/household";

/** The twin by itself, spoken to with a client of its own. */

const household = makeHousehold({ from: "2025-04-01", until: "2025-06-30" });

describe("the twin of Enable Banking", () => {
  let twin: EnableBankingTwin;
  let at = 0;

  const start = async (options: Partial<EnableBankingTwinOptions> = {}) => {
    at = Date.parse("2025-07-01T10:00:00Z");
    twin = await startEnableBankingTwin({ household, now: () => at, ...options });
  };
  afterEach(() => twin.stop());

  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const token = (head: object = {}, claims: object = {}, key = twin.privateKey) => {
    const now = Math.floor(at / 1000);
    const text = `${encoded({ typ: "JWT", alg: "RS256", kid: twin.applicationId, ...head })}.${encoded({ iss: "enablebanking.com", aud: "api.enablebanking.com", iat: now, exp: now + 3600, ...claims })}`;
    return `${text}.${sign("sha256", Buffer.from(text), createPrivateKey(key)).toString("base64url")}`;
  };
  const call = async (
    path: string,
    init: { method?: string; body?: unknown; bearer?: string; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(twin.url + path, {
      method: init.method ?? "GET",
      headers: { authorization: `Bearer ${init.bearer ?? token()}`, ...init.headers },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, string> & { error?: string },
    };
  };
  const auth = (more: object = {}) => ({
    access: { valid_until: new Date(at + 86_400_000).toISOString() },
    aspsp: { name: "Polderbank", country: "NL" },
    state: "word",
    redirect_url: "https://example.org/back",
    psu_type: "personal",
    ...more,
  });
  const session = async () => {
    const begun = await call("/auth", { method: "POST", body: auth() });
    const query = await twin.control.consent(begun.body["url"]!);
    const { body } = await call("/sessions", { method: "POST", body: { code: query["code"] } });
    return body as unknown as {
      session_id: string;
      accounts: { uid: string; details: string; identification_hash: string }[];
    };
  };
  const pages = async (uid: string, query = "") => {
    const { status, body } = await call(`/accounts/${uid}/transactions?date_from=2025-01-01${query}`);
    return {
      status,
      error: body.error,
      rows: (body["transactions"] ?? []) as unknown as object[],
      key: body["continuation_key"] as unknown as string | null,
    };
  };

  it("lets in none but the application's own tokens", async () => {
    await start();
    assert.equal((await call("/application")).status, 200);
    const now = Math.floor(at / 1000);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const stranger = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const bad = {
      nothing: "",
      "another key": token({}, {}, stranger),
      "another application": token({ kid: "other" }),
      "no algorithm": token({ alg: "none" }),
      "another issuer": token({}, { iss: "x" }),
      "another audience": token({}, { aud: "x" }),
      "too long a life": token({}, { exp: now + 86_401 }),
      over: token({}, { iat: now - 7200, exp: now - 3600 }),
      "not yet": token({}, { iat: now + 3600, exp: now + 7200 }),
      "no signature": token().replace(/\.[^.]*$/, "."),
    };
    for (const [what, bearer] of Object.entries(bad)) {
      const { status, body } = await call("/application", { bearer });
      assert.deepEqual([status, body.error], [401, "UNAUTHORIZED_ACCESS"], what);
    }
  });

  it("begins consents for what a bank allows only", async () => {
    await start({ redirectUrls: ["https://example.org/back"] });
    const until = (ms: number) => ({ access: { valid_until: new Date(at + ms).toISOString() } });
    for (const [more, error] of [
      [until(181 * 86_400_000), "WRONG_REQUEST_PARAMETERS"],
      [until(-1000), "WRONG_REQUEST_PARAMETERS"],
      [{ access: { valid_until: "2025-07-02" } }, "WRONG_REQUEST_PARAMETERS"],
      [{ psu_type: "cat" }, "WRONG_REQUEST_PARAMETERS"],
      [{ aspsp: { name: "Nobank", country: "NL" } }, "WRONG_ASPSP_PROVIDED"],
      [{ redirect_url: "https://example.org/other" }, "REDIRECT_URI_NOT_ALLOWED"],
    ] as const) {
      const { status, body } = await call("/auth", { method: "POST", body: auth(more) });
      assert.deepEqual([status, body.error], [422, error], JSON.stringify(more));
    }
    const begun = await call("/auth", { method: "POST", body: auth() });
    assert.deepEqual(await twin.control.consent(begun.body["url"]!, "refuse"), {
      state: "word",
      error: "access_denied",
      error_description: "Denied data sharing consent",
    });
    const { code } = await twin.control.consent(begun.body["url"]!);
    assert.equal(
      (await call("/sessions", { method: "POST", body: { code: "wrong" } })).body.error,
      "WRONG_AUTHORIZATION_CODE",
    );
    assert.equal((await call("/sessions", { method: "POST", body: { code } })).status, 200);
    assert.equal(
      (await call("/sessions", { method: "POST", body: { code } })).body.error,
      "ALREADY_AUTHORIZED",
    );
  });

  it("gives an account another uid in each session and the same hash, and ends sessions", async () => {
    await start();
    const one = await session();
    const two = await session();
    assert.notEqual(one.accounts[0]!.uid, two.accounts[0]!.uid);
    assert.equal(one.accounts[0]!.identification_hash, two.accounts[0]!.identification_hash);
    assert.equal(
      (await call(`/accounts/${one.accounts[0]!.uid}/details`)).body["details"],
      one.accounts[0]!.details,
    );
    assert.equal((await call(`/sessions/${one.session_id}`, { method: "DELETE" })).status, 200);
    assert.equal((await call(`/sessions/${one.session_id}`)).body["status"], "CLOSED");
    assert.equal((await pages(one.accounts[0]!.uid)).error, "CLOSED_SESSION");
    assert.equal((await pages(two.accounts[0]!.uid)).status, 200);
    at += 2 * 86_400_000;
    assert.equal((await pages(two.accounts[0]!.uid)).error, "EXPIRED_SESSION");
    assert.equal((await call("/sessions/unknown")).body.error, "SESSION_DOES_NOT_EXIST");
    assert.equal((await pages("unknown")).error, "ACCOUNT_DOES_NOT_EXIST");
  });

  it("gives all rows in pages whose keys hold with the same question in the same session only", async () => {
    await start({ pageSize: 10, accessesPerDay: "off" });
    const one = (await session()).accounts[0]!.uid;
    const two = (await session()).accounts[0]!.uid;
    const first = await pages(one, "&strategy=longest");
    assert.equal(first.rows.length, 10);
    const next = `&continuation_key=${first.key}`;
    assert.equal((await pages(one, next)).error, "WRONG_CONTINUATION_KEY", "another question");
    assert.equal((await pages(two, `&strategy=longest${next}`)).error, "WRONG_CONTINUATION_KEY");
    assert.equal((await pages(one, "&continuation_key=nonsense")).error, "WRONG_CONTINUATION_KEY");
    let rows = first.rows;
    for (let key: string | null = first.key; key;) {
      const page = await pages(one, `&strategy=longest&continuation_key=${key}`);
      rows = [...rows, ...page.rows];
      key = page.key;
    }
    const booked = rows.filter((row) => (row as { status: string }).status === "BOOK");
    assert.equal(booked.length, twin.control.visible("current").length);
    twin.control.expireKeys();
    assert.equal((await pages(one, `&strategy=longest${next}`)).error, "WRONG_CONTINUATION_KEY");
  });

  it("counts readings as banks do, and lets the person read as often as they like", async () => {
    await start({ pageSize: 10 });
    const { uid } = (await session()).accounts[0]!;
    let key: string | null = null;
    for (let reading = 0; reading < 4; reading++) ({ key } = await pages(uid));
    assert.equal((await pages(uid, `&continuation_key=${key}`)).status, 200);
    const refused = await pages(uid);
    assert.deepEqual([refused.status, refused.error], [429, "ASPSP_RATE_LIMIT_EXCEEDED"]);
    assert.equal((await call(`/accounts/${uid}/balances`)).status, 200, "balances have their own");
    const present = { headers: { "psu-ip-address": "203.0.113.7" } };
    assert.equal((await call(`/accounts/${uid}/transactions`, present)).status, 200);
    at += 86_400_001 - 3_600_000 * 2;
    assert.equal((await pages(uid)).status, 429);
  });

  it("shows less of the past once the first hour is over", async () => {
    await start({ historyDays: 30, namesFirstDay: true, accessesPerDay: "off", pageSize: 9999 });
    const { uid } = (await session()).accounts[0]!;
    const all = (await pages(uid)).rows.length;
    at += 3_600_000;
    assert.equal((await pages(uid)).error, "WRONG_TRANSACTIONS_PERIOD");
    const longest = (await pages(uid, "&strategy=longest")).rows.length;
    assert.ok(longest > 0 && longest < all);
    assert.equal((await pages(uid, "&strategy=other")).error, "WRONG_REQUEST_PARAMETERS");
  });
});
