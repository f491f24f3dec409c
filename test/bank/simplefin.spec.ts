import assert from "node:assert/strict";
import fc from "fast-check";
import { claimSimpleFin, openSimpleFin } from "../../lib/bank";
import type { BankAccount } from "../../lib/store";
import { TallyError, type Json } from "../../lib/values";
import { makeHousehold } from "../../simulators/household";
import { startSimpleFinTwin } from "../../simulators/simplefin";
import { assertSame, bookedOf, harness, household, readInto, stored } from "./aggregate-harness";
import { codeOf } from "./bunq-harness";

const booked = <T extends { status: string }>(rows: T[]) => rows.filter(({ status }) => status === "booked");

describe("simplefin", () => {
  const own = harness();

  for (const version of [1, 2] as const) {
    it(`reads every account and every booked payment once (version ${version} of the protocol)`, async () => {
      const twin = await own.simpleFin({ version });
      const provider = own.openSimpleFin(twin);
      const accounts = await provider.accounts();
      assert.deepEqual(
        accounts.map(({ id, name, currency }) => ({ id, name, currency })),
        household.accounts.map(({ key, name, currency }) => ({ id: `simplefin:ACT-${key}`, name, currency })),
      );
      for (const [index, { key, openingBalance }] of household.accounts.entries()) {
        const { errors } = await readInto(own.store, provider, accounts[index]!);
        assert.deepEqual(errors, []);
        const expected = bookedOf(household, key, own.clock.ms);
        assertSame(booked(await stored(own.store, accounts[index]!.id)), expected);
        const balance = expected.reduce((sum, { amount }) => sum + amount, openingBalance);
        assert.equal(accounts[index]!.balance?.amount, balance);
      }
      assert.ok(twin.control.requests <= 10, `${twin.control.requests} requests for all accounts`);
    });
  }

  it("asks once for all accounts when their history was read", async () => {
    const twin = await own.simpleFin();
    const provider = own.openSimpleFin(twin);
    const cursors = new Map<string, Json>();
    for (const account of await provider.accounts())
      cursors.set(account.id, (await readInto(own.store, provider, account)).cursor);
    own.clock.days(1);
    const before = twin.control.requests;
    const again = own.openSimpleFin(twin);
    for (const account of await again.accounts()) {
      const { payments } = await readInto(own.store, again, account, cursors.get(account.id)!);
      assert.ok(payments.every(({ date, status }) => status === "pending" || date >= "2025-06-05"));
    }
    assert.equal(twin.control.requests - before, 1);
  });

  it("has each payment once, wherever it is stopped and whatever happens meanwhile", async function () {
    this.timeout(60_000);
    const busy = makeHousehold({ from: "2024-12-01", until: "2025-06-30" });
    const step = fc.record({ pages: fc.integer({ min: 0, max: 5 }), days: fc.integer({ min: 0, max: 25 }) });
    const steps = fc.array(step, { minLength: 1, maxLength: 5 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 4, max: 60 }), async (steps, windowDays) => {
        own.clock.ms = Date.parse("2025-03-10T23:30:00Z");
        const source = `run${++run}`;
        const twin = await startSimpleFinTwin({ household: busy, now: own.clock.now, callsPerDay: "off" });
        const open = () =>
          own.openSimpleFin(twin, { source, windowDays, historyDays: 200, callsPerDay: 1000 });
        try {
          let cursor: Json = null;
          const { 0: account } = await open().accounts();
          for (const { pages, days } of [...steps, { pages: Infinity, days: 0 }]) {
            if (pages > 0) ({ cursor } = await readInto(own.store, open(), account!, cursor, { pages }));
            own.clock.days(days);
          }
          await readInto(own.store, open(), account!, cursor);
          assertSame(booked(await stored(own.store, account!.id)), bookedOf(busy, "current", own.clock.ms));
        } finally {
          await twin.stop();
        }
      }),
      { numRuns: 8 },
    );
  });

  it("spans no more than the days that a request may have", async () => {
    const spans: number[] = [];
    const twin = await own.simpleFin({
      maxDays: 45,
      onExchange: ({ path }) => {
        const query = new URL(path, "http://x").searchParams;
        const end = Number(query.get("end-date") ?? own.clock.ms / 1000);
        spans.push((end - Number(query.get("start-date"))) / 86_400);
      },
    });
    const provider = own.openSimpleFin(twin);
    const [account] = await provider.accounts();
    const { errors } = await readInto(own.store, provider, account!, null, { since: "2025-01-01" });
    assert.deepEqual(errors, []);
    assert.ok(Math.max(...spans) <= 45, String(spans));
    assertSame(booked(await stored(own.store, account!.id)), bookedOf(household, "current", own.clock.ms));
  });

  it("fetches earlier days when the wanted date is moved back", async () => {
    const twin = await own.simpleFin();
    const provider = own.openSimpleFin(twin);
    const [account] = await provider.accounts();
    const late = await readInto(own.store, provider, account!, null, { since: "2025-06-01" });
    assert.ok(late.payments.every(({ date }) => date >= "2025-06-01"));
    await readInto(own.store, provider, account!, late.cursor, { since: "2025-02-01" });
    const kept = booked(await stored(own.store, account!.id));
    assertSame(kept, bookedOf(household, "current", own.clock.ms, "2025-02-01"));
  });

  it("gives moments the date of the account's zone, and what is pending no other", async () => {
    const twin = await own.simpleFin();
    const at = Date.parse("2025-06-10T02:30:00Z") / 1000;
    const row = { amount: "-5.00", description: "Bar", memo: "Table 4", payee: "Bar & Co" };
    twin.control.changeAccount("current", {
      transactions: [
        { id: "1", posted: at, ...row },
        { id: "2", posted: 0, transacted_at: at, ...row },
        { id: "3", posted: 0, pending: true, ...row },
        { id: "4", posted: at, pending: true, ...row },
      ],
    });
    const provider = own.openSimpleFin(twin, { timeZone: "America/New_York" });
    const { payments } = await readInto(own.store, provider, (await provider.accounts())[0]!, null, {
      since: "2025-06-01",
    });
    assert.deepEqual(payments.map(({ date, status }) => [date, status]).sort(), [
      ["2025-06-09", "booked"],
      ["2025-06-09", "pending"],
      ["2025-06-09", "pending"],
      ["2025-06-15", "pending"],
    ]);
    assert.equal(payments[0]!.description, "Bar Table 4");
    assert.deepEqual(payments[0]!.counterparty, { name: "Bar & Co" });
  });

  it("replaces a pending payment by the posted one with its id, and takes none for another", async () => {
    const twin = await own.simpleFin();
    const provider = own.openSimpleFin(twin);
    const [account] = await provider.accounts();
    const at = Date.parse("2025-06-10T12:00:00Z") / 1000;
    const row = { id: "T", posted: 0, transacted_at: at, amount: "-5.00", description: "Bar" };
    const show = (...transactions: object[]) => {
      twin.control.changeAccount("current", { transactions });
      own.clock.ms += 3_600_000;
    };
    show(row);
    const first = await readInto(own.store, provider, account!, null, { since: "2025-06-01" });
    show(
      { ...row, posted: at + 86_400, amount: "-5.50" },
      { ...row, id: "", posted: at },
      { ...row, id: "", posted: at },
    );
    await readInto(own.store, provider, account!, first.cursor, { since: "2025-06-01" });
    const kept = await stored(own.store, account!.id);
    assert.deepEqual(kept.map(({ status, amount }) => [status, amount]).sort(), [
      ["booked", -500],
      ["booked", -500],
      ["booked", -550],
    ]);
  });

  it("keeps good rows beside bad ones, and leaves out an account in points, saying so", async () => {
    const twin = await own.simpleFin();
    const good = { id: "ok", posted: 1_749_540_000, amount: "-5.00", description: "Bar" };
    const bad = [
      null,
      { ...good, amount: "NaN" },
      { ...good, amount: "5,00" },
      { ...good, amount: "1.005" },
      { ...good, amount: undefined },
      { ...good, posted: "yesterday" },
      { ...good, posted: 1_749_540_000_000 },
      { ...good, posted: -5 },
      { ...good, posted: undefined },
      { ...good, posted: 4_000_000_000 },
      { ...good, description: "x".repeat(1_000_000) },
    ];
    twin.control.changeAccount("current", { transactions: [...bad, good] });
    twin.control.changeAccount("savings", { currency: "https://miles.invalid/points" });
    twin.control.changeAccount("card", { balance: "NaN" });
    const provider = own.openSimpleFin(twin);
    const accounts = await provider.accounts();
    assert.deepEqual(
      accounts.map(({ name }) => name),
      household.accounts.filter(({ key }) => key !== "savings").map(({ name }) => name),
    );
    const { payments, errors } = await readInto(own.store, provider, accounts[0]!, null, {
      since: "2025-06-01",
    });
    assert.equal(payments.length, 1);
    assert.equal(errors.length, bad.length + 1);
    assert.match(errors[0]!.reason, /miles\.invalid.* is not a currency/);
    assert.ok(errors.every(({ reason }) => reason.length < 400));
  });

  describe("errors of the server", () => {
    it("are told with the account they are about, once", async () => {
      const twin = await own.simpleFin();
      twin.control.setErrors([
        { code: "gen.", msg: "Hello <b>all</b>\u0000" },
        { code: "act.failed", msg: "The card failed", account_id: "ACT-card" },
      ]);
      const provider = own.openSimpleFin(twin);
      const accounts = await provider.accounts();
      const told: [string, string[]][] = [];
      for (const account of accounts) {
        const { errors } = await readInto(own.store, provider, account, null, { since: "2025-06-01" });
        told.push([account.id, errors.map(({ reason }) => reason)]);
      }
      assert.deepEqual(told, [
        ["simplefin:ACT-current", ["SimpleFIN says: Hello <b>all</b>"]],
        ["simplefin:ACT-savings", []],
        ["simplefin:ACT-card", ["SimpleFIN says: The card failed"]],
      ]);
    });

    it("are thrown when no account came", async () => {
      for (const version of [1, 2] as const) {
        const twin = await own.simpleFin({ version });
        for (const { key } of household.accounts) twin.control.hideAccount(key);
        twin.control.setErrors([{ code: "con.auth", msg: "You must reauthenticate." }]);
        await assert.rejects(
          own.openSimpleFin(twin).accounts(),
          codeOf("AUTH_EXPIRED", /You must reauthenticate/),
        );
        twin.control.setErrors([{ code: "gen.", msg: "Down for repair" }]);
        await assert.rejects(own.openSimpleFin(twin).accounts(), codeOf("PROVIDER_UNAVAILABLE", /repair/));
      }
    });

    it("hold the cursor back until what the bank did not give has come", async () => {
      const twin = await own.simpleFin();
      const account = (await own.openSimpleFin(twin).accounts())[0] as BankAccount;
      const read = (cursor: Json) => readInto(own.store, own.openSimpleFin(twin), account, cursor);
      let { cursor } = await read(null);
      twin.control.freeze("current", own.clock.ms);
      twin.control.setErrors([{ code: "con.auth", msg: "Log in again", account_id: "ACT-current" }]);
      own.clock.ms = Date.parse("2025-06-28T12:00:00Z");
      const stale = await read(cursor);
      assert.match(stale.errors[0]!.reason, /Log in again/);
      assert.deepEqual(stale.cursor, cursor);
      cursor = stale.cursor;
      twin.control.freeze("current", undefined);
      twin.control.setErrors([]);
      own.clock.ms += 3_600_000;
      await read(cursor);
      assertSame(booked(await stored(own.store, account.id)), bookedOf(household, "current", own.clock.ms));
    });

    it("name an account that is gone", async () => {
      const twin = await own.simpleFin();
      const [account] = await own.openSimpleFin(twin).accounts();
      twin.control.hideAccount("current");
      const provider = own.openSimpleFin(twin);
      await assert.rejects(
        readInto(own.store, provider, account!),
        codeOf("NOT_FOUND", /no longer shows Everyday/),
      );
    });
  });

  it("makes no more requests than a day allows, over restarts, and says when to go on", async () => {
    const twin = await own.simpleFin();
    for (let call = 0; call < 24; call++) {
      own.clock.ms += 1_200_000;
      await own.openSimpleFin(twin).accounts();
    }
    await assert.rejects(own.openSimpleFin(twin).accounts(), (error) => {
      assert.ok(codeOf("RATE_LIMITED", /this SimpleFIN connection are used up/)(error));
      assert.equal((error as TallyError).retryAfterMs, 86_400_000 - 23 * 1_200_000);
      return true;
    });
    assert.equal(twin.control.requests, 24);
    own.clock.days(1);
    await own.openSimpleFin(twin).accounts();
  });

  it("makes the right error of every refusal, and shows no secret", async () => {
    const twin = await own.simpleFin();
    const { username, password } = new URL(twin.accessUrl);
    const check = async (code: TallyError["code"], pattern: RegExp, status: number, more: object = {}) => {
      const provider = own.openSimpleFin(twin, { http: { retries: 0, timeoutMs: 200 } });
      const text = `No: ${twin.accessUrl} ${password}`;
      twin.control.fault({ kind: "answer", answer: { status, text, ...more } });
      await assert.rejects(provider.accounts(), (error) => {
        assert.ok(codeOf(code, pattern)(error), `${status}: ${String(error)}`);
        const shown = `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`;
        assert.ok(!shown.includes(password) && !shown.includes(username), shown);
        return true;
      });
    };
    await check("AUTH_FAILED", /new setup token/, 401);
    await check("PROVIDER_REFUSED", /payment/, 402);
    await check("AUTH_FAILED", /new setup token/, 403);
    await check("NOT_FOUND", /no SimpleFIN server/, 404);
    await check("PROVIDER_REFUSED", /409/, 409);
    await check("PROVIDER_REFUSED", /moved to other\.invalid/, 302, {
      headers: { Location: "https://other.invalid/x" },
    });
    await check("PROVIDER_UNAVAILABLE", /./, 500);
    await check("PROVIDER_UNAVAILABLE", /./, 503);
    await check("PROVIDER_MALFORMED", /./, 200);
    await check("PROVIDER_MALFORMED", /no list of accounts/, 200, {
      text: undefined,
      body: { accounts: {} },
    });
    for (const fault of [{ kind: "reset" }, { kind: "slow", ms: 1000 }] as const) {
      twin.control.fault(fault);
      const provider = own.openSimpleFin(twin, { http: { retries: 0, timeoutMs: 200 } });
      await assert.rejects(provider.accounts(), codeOf("PROVIDER_UNAVAILABLE"));
    }
    await check("RATE_LIMITED", /used up/, 429, { headers: { "Retry-After": "600" } });
    const before = twin.control.requests;
    await assert.rejects(own.openSimpleFin(twin).accounts(), codeOf("RATE_LIMITED"));
    assert.equal(twin.control.requests, before, "the wait is kept");
  });

  describe("claim", () => {
    it("exchanges a setup token for an access URL, once", async () => {
      const twin = await own.simpleFin();
      const token = twin.control.newToken();
      const accessUrl = await claimSimpleFin(` ${token.slice(0, 20)}\n${token.slice(20)} `);
      assert.equal(accessUrl, twin.accessUrl);
      const provider = openSimpleFin({ accessUrl, store: own.store, http: { now: own.clock.now } });
      assert.equal((await provider.accounts()).length, household.accounts.length);
      const word = Buffer.from(token, "base64").toString().split("/").at(-1)!;
      await assert.rejects(claimSimpleFin(token), (error) => {
        assert.ok(codeOf("AUTH_FAILED", /claimed before.*disable it there/)(error));
        assert.ok(!`${String(error)} ${JSON.stringify(error)}`.includes(word));
        return true;
      });
    });

    it("says when the outcome is not known, and shows no token", async () => {
      const twin = await own.simpleFin();
      const token = twin.control.newToken();
      const word = Buffer.from(token, "base64").toString().split("/").at(-1)!;
      const answers = [
        { fault: { kind: "reset" as const }, code: "OUTCOME_UNKNOWN" },
        { fault: { kind: "answer" as const, answer: { status: 500, text: word } }, code: "OUTCOME_UNKNOWN" },
        { fault: { kind: "answer" as const, answer: { status: 400, text: word } }, code: "PROVIDER_REFUSED" },
        {
          fault: { kind: "answer" as const, answer: { status: 200, text: "<html>" } },
          code: "PROVIDER_MALFORMED",
        },
        {
          fault: { kind: "answer" as const, answer: { status: 200, text: "http://a:b@evil.invalid/x" } },
          code: "PROVIDER_MALFORMED",
        },
      ];
      for (const { fault, code } of answers) {
        twin.control.fault(fault);
        await assert.rejects(claimSimpleFin(token), (error) => {
          assert.ok(codeOf(code)(error), String(error));
          assert.ok(!`${String(error)} ${JSON.stringify(error)}`.includes(word));
          return true;
        });
      }
    });

    it("sends nothing to what is no safe address", async () => {
      const encoded = (url: string) => Buffer.from(url).toString("base64");
      for (const token of [
        "",
        "not a token",
        encoded("hello"),
        encoded("http://bridge.invalid/claim/x"),
        encoded("file:///etc/passwd"),
      ])
        await assert.rejects(claimSimpleFin(token), codeOf("CONFIG_INVALID"));
      const open =
        (accessUrl: string, more: object = {}) =>
        () =>
          openSimpleFin({ accessUrl, store: own.store, ...more });
      assert.throws(open("http://a:b@bridge.invalid/simplefin"), codeOf("CONFIG_INVALID"));
      assert.throws(open("https://bridge.invalid/simplefin"), codeOf("CONFIG_INVALID"));
      assert.throws(
        open("https://a:s3cr3t%zz@bridge.invalid/x"),
        (error) => !String(error).includes("s3cr3t"),
      );
      assert.throws(open("https://a:b@bridge.invalid/x", { windowDays: 61 }), codeOf("CONFIG_INVALID"));
      assert.throws(open("https://a:b@bridge.invalid/x", { source: "a:b" }), codeOf("CONFIG_INVALID"));
    });
  });
});
