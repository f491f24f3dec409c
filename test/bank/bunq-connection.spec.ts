import assert from "node:assert/strict";
import { rateBudgets, type Payment } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { accountNamed, bunqHarness, codeOf, fakeClock, ids, memoryKeys, read } from "./bunq-harness";

describe("bunq: connection", () => {
  const harness = bunqHarness();
  const { start, connect } = harness;

  it("renews its session once when bunq ends it, in the middle of a fill too", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const seen: Payment[] = [];
    for await (const page of provider.payments(account, { cursor: null })) {
      seen.push(...page.payments);
      twin.control.expireSessions();
    }
    assert.deepEqual(ids(seen), twin.control.visibleIds("current"));
    assert.ok(twin.control.counts.sessions >= 3);
    assert.equal(twin.control.counts.installations, 1);
    twin.control.fault({ kind: "status", status: 403, times: 9, path: "/payment" });
    await assert.rejects(read(provider, account, null), codeOf("AUTH_EXPIRED", /bunq app/));
    assert.equal(twin.control.counts.installations, 1);
  });

  it("renews a session before its auto logout, without a refused request", async () => {
    const statuses: number[] = [];
    const twin = await start({ sessionSeconds: 300, onExchange: ({ status }) => statuses.push(status) });
    const clock = fakeClock();
    const provider = connect(twin, { http: clock });
    await provider.accounts();
    await clock.sleep(200_000);
    await provider.accounts();
    assert.equal(twin.control.counts.sessions, 1);
    await clock.sleep(50_000);
    await provider.accounts();
    assert.equal(twin.control.counts.sessions, 2);
    assert.ok(statuses.every((status) => status === 200));
  });

  it("says what to do about a wrong key, and shows it to nobody", async () => {
    const twin = await start();
    const apiKey = "sandbox_0123456789abcdef";
    const provider = connect(twin, { apiKey });
    await assert.rejects(provider.accounts(), (error: unknown) => {
      assert.ok(error instanceof TallyError);
      assert.equal(error.code, "AUTH_FAILED");
      assert.match(error.message, /Make a new key in the bunq app/);
      assert.ok(!JSON.stringify([error, error.stack]).includes(apiKey));
      return true;
    });
    const good = connect(twin);
    const account = await accountNamed(good, "Everyday");
    twin.control.revokeKey();
    await assert.rejects(read(good, account, null), codeOf("AUTH_FAILED"));
    for (const [bad, pattern] of [
      [{ apiKey: "  " }, /API key is missing/],
      [{ url: "ftp://x" }, /not the address/],
      [{ source: "a:b" }, /colon/],
    ] as const) {
      assert.throws(() => connect(twin, bad), codeOf("CONFIG_INVALID", pattern));
    }
  });

  it("waits as long as bunq says after a 429, and a while when it says nothing", async () => {
    const twin = await start();
    const clock = fakeClock();
    const provider = connect(twin, { http: clock });
    const account = await accountNamed(provider, "Everyday");
    clock.waits.length = 0;
    twin.control.fault({ kind: "status", status: 429, retryAfter: 17 });
    const first = await read(provider, account, null, 1);
    assert.equal(first.payments.length, 200);
    assert.ok(Math.max(...clock.waits) > 16_000, clock.waits.join(" "));
    clock.waits.length = 0;
    twin.control.fault({ kind: "status", status: 429, times: 2 });
    const second = await read(provider, account, first.cursor, 1);
    assert.equal(second.payments.length, 200);
    assert.ok(clock.waits.filter((ms) => ms >= 1000).length >= 2, clock.waits.join(" "));
    twin.control.fault({ kind: "status", status: 429, times: 99 });
    await assert.rejects(read(provider, account, null), codeOf("RATE_LIMITED"));
  });

  it("stays within bunq's limits by itself", async () => {
    const clock = fakeClock();
    const calls: { at: number; method: string; path: string }[] = [];
    const twin = await start({
      onExchange: ({ method, path }) => calls.push({ at: clock.now(), method, path }),
    });
    const provider = connect(twin, { http: clock });
    for (const account of await provider.accounts()) await read(provider, account, null);
    twin.control.expireSessions();
    await provider.accounts();
    const within = (is: (call: (typeof calls)[number]) => boolean, count: number, perMs: number) => {
      const at = calls.filter(is).map((call) => call.at);
      assert.ok(at.length > count, "enough calls to tell");
      at.slice(count).forEach((later, index) =>
        assert.ok(later - at[index]! >= perMs, `${later - at[index]!} ms`),
      );
    };
    within(({ method }) => method === "GET", 3, 3000);
    within(({ path }) => path === "/v1/session-server", 1, 30_000);
  });

  it("tries again after 5xx, a broken line, JSON that is cut off, and answers that bunq did not sign", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    for (const [fault, code] of [
      [{ kind: "status", status: 500 }, "PROVIDER_UNAVAILABLE"],
      [{ kind: "reset" }, "PROVIDER_UNAVAILABLE"],
      [{ kind: "drop-after-commit" }, "PROVIDER_UNAVAILABLE"],
      [{ kind: "malformed" }, "PROVIDER_MALFORMED"],
      [{ kind: "tamper-signature" }, "PROVIDER_MALFORMED"],
      [{ kind: "drop-signature" }, "PROVIDER_MALFORMED"],
    ] as const) {
      twin.control.fault({ ...fault, times: 2 });
      const { payments } = await read(provider, account, null, 1);
      assert.equal(payments.length, 200, fault.kind);
      twin.control.fault({ ...fault, times: 99 });
      await assert.rejects(read(provider, account, null, 1), codeOf(code), fault.kind);
      twin.control.clearFaults();
    }
    twin.control.fault({ kind: "slow", ms: 5000, times: 9 });
    const hasty = connect(twin, { http: { timeoutMs: 30, retries: 1 } });
    await assert.rejects(hasty.accounts(), codeOf("PROVIDER_UNAVAILABLE"));
  });

  it("survives faults while it registers, and uses no installation that bunq did not sign", async () => {
    for (const fault of [
      { kind: "status", status: 500 },
      { kind: "reset" },
      { kind: "status", status: 429 },
      { kind: "fail-after-commit", status: 500 },
      { kind: "drop-after-commit" },
    ] as const) {
      const twin = await start();
      for (const path of ["/installation", "/device-server", "/session-server"])
        twin.control.fault({ ...fault, path });
      assert.equal((await connect(twin).accounts()).length, 3, fault.kind);
    }
    const twin = await start();
    const keyStore = memoryKeys();
    twin.control.fault({ kind: "tamper-signature", path: "/installation" });
    await assert.rejects(connect(twin, { keyStore }).accounts(), codeOf("PROVIDER_MALFORMED", /signature/));
    assert.equal(keyStore.text, undefined);
    assert.equal(twin.control.counts.devices, 0, "the API key was not sent");
  });

  it("registers once: a restart goes on with the same installation and session", async () => {
    const twin = await start();
    const keyStore = memoryKeys();
    await connect(twin, { keyStore }).accounts();
    const registered = { ...twin.control.counts };
    await connect(twin, { keyStore }).accounts();
    assert.deepEqual({ ...twin.control.counts, requests: 0 }, { ...registered, requests: 0 });
    twin.control.expireSessions();
    await connect(twin, { keyStore }).accounts();
    assert.deepEqual(
      { ...twin.control.counts, requests: 0 },
      { ...registered, sessions: registered.sessions + 1, requests: 0 },
    );
    assert.ok(!keyStore.text!.includes(twin.apiKey), "the key itself is not kept with the installation");
  });

  it("registers anew for another key or server, after a damaged file, and when bunq forgot the installation", async () => {
    const twin = await start();
    const other = await start();
    const keyStore = memoryKeys();
    await connect(twin, { keyStore }).accounts();
    const kept = keyStore.text!;
    await connect(other, { keyStore }).accounts();
    assert.equal(other.control.counts.installations, 1);
    for (const text of ["", "{", "null", kept.replace(/MII/, "XXX")]) {
      const installations = twin.control.counts.installations;
      assert.equal((await connect(twin, { keyStore: memoryKeys(text) }).accounts()).length, 3);
      assert.equal(twin.control.counts.installations, installations + 1);
    }
    const forgetful = await start({ apiKey: twin.apiKey });
    const moved = memoryKeys(kept.replaceAll(twin.url, forgetful.url));
    assert.equal((await connect(forgetful, { keyStore: moved }).accounts()).length, 3);
    assert.equal(forgetful.control.counts.installations, 1);
  });

  it("opens once for callers at the same time, and keeps no secret in the store", async () => {
    const twin = await start();
    const keyStore = memoryKeys();
    const provider = connect(twin, { keyStore });
    await Promise.all([provider.accounts(), provider.accounts(), provider.accounts()]);
    assert.deepEqual(
      { ...twin.control.counts, requests: 0 },
      { installations: 1, devices: 1, sessions: 1, requests: 0 },
    );
    assert.equal(provider.calls, 6);
    const budgets = await harness.store.collection(rateBudgets).find({ index: "id" });
    assert.ok(budgets.items.length >= 3);
    const { token } = JSON.parse(keyStore.text!) as { token: string };
    for (const secret of [twin.apiKey, token]) assert.ok(!JSON.stringify(budgets).includes(secret));
  });

  it("stops when it is told to", async () => {
    const twin = await start();
    const provider = connect(twin);
    await assert.rejects(provider.accounts(AbortSignal.abort()), codeOf("CANCELLED"));
    const account = await accountNamed(provider, "Everyday");
    const stop = new AbortController();
    const pages = provider.payments(account, { cursor: null, signal: stop.signal });
    assert.equal((await pages[Symbol.asyncIterator]().next()).done, false);
    stop.abort();
    await assert.rejects(async () => {
      for await (const _ of pages) assert.fail("no page after the stop");
    }, codeOf("CANCELLED"));
  });

  it("works for the keys of companies and of apps", async () => {
    for (const userType of ["company", "apiKey"] as const) {
      const twin = await start({ userType });
      assert.equal((await connect(twin).accounts()).length, 3);
    }
  });
});
