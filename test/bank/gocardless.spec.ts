import assert from "node:assert/strict";
import fc from "fast-check";
import { type BankAccount } from "../../lib/store";
import { TallyError, addDays, type Json } from "../../lib/values";
import { makeHousehold } from "../../simulators/household";
import { startGoCardlessTwin } from "../../simulators/gocardless";
import { assertSame, bookedOf, harness, household, readInto, stored } from "./aggregate-harness";
import { codeOf } from "./bunq-harness";

const named = (accounts: readonly BankAccount[], name: string) => {
  const found = accounts.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
};

describe("gocardless", () => {
  const own = harness();

  it("reads every account and every booked payment once, as the household knows them", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const accounts = await provider.accounts();
    assert.deepEqual(
      accounts.map(({ name, iban, currency, type, source }) => ({ name, iban, currency, type, source })),
      household.accounts.map(({ name, iban, currency, type }) => {
        return { name, iban, currency, type, source: "gocardless" };
      }),
    );
    for (const [index, { key, openingBalance }] of household.accounts.entries()) {
      const account = accounts[index]!;
      const { errors } = await readInto(own.store, provider, account);
      assert.deepEqual(errors, []);
      const kept = (await stored(own.store, account.id)).filter(({ status }) => status === "booked");
      const expected = bookedOf(household, key, own.clock.ms);
      assertSame(kept, expected);
      const balance = expected.reduce((sum, { amount }) => sum + amount, openingBalance);
      assert.equal(account.balance?.amount, balance);
      for (const each of kept) assert.match(each.id, /^gocardless:[\w-]{22}$/);
    }
  });

  it("asks once for a whole history and hands it out in pages, each of whole days", async () => {
    const busy = makeHousehold({ from: "2024-10-01", until: "2025-06-30", scale: 6 });
    const twin = await own.goCardless({ household: busy });
    const provider = own.openGoCardless(twin);
    const account = named(await provider.accounts(), "Everyday");
    const before = twin.control.requests;
    const { pages } = await readInto(own.store, provider, account);
    assert.equal(twin.control.requests - before, 1);
    assert.ok(pages.length > 2, `${pages.length} pages`);
    const days = pages.map(
      (page) => new Set(page.payments.filter((each) => each.status === "booked").map(({ date }) => date)),
    );
    for (const [index, set] of days.entries())
      for (const other of days.slice(index + 1)) for (const day of set) assert.ok(!other.has(day), day);
  });

  it("has each payment once, wherever it is stopped, whatever ids the bank gives and whatever happens meanwhile", async function () {
    this.timeout(60_000);
    const busy = makeHousehold({ from: "2024-12-01", until: "2025-06-30", scale: 2 });
    const step = fc.record({ pages: fc.integer({ min: 0, max: 3 }), days: fc.integer({ min: 0, max: 25 }) });
    const steps = fc.array(step, { minLength: 1, maxLength: 5 });
    const ids = fc.constantFrom("both", "bank", "none" as const);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps, ids, async (steps, ids) => {
        own.clock.ms = Date.parse("2025-03-10T09:30:00Z");
        const source = `run${++run}`;
        const twin = await startGoCardlessTwin({
          household: busy,
          now: own.clock.now,
          ids: ids as "both",
          callsPerDay: "off",
          linked: `tallyflow-${source}-x`,
        });
        try {
          let cursor: Json = null;
          let account: BankAccount | undefined;
          for (const { pages, days } of [...steps, { pages: Infinity, days: 0 }]) {
            const provider = own.openGoCardless(twin, { source, callsPerDay: 100 });
            account = named(await provider.accounts(), "Everyday");
            if (pages > 0) {
              ({ cursor } = await readInto(own.store, provider, account, cursor, { pages }));
            }
            own.clock.days(days);
          }
          const provider = own.openGoCardless(twin, { source, callsPerDay: 100 });
          await readInto(own.store, provider, account!, cursor);
          const kept = (await stored(own.store, account!.id)).filter(({ status }) => status === "booked");
          assertSame(kept, bookedOf(busy, "current", own.clock.ms));
        } finally {
          await twin.stop();
        }
      }),
      { numRuns: 8 },
    );
  });

  it("reads an overlap again, and hears of changes in it", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const account = named(await provider.accounts(), "Everyday");
    const first = await readInto(own.store, provider, account);
    assert.deepEqual(first.cursor, { filled: addDays("2025-06-15", -540), through: "2025-06-15" });
    own.clock.days(2);
    twin.control.mapRows((row) => ({ ...row, creditorId: "NL00ZZZ" }));
    const second = await readInto(own.store, provider, account, first.cursor);
    assert.ok(second.payments.every(({ date }) => date >= "2025-06-05"));
    assert.ok(second.payments.some(({ date }) => date > "2025-06-15"));
    assert.ok(second.payments.some(({ date, creditorId }) => date === "2025-06-06" && creditorId));
    assert.deepEqual(second.cursor, { filled: "2023-12-23", through: "2025-06-17" });
  });

  it("leaves out what is before the wanted date, and fetches it when the date is moved back", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const account = named(await provider.accounts(), "Everyday");
    const late = await readInto(own.store, provider, account, null, { since: "2025-06-01" });
    assert.ok(late.payments.length > 0 && late.payments.every(({ date }) => date >= "2025-06-01"));
    await readInto(own.store, provider, account, late.cursor, { since: "2025-03-01" });
    const kept = (await stored(own.store, account.id)).filter(({ status }) => status === "booked");
    assertSame(kept, bookedOf(household, "current", own.clock.ms, "2025-03-01"));
  });

  it("says which days can no longer be had after a long absence", async () => {
    const twin = await own.goCardless({ historyDays: 30 });
    const provider = own.openGoCardless(twin);
    const account = named(await provider.accounts(), "Everyday");
    const first = await readInto(own.store, provider, account);
    own.clock.days(50);
    const { errors } = await readInto(own.store, provider, account, first.cursor);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!.reason, /from 2025-06-16 to 2025-07-04 .*Import a statement/);
  });

  it("links a pending payment to the row that booked it", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const account = named(await provider.accounts(), "Everyday");
    const row = (more: object) => ({
      transactionAmount: { amount: "-12.50", currency: "EUR" },
      creditorName: "Bakery",
      remittanceInformationUnstructured: "Card 123",
      valueDate: "2025-06-14",
      ...more,
    });
    twin.control.setRows("current", { booked: [], pending: [row({})] });
    const first = await readInto(own.store, provider, account);
    assert.equal(first.payments[0]!.status, "pending");
    own.clock.days(2);
    twin.control.setRows("current", {
      booked: [row({ bookingDate: "2025-06-16", internalTransactionId: "a9d8f7e6c5b4" })],
      pending: [],
    });
    await readInto(own.store, provider, account, first.cursor);
    const kept = await stored(own.store, account.id);
    assert.equal(kept.length, 2);
    const booked = kept.find(({ status }) => status === "booked")!;
    assert.equal(kept.find(({ status }) => status === "pending")!.bookedAs, booked.id);
  });

  it("keeps the ids of accounts and payments when a consent is given anew and GoCardless' ids change", async () => {
    const twin = await own.goCardless({ newAccountIds: true });
    const provider = own.openGoCardless(twin);
    const before = await provider.accounts();
    const oldId = twin.control.accountId("current");
    const first = await readInto(own.store, provider, named(before, "Everyday"));
    own.clock.days(80);
    twin.control.link("tallyflow-gocardless-again");
    assert.notEqual(twin.control.accountId("current"), oldId);
    const again = own.openGoCardless(twin);
    const after = await again.accounts();
    assert.deepEqual(
      after.map(({ id }) => id),
      before.map(({ id }) => id),
    );
    await readInto(own.store, again, named(after, "Everyday"), first.cursor);
    const kept = (await stored(own.store, after[0]!.id)).filter(({ status }) => status === "booked");
    assertSame(kept, bookedOf(household, "current", own.clock.ms));
  });

  describe("limits", () => {
    it("makes four requests a day for payments, counts them over restarts, and says when to go on", async () => {
      const twin = await own.goCardless();
      const first = own.openGoCardless(twin);
      const account = named(await first.accounts(), "Everyday");
      let cursor: Json = null;
      for (let read = 0; read < 4; read++) {
        own.clock.ms += 3_600_000;
        ({ cursor } = await readInto(own.store, own.openGoCardless(twin), account, cursor));
      }
      const provider = own.openGoCardless(twin);
      await provider.accounts();
      const before = twin.control.requests;
      await assert.rejects(readInto(own.store, provider, account, cursor), (error) => {
        assert.ok(error instanceof TallyError);
        assert.equal(error.code, "RATE_LIMITED");
        assert.equal(error.retryable, true);
        assert.equal(error.retryAfterMs, 21 * 3_600_000);
        assert.match(error.message, /payments of Everyday.*2025-06-16 13:00 UTC/);
        return true;
      });
      assert.equal(twin.control.requests, before, "no request is made");
      own.clock.ms += 21 * 3_600_000;
      await readInto(own.store, provider, account, cursor);
    });

    it("asks for details once, and for balances as often as they last for a day, however often accounts are listed", async () => {
      const exchanges: string[] = [];
      const twin = await own.goCardless({
        onExchange: ({ path, status }) => exchanges.push(`${status} ${path}`),
      });
      for (let hour = 0; hour < 24; hour++) {
        assert.equal((await own.openGoCardless(twin).accounts()).length, household.accounts.length);
        own.clock.ms += 3_600_000;
      }
      const count = (part: string) => exchanges.filter((each) => each.includes(part)).length;
      assert.equal(count("/details/"), household.accounts.length);
      assert.equal(count("/balances/"), 4 * household.accounts.length);
      assert.deepEqual(
        exchanges.filter((each) => !each.startsWith("200")),
        [],
      );
    });

    it("believes a bank that allows less, and keeps to its word after a restart", async () => {
      const twin = await own.goCardless({ callsPerDay: 1 });
      const provider = own.openGoCardless(twin);
      const account = named(await provider.accounts(), "Everyday");
      const { cursor } = await readInto(own.store, provider, account);
      const again = own.openGoCardless(twin);
      await again.accounts();
      const before = twin.control.requests;
      await assert.rejects(readInto(own.store, again, account, cursor), codeOf("RATE_LIMITED"));
      assert.equal(twin.control.requests, before);
    });

    it("does not count what failed, and waits for a short general limit", async () => {
      const twin = await own.goCardless();
      const provider = own.openGoCardless(twin, { http: { retries: 0 } });
      const account = named(await provider.accounts(), "Everyday");
      const down = { status: 503, body: { summary: "x", detail: "Institution service unavailable" } };
      twin.control.fault({ kind: "answer", answer: down, times: 6, path: "/transactions/" });
      for (let read = 0; read < 6; read++)
        await assert.rejects(readInto(own.store, provider, account), codeOf("PROVIDER_UNAVAILABLE"));
      const busy = { status: 429, headers: { HTTP_X_RATELIMIT_RESET: "20" }, body: { detail: "Slow down" } };
      twin.control.fault({ kind: "answer", answer: busy, path: "/transactions/" });
      await readInto(own.store, provider, account);
      assert.ok(own.clock.waits.includes(20_000));
    });
  });

  describe("tokens", () => {
    it("asks for one, renews it when it ends, and makes another when the renewal is refused", async () => {
      const twin = await own.goCardless();
      const provider = own.openGoCardless(twin);
      await Promise.all([provider.institutions("NL"), provider.institutions("be"), provider.accounts()]);
      assert.deepEqual(twin.control.tokens, { made: 1, renewed: 0 });
      own.clock.days(1);
      await provider.institutions("NL");
      assert.deepEqual(twin.control.tokens, { made: 1, renewed: 1 });
      own.clock.days(31);
      await provider.institutions("NL");
      assert.deepEqual(twin.control.tokens, { made: 2, renewed: 1 });
      twin.control.revokeTokens();
      await provider.institutions("NL");
      assert.deepEqual(twin.control.tokens, { made: 3, renewed: 1 });
      own.clock.days(1);
      twin.control.revokeTokens(true);
      await provider.institutions("NL");
      assert.deepEqual(twin.control.tokens, { made: 4, renewed: 1 });
    });

    it("says what to do when the secret is refused, and shows none of it", async () => {
      const twin = await own.goCardless();
      const bad = own.openGoCardless(twin, { secretKey: "s3cr3t-key-nobody-may-see" });
      await assert.rejects(bad.accounts(), (error) => {
        assert.ok(codeOf("AUTH_FAILED", /user secret in the GoCardless portal/)(error));
        assert.ok(!JSON.stringify(error).includes("s3cr3t"));
        return true;
      });
      const provider = own.openGoCardless(twin);
      await provider.institutions("NL");
      twin.control.revokeSecret();
      await assert.rejects(provider.accounts(), codeOf("AUTH_FAILED"));
    });
  });

  it("shows no token, whatever an answer quotes", async () => {
    let token = "";
    const twin = await own.goCardless({
      onExchange: ({ requestHeaders }) => void (token = requestHeaders["authorization"]?.slice(7) ?? token),
    });
    const provider = own.openGoCardless(twin, { http: { retries: 0 } });
    await provider.institutions("NL");
    assert.match(token, /^ey/);
    const quote = `token ${token} and ${twin.secretKey}`;
    for (const status of [200, 400, 403, 404, 409, 429, 500]) {
      const answer = status < 400 || status === 500 ? { text: quote } : { body: { summary: quote } };
      twin.control.fault({ kind: "answer", answer: { status, ...answer }, path: "/institutions/" });
      await assert.rejects(provider.institutions("NL"), (error: TallyError) => {
        const shown = `${String(error)} ${JSON.stringify(error)} ${String(error.cause)}`;
        assert.ok(!shown.includes(token.slice(0, 40)) && !shown.includes(twin.secretKey), shown);
        return true;
      });
    }
  });

  describe("settings", () => {
    it("refuses what cannot work", () => {
      const open = (more: object) => () =>
        own.openGoCardless({ url: "https://x.invalid", secretId: "a", secretKey: "b" } as never, more);
      assert.throws(open({ secretId: " " }), codeOf("CONFIG_INVALID", /missing/));
      assert.throws(open({ source: "a:b" }), codeOf("CONFIG_INVALID", /colon/));
      assert.throws(open({ url: "http://api.invalid" }), codeOf("CONFIG_INVALID", /https/));
      assert.throws(open({ callsPerDay: 0 }), codeOf("CONFIG_INVALID"));
    });
  });
});
