import assert from "node:assert/strict";
import fc from "fast-check";
import { openBunq, type BankProvider, type BunqOptions, type PaymentPage } from "../../lib/bank";
import { accountOf, paymentsOf } from "../../lib/bank/bunq/mapping";
import { openStore, rateBudgets, type BankAccount, type Payment, type Store } from "../../lib/store";
import { TallyError, ownId, type Json } from "../../lib/values";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "../../simulators/bunq";
import { makeHousehold, type Household } from "../../simulators/household";
import { BunqJudge } from "../simulators/bunq-judge";
import { sharedPath, skipWithout } from "../support/shared";

const household = makeHousehold({ from: "2024-10-01", until: "2025-06-30" });

/** A clock that sleep moves on, so that no test waits. */
function fakeClock() {
  let skew = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => Date.now() + skew,
    sleep: async (ms: number) => {
      waits.push(ms);
      skew += ms;
      await Promise.resolve();
    },
  };
}

function memoryKeys(text?: string) {
  const keys = {
    text,
    load: async () => Promise.resolve(keys.text),
    save: async (next: string) => {
      keys.text = next;
      await Promise.resolve();
    },
  };
  return keys;
}

const bookedOf = (of: Household, account: string) =>
  of.payments.filter((each) => each.account === account && each.status === "booked");

describe("bunq", () => {
  let store: Store;
  const twins: BunqTwin[] = [];
  const providers: BankProvider[] = [];

  const start = async (options: Partial<BunqTwinOptions> = {}) => {
    const twin = await startBunqTwin({ household, limits: "off", ...options });
    twins.push(twin);
    return twin;
  };
  const connect = (twin: BunqTwin, options: Partial<BunqOptions> = {}) => {
    const { now, sleep } = fakeClock();
    const http = { now, sleep, ...options.http };
    const provider = openBunq({ apiKey: twin.apiKey, url: twin.url, store, ...options, http });
    providers.push(provider);
    return provider;
  };
  const accountNamed = async (provider: BankProvider, name: string): Promise<BankAccount> => {
    const found = (await provider.accounts()).find((account) => account.name === name);
    assert.ok(found, name);
    return found;
  };
  /** Pages from a cursor, at most so many. */
  const read = async (
    provider: BankProvider,
    account: BankAccount,
    cursor: Json,
    pages = Infinity,
    since?: string,
  ) => {
    const read: PaymentPage[] = [];
    if (pages > 0) {
      for await (const page of provider.payments(account, { cursor, ...(since ? { since } : {}) })) {
        read.push(page);
        if (read.length >= pages) break;
      }
    }
    return {
      payments: read.flatMap(({ payments }) => payments),
      errors: read.flatMap(({ errors }) => errors),
      cursor: read.length > 0 ? read.at(-1)!.cursor : cursor,
      pages: read.length,
    };
  };
  const ids = (payments: Payment[]) => payments.map(({ id }) => Number(ownId(id))).sort((a, b) => a - b);
  const codeOf =
    (code: string, pattern = /./) =>
    (error: unknown) =>
      error instanceof TallyError && error.code === code && pattern.test(error.message);

  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
  });
  afterEach(async () => {
    await Promise.all(providers.splice(0).map((provider) => provider.close()));
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    await store.close();
  });

  it("reads every account and every booked payment exactly once, as the household knows them", async () => {
    const twin = await start();
    const provider = connect(twin, { source: "bunq-home" });
    const accounts = await provider.accounts();
    assert.deepEqual(
      accounts.map(({ name, iban, type, closed, id }) => ({ name, iban, type, closed, id })),
      household.accounts.map(({ key, name, iban, type }) => ({
        name,
        iban,
        type,
        closed: false,
        id: `bunq-home:${twin.control.accountId(key)}`,
      })),
    );
    for (const [at, { key, openingBalance }] of household.accounts.entries()) {
      const own = bookedOf(household, key);
      const { payments, errors } = await read(provider, accounts[at]!, null);
      assert.deepEqual(errors, []);
      payments.sort((a, b) => Number(ownId(a.id)) - Number(ownId(b.id)));
      assert.deepEqual(
        payments.map((each) => [each.id, each.date, each.instant, each.amount, each.description]),
        own.map((each) => [
          `bunq-home:${twin.control.paymentId(each.sequence)}`,
          each.date,
          each.instant,
          each.amount,
          each.description,
        ]),
      );
      payments.forEach((each, index) => {
        const { name, iban } = own[index]!.counterparty;
        assert.deepEqual(each.counterparty, iban ? { name, iban } : { name });
        assert.equal(each.currency, "EUR");
        assert.equal(each.accountId, accounts[at]!.id);
        assert.equal(each.status, "booked");
      });
      const balance = own.reduce((sum, { amount }) => sum + amount, openingBalance);
      assert.equal(accounts[at]!.balance?.amount, balance);
      assert.equal(payments.at(-1)!.balanceAfter, balance);
    }
    const current = await read(provider, accounts[0]!, null);
    assert.ok(current.payments.filter(({ date, instant }) => instant!.slice(0, 10) !== date).length > 20);
    const types = new Set(current.payments.map(({ type }) => type));
    assert.deepEqual([...types].sort(), ["card", "cash", "direct-debit", "ideal", "transfer"]);
  });

  it("sends only what bunq's description allows", async function () {
    const file = sharedPath("data", "api_specs", "bunq", "swagger.json");
    if (!file) skipWithout(this, "bunq's OpenAPI description");
    const judge = new BunqJudge(file);
    const twin = await start({ onExchange: judge.hear });
    const provider = connect(twin, { permittedIps: ["127.0.0.1"] });
    const account = await accountNamed(provider, "Everyday");
    const { cursor } = await read(provider, account, null);
    await read(provider, account, cursor);
    assert.deepEqual(judge.faults, []);
    assert.equal(judge.seen.size, 5);
  });

  it("goes on in the middle of the first fill, and with what came meanwhile", async () => {
    const twin = await start();
    const first = connect(twin);
    const account = await accountNamed(first, "Everyday");
    const begun = await read(first, account, null, 1);
    assert.equal(begun.payments.length, 200);
    const added = twin.control.addPayment({ account: "current", amount: -995, name: "Meanwhile" });
    const rest = await read(connect(twin), account, begun.cursor);
    const all = [...begun.payments, ...rest.payments];
    assert.deepEqual([...new Set(ids(all))], twin.control.visibleIds("current"));
    assert.ok(ids(rest.payments).includes(added));
    const filled = rest.payments.filter(({ id }) => Number(ownId(id)) < Math.min(...ids(begun.payments)));
    assert.equal(new Set(ids(filled)).size, filled.length, "the fill reads nothing twice");
  });

  it("reads an overlap again and sees changes in it, with one request when nothing is new", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    let { cursor } = await read(provider, account, null);
    const before = provider.calls;
    const quiet = await read(provider, account, cursor);
    assert.equal(provider.calls - before, 1);
    assert.ok(
      quiet.payments.length >= 50 && quiet.payments.length < 200,
      `${quiet.payments.length} read again`,
    );
    const old = twin.control.visibleIds("current").at(-20)!;
    twin.control.changePayment(old, { description: "corrected" });
    const id = twin.control.addPayment({ account: "current", amount: -1, name: "One cent" });
    const changed = await read(provider, account, quiet.cursor);
    assert.equal(changed.payments.find((each) => ownId(each.id) === String(old))!.description, "corrected");
    assert.ok(ids(changed.payments).includes(id));
    cursor = changed.cursor;
    assert.deepEqual((await read(provider, account, cursor)).cursor, cursor, "a quiet cursor stands still");
  });

  it("walks up through more than a page of news, and loses nothing when it is stopped there", async () => {
    const busy = makeHousehold({ from: "2025-01-01", until: "2025-03-31", scale: 8 });
    const twin = await start({ household: busy, now: "2025-01-20T00:00:00Z" });
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const seen = new Set<number>();
    const take = async (cursor: Json, pages?: number) => {
      const got = await read(provider, account, cursor, pages);
      for (const id of ids(got.payments)) seen.add(id);
      return got;
    };
    let at = await take(null);
    twin.control.advance({ to: "2025-03-20" });
    at = await take(at.cursor, 2);
    assert.equal(at.pages, 2);
    assert.ok(seen.size < twin.control.visibleIds("current").length);
    at = await take(at.cursor);
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      twin.control.visibleIds("current"),
    );
    const again = await take(at.cursor);
    assert.equal(again.pages, 1);
  });

  it("misses nothing wherever it is stopped and whatever happens meanwhile", async function () {
    this.timeout(60_000);
    const busy = makeHousehold({ from: "2025-01-01", until: "2025-04-30", scale: 5 });
    const step = fc.record({ pages: fc.integer({ min: 0, max: 4 }), days: fc.integer({ min: 0, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const twin = await startBunqTwin({ household: busy, limits: "off", now: "2025-02-10T08:00:00Z" });
        try {
          const provider = connect(twin);
          const account = await accountNamed(provider, "Everyday");
          const seen = new Set<number>();
          let cursor: Json = null;
          for (const { pages, days } of [
            ...steps,
            { pages: Infinity, days: 0 },
            { pages: Infinity, days: 0 },
          ]) {
            const got: Awaited<ReturnType<typeof read>> = await read(provider, account, cursor, pages);
            cursor = JSON.parse(JSON.stringify(got.cursor)) as Json;
            for (const id of ids(got.payments)) seen.add(id);
            twin.control.advance({ days });
          }
          assert.deepEqual(
            [...seen].sort((a, b) => a - b),
            twin.control.visibleIds("current"),
          );
        } finally {
          await twin.stop();
        }
      }),
      { numRuns: 12 },
    );
  });

  it("leaves out what is before the wanted date, and fetches it when the date is moved back", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const dated = (since: string) =>
      bookedOf(household, "current")
        .filter(({ date }) => date >= since)
        .map(({ sequence }) => twin.control.paymentId(sequence));
    const late = await read(provider, account, null, Infinity, "2025-06-20");
    assert.deepEqual(ids(late.payments), dated("2025-06-20"));
    assert.equal(late.pages, 1, "no page is asked for that lies before the date");
    const early = await read(provider, account, late.cursor, Infinity, "2025-02-01");
    assert.deepEqual(
      [...new Set(ids([...late.payments, ...early.payments]))].sort((a, b) => a - b),
      dated("2025-02-01"),
    );
    const whole = await read(provider, account, early.cursor);
    const all = ids([...late.payments, ...early.payments, ...whole.payments]);
    assert.deepEqual(
      [...new Set(all)].sort((a, b) => a - b),
      twin.control.visibleIds("current"),
    );
  });

  it("finds the first payment of an account that had none", async () => {
    const empty: Household = {
      ...household,
      payments: household.payments.filter(({ account }) => account !== "savings"),
    };
    const twin = await start({ household: empty });
    const provider = connect(twin);
    const account = await accountNamed(provider, "Rainy day");
    const none = await read(provider, account, null);
    assert.deepEqual(none.payments, []);
    const id = twin.control.addPayment({ account: "savings", amount: 5000, name: "First" });
    assert.deepEqual(ids((await read(provider, account, none.cursor)).payments), [id]);
  });

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
    twin.control.fault({ kind: "forbidden", times: 9, path: "/payment" });
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
    twin.control.fault({ kind: "rate-limit", retryAfter: 17 });
    const first = await read(provider, account, null, 1);
    assert.equal(first.payments.length, 200);
    assert.ok(Math.max(...clock.waits) > 16_000, clock.waits.join(" "));
    clock.waits.length = 0;
    twin.control.fault({ kind: "rate-limit", times: 2 });
    const second = await read(provider, account, first.cursor, 1);
    assert.equal(second.payments.length, 200);
    assert.ok(clock.waits.filter((ms) => ms >= 1000).length >= 2, clock.waits.join(" "));
    twin.control.fault({ kind: "rate-limit", times: 99 });
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
    for (const kind of [
      "server-error",
      "reset",
      "malformed",
      "tamper-signature",
      "drop-signature",
    ] as const) {
      twin.control.fault({ kind, times: 2 });
      const { payments } = await read(provider, account, null, 1);
      assert.equal(payments.length, 200, kind);
    }
    for (const [kind, code] of [
      ["server-error", "PROVIDER_UNAVAILABLE"],
      ["reset", "PROVIDER_UNAVAILABLE"],
      ["malformed", "PROVIDER_MALFORMED"],
      ["tamper-signature", "PROVIDER_MALFORMED"],
      ["drop-signature", "PROVIDER_MALFORMED"],
    ] as const) {
      twin.control.fault({ kind, times: 99 });
      await assert.rejects(read(provider, account, null, 1), codeOf(code), kind);
      twin.control.clearFaults();
    }
    twin.control.fault({ kind: "slow", delayMs: 5000, times: 9 });
    const hasty = connect(twin, { http: { timeoutMs: 30, retries: 1 } });
    await assert.rejects(hasty.accounts(), codeOf("PROVIDER_UNAVAILABLE"));
  });

  it("survives faults while it registers, and uses no installation that bunq did not sign", async () => {
    for (const kind of ["server-error", "reset", "rate-limit"] as const) {
      const twin = await start();
      for (const path of ["/installation", "/device-server", "/session-server"])
        twin.control.fault({ kind, path });
      assert.equal((await connect(twin).accounts()).length, 3, kind);
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
    const budgets = await store.collection(rateBudgets).find({ index: "id" });
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

  describe("mapping", () => {
    const context = { source: "bunq", timeZone: "Europe/Amsterdam", now: () => "2025-01-01T00:00:00.000Z" };
    const account = accountOf(
      { MonetaryAccountBank: { id: 7, currency: "EUR", balance: null, alias: null } },
      context,
    )!;
    const map = (...rows: unknown[]) =>
      paymentsOf({ Response: rows.map((Payment) => ({ Payment })) }, account, context);
    const plain = {
      id: 1,
      created: "2025-03-29 23:30:00.123456",
      amount: { value: "-12.50", currency: "EUR" },
    };

    it("takes nulls for what bunq has nothing to say on", () => {
      const { payments, errors } = map({
        ...plain,
        description: null,
        type: null,
        counterparty_alias: { iban: null, display_name: null },
        balance_after_mutation: null,
        merchant_reference: null,
      });
      assert.deepEqual(errors, []);
      const { raw: _, fetchedAt: __, ...payment } = payments[0]!;
      assert.deepEqual(payment, {
        id: "bunq:1",
        source: "bunq",
        accountId: "bunq:7",
        status: "booked",
        date: "2025-03-30",
        instant: "2025-03-29T23:30:00.123Z",
        amount: -1250,
        currency: "EUR",
        description: "",
      });
    });

    it("keeps good rows beside bad ones, and names the bad", () => {
      const { payments, errors, rows } = map(
        plain,
        { ...plain, id: 2, amount: { value: "twelve", currency: "EUR" } },
        { ...plain, id: 3, created: "yesterday" },
        { ...plain, id: "x" },
        null,
        { ...plain, id: 4, amount: { value: "1.001", currency: "EUR" } },
        { ...plain, id: 5, amount: { value: "1000", currency: "JPY" } },
      );
      assert.deepEqual(
        payments.map(({ id, amount }) => [id, amount]),
        [
          ["bunq:1", -1250],
          ["bunq:5", 1000],
        ],
      );
      assert.deepEqual(
        errors.map(({ reason }) => /Payment (\d)|without an id/.exec(reason)?.[0]),
        ["Payment 2", "Payment 3", "without an id", "without an id", "Payment 4"],
      );
      assert.deepEqual(
        rows.map(({ id }) => id),
        [1, 2, 3, 4, 5],
      );
    });

    it("knows kinds of account, and passes over those without payments", () => {
      const typeOf = (kind: string) => accountOf({ [kind]: { id: 1, currency: "EUR" } }, context)?.type;
      assert.equal(typeOf("MonetaryAccountJoint"), "current");
      assert.equal(typeOf("MonetaryAccountSavings"), "savings");
      assert.equal(typeOf("MonetaryAccountCard"), "credit");
      assert.equal(typeOf("MonetaryAccountExternal"), undefined);
      const closed = accountOf(
        { MonetaryAccountBank: { id: 1, currency: "EUR", status: "CANCELLED" } },
        context,
      );
      assert.equal(closed?.closed, true);
      assert.throws(
        () => accountOf({ MonetaryAccountBank: { id: 1 } }, context),
        codeOf("PROVIDER_MALFORMED"),
      );
    });
  });
});
