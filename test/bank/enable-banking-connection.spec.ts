import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { TallyError } from "../../lib/values";
import type { TwinFault } from "../../simulators/enable-banking";
import { codeOf, read } from "./bunq-harness";
import { enableBankingHarness } from "./enable-banking-harness";

describe("Enable Banking: connection", () => {
  const harness = enableBankingHarness();
  const { start, connect, ready } = harness;

  it("makes a token and renews it before it ends", async () => {
    const tokens = new Set<string>();
    const { provider } = await ready({ onExchange: ({ authorization }) => tokens.add(authorization) });
    await provider.consents();
    assert.equal(tokens.size, 1);
    harness.clock.hours(0.9);
    await provider.consents();
    assert.equal(tokens.size, 1);
    harness.clock.hours(0.05);
    await provider.consents();
    assert.equal(tokens.size, 2);
    const claims = [...tokens].map(
      (token) =>
        JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Record<string, number>,
    );
    assert.ok(claims.every(({ iat, exp }) => exp! - iat! <= 86_400));
    harness.clock.days(3);
    assert.equal((await provider.consents()).length, 1);
  });

  it("takes the key as people paste it, and says what is wrong with others without showing them", async () => {
    const twin = await start();
    const oneLine = twin.privateKey.replaceAll("\n", "\\n");
    const blanks = `  ${twin.privateKey.replaceAll("\n", " ")} `;
    for (const privateKey of [oneLine, blanks, twin.privateKey.replaceAll("\n", "\r\n")])
      assert.deepEqual(await connect(twin, { privateKey }).accounts(), []);
    const { privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const body = twin.privateKey.split("\n")[5]!;
    const bad: [string, RegExp][] = [
      ["", /missing/],
      [twin.privateKey.replace(body, "AAAA"), /RSA key/],
      [twin.privateKey.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), /password/],
      [ec.export({ type: "pkcs8", format: "pem" }).toString(), /RSA key/],
    ];
    for (const [privateKey, pattern] of bad) {
      assert.throws(
        () => connect(twin, { privateKey }),
        (error: unknown) => {
          assert.ok(codeOf("CONFIG_INVALID", pattern)(error), String(error));
          assert.ok(!privateKey || !JSON.stringify([error, (error as Error).stack]).includes(body));
          return true;
        },
      );
    }
    assert.throws(() => connect(twin, { applicationId: " " }), codeOf("CONFIG_INVALID", /application id/));
    assert.throws(() => connect(twin, { source: "a:b" }), codeOf("CONFIG_INVALID", /colon/));
    assert.throws(() => connect(twin, { url: "ftp://x" }), codeOf("CONFIG_INVALID", /address/));
  });

  it("says that a key or an application is the wrong one, and shows neither key nor token", async () => {
    const twin = await start();
    const other = await start();
    for (const options of [{ privateKey: other.privateKey }, { applicationId: other.applicationId }]) {
      const provider = connect(twin, options);
      await assert.rejects(provider.accounts(), (error: unknown) => {
        assert.ok(codeOf("AUTH_FAILED", /private key was refused/)(error), String(error));
        return true;
      });
    }
    const echo = { kind: "status", status: 400, error: "WRONG_REQUEST_PARAMETERS" } as const;
    twin.control.fault({
      ...echo,
      message: `bad: Bearer eyJhbGciOi.eyJpc3Mi.c2ln and eyJhbGciOi.eyJpc3Mi.c2ln`,
    });
    await assert.rejects(connect(twin).accounts(), (error: unknown) => {
      assert.ok(error instanceof TallyError);
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes("eyJ"));
      return true;
    });
  });

  it("gives every refusal its meaning", async () => {
    const { twin, provider, account } = await ready({ accessesPerDay: "off" }, { accessesPerDay: 1000 });
    const cases: [Partial<TwinFault>, string, RegExp][] = [
      [{ status: 401 }, "AUTH_FAILED", /private key was refused/],
      [{ status: 403 }, "AUTH_FAILED", /Polderbank, Everyday/],
      [{ status: 403, error: "ACCESS_DENIED" }, "AUTH_FAILED", /control panel/],
      [{ status: 403, error: "UNAUTHORIZED_IP" }, "AUTH_FAILED", /IP address/],
      [{ status: 404 }, "NOT_FOUND", /./],
      [{ status: 404, error: "ACCOUNT_DOES_NOT_EXIST" }, "NOT_FOUND", /Everyday/],
      [{ status: 422, error: "PSU_HEADER_NOT_PROVIDED" }, "PROVIDER_REFUSED", /unattended/],
      [{ status: 422, error: "WRONG_REQUEST_PARAMETERS", times: 2 }, "PROVIDER_REFUSED", /./],
      [{ status: 422, error: "SOMETHING_NEW" }, "PROVIDER_REFUSED", /SOMETHING_NEW/],
      [{ status: 400, error: "ASPSP_ACCOUNT_NOT_ACCESSIBLE" }, "PROVIDER_REFUSED", /consent again/],
      [{ status: 400, error: "ASPSP_PSU_ACTION_REQUIRED" }, "AUTH_EXPIRED", /Log in at the bank/],
      [{ status: 408, times: 3 }, "PROVIDER_UNAVAILABLE", /./],
      [{ status: 400, error: "ASPSP_ERROR", times: 3 }, "PROVIDER_UNAVAILABLE", /the bank answered/],
      [{ status: 408, error: "ASPSP_TIMEOUT", times: 3 }, "PROVIDER_UNAVAILABLE", /in time/],
      [{ status: 500, times: 3 }, "PROVIDER_UNAVAILABLE", /./],
      [{ status: 502, times: 3 }, "PROVIDER_UNAVAILABLE", /./],
      [{ kind: "malformed", times: 3 }, "PROVIDER_MALFORMED", /./],
      [{ kind: "reset", times: 3 }, "PROVIDER_UNAVAILABLE", /./],
    ];
    for (const [fault, code, pattern] of cases) {
      twin.control.fault({ kind: "status", path: "/transactions", ...fault });
      await assert.rejects(
        read(provider, account, null),
        codeOf(code, pattern),
        JSON.stringify([fault, code]),
      );
      twin.control.clearFaults();
    }
    assert.ok((await read(provider, account, null)).payments.length > 0);
  });

  it("tries a passing fault again, a little later", async () => {
    const { twin, provider, account } = await ready({ accessesPerDay: "off" });
    for (const fault of [
      { kind: "status", status: 503 },
      { kind: "malformed" },
      { kind: "reset" },
    ] as const) {
      harness.clock.waits.length = 0;
      twin.control.fault({ ...fault, path: "/transactions", times: 2 });
      assert.ok((await read(provider, account, null)).payments.length > 0, fault.kind);
      assert.equal(harness.clock.waits.length, 2);
    }
  });

  it("gives up waiting, and stops when it is told to", async () => {
    const { twin, account } = await ready();
    const hasty = connect(twin, { http: { timeoutMs: 30, retries: 1 } });
    twin.control.fault({ kind: "slow", ms: 5000, times: 9, path: "/transactions" });
    await assert.rejects(read(hasty, account, null), codeOf("PROVIDER_UNAVAILABLE"));
    twin.control.clearFaults();
    const stopped = hasty.payments(account, { cursor: null, signal: AbortSignal.abort() });
    await assert.rejects(stopped[Symbol.asyncIterator]().next(), codeOf("CANCELLED"));
  });

  it("marks the session that an error speaks of, and no other", async () => {
    const ends = {
      EXPIRED_SESSION: "expired",
      CLOSED_SESSION: "ended",
      REVOKED_SESSION: "ended",
      SESSION_DOES_NOT_EXIST: "ended",
      WRONG_SESSION_STATUS: "ended",
    };
    const { twin, provider, account, consent } = await ready(
      { accessesPerDay: "off" },
      { accessesPerDay: 1000 },
    );
    let at = consent.id;
    for (const [error, state] of Object.entries(ends)) {
      twin.control.fault({ kind: "status", status: 401, error, path: "/transactions" });
      await assert.rejects(read(provider, account, null), codeOf("AUTH_EXPIRED", /Polderbank/), error);
      assert.equal((await provider.consents()).find(({ id }) => id === at)?.state, state, error);
      at = (await harness.give(twin, provider)).id;
    }
    assert.ok((await read(provider, account, null)).payments.length > 0);
  });

  it("does not let a balance hold up the accounts, unless the key is wrong", async () => {
    const { twin, provider } = await ready();
    const [first] = await provider.accounts();
    harness.clock.hours(7);
    twin.control.fault({ kind: "status", status: 500, path: "/balances", times: 99 });
    assert.deepEqual((await provider.accounts())[0], first, "the last known one");
    twin.control.clearFaults();
    harness.clock.hours(7);
    twin.control.fault({ kind: "status", status: 401, path: "/balances" });
    await assert.rejects(provider.accounts(), codeOf("AUTH_FAILED"));
    const before = twin.control.requests;
    await provider.accounts();
    const asked = twin.control.requests - before;
    await provider.accounts();
    assert.equal(twin.control.requests - before, asked, "not asked for again within hours");
  });
});
