import assert from "node:assert/strict";
import {
  BUNQ_ADDRESSES,
  createSandboxUser,
  openBunqByOAuth,
  openBunqOAuth,
  type BunqOAuthOptions,
} from "../../lib/bank";
import { environmentOf } from "../../lib/bank/bunq/addresses";
import { TallyError } from "../../lib/values";
import type { BunqTwin } from "../../simulators/bunq";
import { bunqHarness, codeOf, fakeClock, memoryKeys } from "./bunq-harness";

describe("bunq: environments and OAuth", () => {
  const harness = bunqHarness();
  const { start, connect } = harness;

  const client = (twin: BunqTwin, more: Partial<BunqOAuthOptions> = {}) => {
    const { clientId, clientSecret, authorizeUrl, tokenUrl } = twin.oauth;
    return { clientId, clientSecret, authorizeUrl, tokenUrl, tokens: memoryKeys(), ...more };
  };
  /** The owner opens the page; the query with which they come back. */
  const visit = async (url: string): Promise<Record<string, string>> => {
    const page = await fetch(url, { redirect: "manual" });
    assert.equal(page.status, 302, await page.text());
    return Object.fromEntries(new URL(page.headers.get("location")!).searchParams);
  };
  const attempt = { institution: "bunq", state: "unguessable-state-0123456789" };

  it("knows bunq's addresses, and to which a key belongs", () => {
    assert.deepEqual(BUNQ_ADDRESSES, {
      production: {
        api: "https://api.bunq.com/v1",
        authorize: "https://oauth.bunq.com/auth",
        token: "https://api.oauth.bunq.com/v1/token",
      },
      sandbox: {
        api: "https://public-api.sandbox.bunq.com/v1",
        authorize: "https://oauth.sandbox.bunq.com/auth",
        token: "https://api-oauth.sandbox.bunq.com/v1/token",
      },
    });
    assert.equal(environmentOf("0123"), "production");
    assert.equal(environmentOf("sandbox_0123"), "sandbox");
    assert.equal(environmentOf("0123", "sandbox"), "sandbox", "access tokens have no mark");
    assert.throws(
      () => environmentOf("sandbox_0123", "production"),
      codeOf("CONFIG_INVALID", /sandbox.*production/),
    );
  });

  it("makes a sandbox user whose key works at once", async () => {
    const twin = await start();
    for (const kind of ["person", "company"] as const) {
      const apiKey = await createSandboxUser({ url: twin.url, kind });
      assert.match(apiKey, /^sandbox_/);
      assert.notEqual(apiKey, twin.apiKey);
      assert.equal((await connect(twin, { apiKey }).accounts()).length, 3);
    }
    twin.control.fault({ kind: "status", status: 500, path: "/sandbox-user" });
    await assert.rejects(createSandboxUser({ url: twin.url }), codeOf("OUTCOME_UNKNOWN"));
  });

  it("sends the person to bunq's page, and takes the token that the code is exchanged for", async () => {
    const twin = await start();
    const { oauth: own, ...rest } = { oauth: client(twin) };
    const { redirectUrl } = twin.oauth;
    const bank = openBunqByOAuth({
      ...rest,
      oauth: own,
      url: twin.url,
      store: harness.store,
      http: fakeClock(),
    });
    await assert.rejects(bank.accounts(), codeOf("AUTH_FAILED", /Nobody has allowed/));
    assert.deepEqual(await bank.institutions("nl"), [
      { id: "bunq", name: "bunq", bic: "BUNQNL2A", country: "NL" },
    ]);
    const begun = await bank.begin({ ...attempt, redirectUrl });
    const url = new URL(begun.url);
    assert.equal(url.origin + url.pathname, twin.oauth.authorizeUrl);
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      response_type: "code",
      client_id: own.clientId,
      redirect_uri: redirectUrl,
      state: attempt.state,
    });
    assert.deepEqual(
      (await bank.consents()).map(({ state }) => state),
      ["pending"],
    );
    const query = await visit(begun.url);
    const consent = await bank.complete({ reference: begun.reference, query });
    assert.equal(consent.state, "valid");
    assert.equal(consent.institutionName, "bunq");
    assert.deepEqual(
      await bank.complete({ reference: begun.reference, query }),
      consent,
      "a page loaded again",
    );
    assert.deepEqual(await bank.consents(), [consent]);
    const accounts = await bank.accounts();
    assert.equal(accounts.length, 3);
    assert.deepEqual(twin.control.counts.sessions, 1);
    await bank.close();
    // What is kept opens it again, and is of no use to another client.
    assert.ok(!(await own.tokens.load())!.includes(attempt.state), "the state is kept as a hash");
    const again = openBunqOAuth(own);
    assert.match(await again.accessToken(), /^[0-9a-f]{64}$/);
    const other = openBunqOAuth({ ...own, clientId: "another" });
    await assert.rejects(other.accessToken(), codeOf("AUTH_FAILED"));
    for (const kept of ["", "{", '{"version":2}'])
      await assert.rejects(
        openBunqOAuth({ ...own, tokens: memoryKeys(kept) }).accessToken(),
        codeOf("AUTH_FAILED"),
      );
  });

  it("uses the token of a later consent from then on", async () => {
    const twin = await start();
    const oauth = client(twin);
    const bank = openBunqByOAuth({ oauth, url: twin.url, store: harness.store, http: fakeClock() });
    const tokens: string[] = [];
    for (const state of ["first-state-of-the-owner", "second-state-of-the-owner"]) {
      const begun = await bank.begin({ ...attempt, state, redirectUrl: twin.oauth.redirectUrl });
      await bank.complete({ reference: begun.reference, query: await visit(begun.url) });
      tokens.push(await openBunqOAuth(oauth).accessToken());
      assert.equal((await bank.accounts()).length, 3);
    }
    assert.notEqual(tokens[0], tokens[1]);
    assert.equal(twin.control.counts.installations, 2, "each token has an installation of its own");
    assert.ok(bank.calls >= 8);
    await bank.close();
  });

  it("takes nothing over from whoever was not sent", async () => {
    const twin = await start();
    const clock = fakeClock();
    const own = client(twin, { http: clock });
    const oauth = openBunqOAuth(own);
    const begun = await oauth.begin({ ...attempt, redirectUrl: twin.oauth.redirectUrl });
    const query = await visit(begun.url);
    const { reference } = begun;
    const nothing = async () => assert.rejects(oauth.accessToken(), codeOf("AUTH_FAILED"));
    for (const state of ["", "another-state", `${attempt.state} `])
      await assert.rejects(
        oauth.complete({ reference, query: { ...query, state } }),
        codeOf("AUTH_FAILED", /not sent there from here/),
      );
    const { state: _, ...without } = query;
    await assert.rejects(oauth.complete({ reference, query: without }), codeOf("AUTH_FAILED"));
    await assert.rejects(oauth.complete({ reference: "unknown", query }), codeOf("NOT_FOUND"));
    await nothing();
    await clock.sleep(3_600_000);
    await assert.rejects(oauth.complete({ reference, query }), codeOf("NOT_FOUND"), "an hour later");
    assert.deepEqual(
      (await oauth.consents()).map(({ state }) => state),
      ["ended"],
    );
    await nothing();
  });

  it("says what to do when the person or bunq refuses, and shows no secret", async () => {
    const twin = await start();
    const { redirectUrl } = twin.oauth;
    const own = client(twin);
    const oauth = openBunqOAuth(own);
    twin.control.refuseOAuth(true);
    const refused = await oauth.begin({ ...attempt, redirectUrl });
    await assert.rejects(
      oauth.complete({ reference: refused.reference, query: await visit(refused.url) }),
      codeOf("AUTH_FAILED", /not allowed \(access_denied\)/),
    );
    assert.equal((await oauth.consents())[0]?.state, "ended");
    twin.control.refuseOAuth(false);
    const used = await oauth.begin({ ...attempt, redirectUrl });
    const bad = { code: "0123456789abcdef", state: attempt.state };
    await assert.rejects(
      oauth.complete({ reference: used.reference, query: bad }),
      codeOf("AUTH_FAILED", /invalid or expired/),
    );
    const wrong = openBunqOAuth({ ...own, clientSecret: "not-the-secret-of-the-client" });
    const query = await visit(used.url);
    await assert.rejects(wrong.complete({ reference: used.reference, query }), (error: unknown) => {
      assert.ok(error instanceof TallyError);
      assert.match(error.message, /client secret and the environment/);
      const shown = JSON.stringify([error, error.stack]);
      for (const secret of ["not-the-secret-of-the-client", query["code"]!])
        assert.ok(!shown.includes(secret));
      return true;
    });
    twin.control.fault({ kind: "reset", path: "/token" });
    const lost = await oauth.begin({ ...attempt, redirectUrl });
    await assert.rejects(
      oauth.complete({ reference: lost.reference, query: await visit(lost.url) }),
      codeOf("OUTCOME_UNKNOWN", /connect bunq again/),
    );
    for (const [options, pattern] of [
      [{ clientId: " " }, /client id/],
      [{ clientSecret: "" }, /client secret/],
      [{ tokenUrl: "http://example.org/token" }, /https/],
      [{ authorizeUrl: "nonsense" }, /https/],
    ] as const)
      assert.throws(() => openBunqOAuth({ ...own, ...options }), codeOf("CONFIG_INVALID", pattern));
    await assert.rejects(
      oauth.begin({ ...attempt, redirectUrl: "http://example.org/" }),
      codeOf("CONFIG_INVALID", /redirect URLs/),
    );
    await assert.rejects(oauth.institutions("Holland"), codeOf("CONFIG_INVALID"));
  });
});
