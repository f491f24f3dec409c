import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { formatAmount, localDate } from "../../lib/values";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "../../simulators/bunq";
import type { TwinExchange } from "../../simulators/twin-server";
import { makeHousehold } from "../../simulators/household";
import { sharedPath, skipWithout } from "../support/shared";
import { RawBunq, type RawAnswer } from "./bunq-client";
import { BunqJudge } from "./bunq-judge";

const household = makeHousehold({ from: "2025-01-01", until: "2025-06-30" });

interface RawPayment {
  id: number;
  created: string;
  amount: { value: string; currency: string };
  balance_after_mutation: { value: string };
  counterparty_alias: { display_name: string; iban: string | null };
  description: string;
}

const paymentsOf = (answer: RawAnswer) =>
  (answer.body.Response as unknown as { Payment: RawPayment }[]).map(({ Payment }) => Payment);
const errorOf = (answer: RawAnswer) => answer.body.Error?.[0]?.error_description ?? "";

describe("bunq twin", () => {
  const twins: BunqTwin[] = [];
  const start = async (options: Partial<BunqTwinOptions> = {}) => {
    const twin = await startBunqTwin({ household, limits: "off", ...options });
    twins.push(twin);
    return twin;
  };
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
  });

  const paymentsPath = (twin: BunqTwin, client: RawBunq, account = "current") =>
    `/user/${client.userId}/monetary-account/${twin.control.accountId(account)}/payment`;

  it("opens by installation, device and session, and signs every answer", async () => {
    const twin = await start();
    const client = new RawBunq(twin.url, twin.apiKey);
    for (const answer of [await client.install(), await client.register(), await client.login()]) {
      assert.equal(answer.status, 200, answer.text);
      assert.ok(client.isSigned(answer));
    }
    const wrong = await client.get("/user/1");
    assert.equal(wrong.status, 404);
    assert.ok(client.isSigned(wrong));
    assert.deepEqual(twin.control.counts, { installations: 1, devices: 1, sessions: 1, requests: 4 });
  });

  it("refuses what bunq refuses", async () => {
    const twin = await start();
    const client = new RawBunq(twin.url, twin.apiKey);
    const body = { secret: twin.apiKey };
    assert.equal((await client.login()).status, 401, "no installation");
    assert.equal(
      (await client.send("POST", "/installation", { body: { client_public_key: "x" } })).status,
      400,
    );
    await client.install();
    const early = await client.login();
    assert.equal(early.status, 400, "no device");
    const wrongKey = await client.register("sandbox_wrong");
    assert.equal(wrongKey.status, 400);
    assert.match(errorOf(wrongKey), /Incorrect API key or IP address/);
    await client.register();
    const token = client.installationToken;
    const unsigned = await client.send("POST", "/session-server", { body, token, signature: null });
    assert.equal(unsigned.status, 466);
    const other = new RawBunq(twin.url, twin.apiKey);
    const forged = await other.send("POST", "/session-server", { body, token });
    assert.equal(forged.status, 400);
    assert.match(errorOf(forged), /signature is invalid/);
    assert.equal(
      (await client.send("GET", "/user", { token })).status,
      403,
      "an installation token is not enough",
    );
    assert.equal((await client.send("GET", "/user", { token: "nonsense" })).status, 401);
    await client.login();
    assert.equal((await client.get("/user")).status, 200);
    const headers = { "X-Bunq-Client-Request-Id": "same" };
    assert.equal((await client.send("GET", "/user", { headers })).status, 200);
    assert.equal((await client.send("GET", "/user", { headers })).status, 400, "a request id is used once");
    assert.equal((await client.send("PUT", "/user", { body: {} })).status, 405);
    assert.equal((await client.get(`${paymentsPath(twin, client)}?count=201`)).status, 400);
    assert.equal((await client.get(`${paymentsPath(twin, client)}/77`)).status, 404);
  });

  it("shows the household's accounts with their balances, and its booked payments newest first", async () => {
    const twin = await start();
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const answer = await client.get(`/user/${client.userId}/monetary-account`);
    type Shown = Record<string, { id: number; balance: { value: string } }>;
    const accounts = (answer.body.Response as unknown as Shown[]).reverse();
    assert.deepEqual(
      accounts.map((each) => Object.keys(each)[0]),
      ["MonetaryAccountBank", "MonetaryAccountSavings", "MonetaryAccountCard"],
    );
    for (const [at, account] of household.accounts.entries()) {
      const own = household.payments.filter(
        (each) => each.account === account.key && each.status === "booked",
      );
      const balance = own.reduce((sum, { amount }) => sum + amount, account.openingBalance);
      const shown = Object.values(accounts[at]!)[0]!;
      assert.equal(shown.balance.value, formatAmount(balance, "EUR"));

      const rows: RawPayment[] = [];
      let next: string | null = `${paymentsPath(twin, client, account.key)}?count=200`;
      while (next) {
        const page: RawAnswer = await client.get(next);
        rows.push(...paymentsOf(page));
        next = page.body.Pagination!.older_url;
      }
      assert.equal(rows[0]!.balance_after_mutation.value, shown.balance.value);
      rows.reverse();
      assert.deepEqual(
        rows.map((row) => [row.id, row.amount.value, row.description, row.counterparty_alias.display_name]),
        own.map((each) => [
          twin.control.paymentId(each.sequence),
          formatAmount(each.amount, "EUR"),
          each.description,
          each.counterparty.name,
        ]),
      );
      rows.forEach((row, index) => {
        assert.match(row.created, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
        const instant = `${row.created.replace(" ", "T")}Z`;
        assert.equal(localDate(instant, "Europe/Amsterdam"), own[index]!.date);
      });
    }
  });

  it("pages both ways: future_url at the newest end, newer_url and older_url between, none at the oldest", async () => {
    const twin = await start();
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const ids = twin.control.visibleIds("current");
    const first = await client.get(`${paymentsPath(twin, client)}?count=7`);
    assert.deepEqual(
      paymentsOf(first).map(({ id }) => id),
      ids.slice(-7).reverse(),
    );
    assert.equal(first.body.Pagination!.newer_url, null);
    assert.match(first.body.Pagination!.future_url!, new RegExp(`newer_id=${ids.at(-1)}$`));
    assert.match(first.body.Pagination!.older_url!, new RegExp(`count=7&older_id=${ids.at(-7)}$`));
    const second = await client.get(first.body.Pagination!.older_url!);
    assert.deepEqual(
      paymentsOf(second).map(({ id }) => id),
      ids.slice(-14, -7).reverse(),
    );
    assert.equal(second.body.Pagination!.future_url, null);
    const back = await client.get(second.body.Pagination!.newer_url!);
    assert.deepEqual(
      paymentsOf(back).map(({ id }) => id),
      paymentsOf(first).map(({ id }) => id),
    );
    const oldest = await client.get(`${paymentsPath(twin, client)}?older_id=${ids[3]}`);
    assert.deepEqual(
      paymentsOf(oldest).map(({ id }) => id),
      ids.slice(0, 3).reverse(),
    );
    assert.equal(oldest.body.Pagination!.older_url, null);
    const upwards = await client.get(`${paymentsPath(twin, client)}?count=3&newer_id=${ids[0]}`);
    assert.deepEqual(
      paymentsOf(upwards).map(({ id }) => id),
      ids.slice(1, 4).reverse(),
    );
    const nothing = await client.get(first.body.Pagination!.future_url!);
    assert.deepEqual(nothing.body.Response, []);
    const id = twin.control.addPayment({ account: "current", amount: -1250, name: "New" });
    const grown = await client.get(nothing.body.Pagination!.future_url!);
    assert.deepEqual(
      paymentsOf(grown).map((each) => each.id),
      [id],
    );
  });

  it("hides what has not happened yet until its clock gets there", async () => {
    const twin = await start({ now: "2025-03-10T12:00:00Z" });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const newest = async () => paymentsOf(await client.get(`${paymentsPath(twin, client)}?count=1`))[0]!;
    const before = await newest();
    assert.ok(before.created < "2025-03-10 12:00:10");
    const added = twin.control.addPayment({ account: "current", amount: -100, name: "Between" });
    assert.equal((await newest()).id, added);
    twin.control.advance({ days: 5 });
    const after = await newest();
    assert.ok(after.id > added && after.created > "2025-03-10" && after.created < "2025-03-15 12:01:00");
    assert.throws(() => twin.control.advance({ days: -1 }), /turned back/);
    const due = household.payments.filter(
      ({ account, status, instant }) =>
        account === "current" && status === "booked" && instant <= "2025-03-15T12:00",
    );
    assert.equal(twin.control.visibleIds("current").length, due.length + 1);
  });

  it("presents a pending card payment as a card action that leaves the balance alone", async () => {
    const pending = household.payments.find(({ bookedAs }) => bookedAs !== undefined)!;
    const booked = household.payments[pending.bookedAs! - 1]!;
    const twin = await start({ now: new Date(Date.parse(pending.instant) + 60_000).toISOString() });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const actions = paymentsPath(twin, client, pending.account).replace("payment", "mastercard-action");
    const action = async () => {
      const answer = await client.get(`${actions}/${twin.control.paymentId(pending.sequence)}`);
      return (answer.body.Response as unknown as { MasterCardAction: Record<string, string> }[])[0]!
        .MasterCardAction;
    };
    assert.equal((await action())["clearing_status"], "PENDING");
    assert.equal((await action())["authorisation_status"], "AUTHORISED");
    assert.ok(!twin.control.visibleIds(pending.account).includes(twin.control.paymentId(booked.sequence)));
    twin.control.advance({ to: booked.instant });
    assert.equal((await action())["clearing_status"], "FIRST_PRESENTMENT_COMPLETE");
    assert.ok(twin.control.visibleIds(pending.account).includes(twin.control.paymentId(booked.sequence)));
    assert.equal((await client.get(actions)).status, 200);
  });

  it("ends sessions after the auto logout, lengthens one used in its last moments, and ends all on demand", async () => {
    const twin = await start({ sessionSeconds: 3600 });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    twin.control.advance({ seconds: 3580 });
    assert.equal((await client.get("/user")).status, 200);
    twin.control.advance({ seconds: 200 });
    assert.equal((await client.get("/user")).status, 200, "lengthened by 5 minutes");
    twin.control.advance({ seconds: 200 });
    const gone = await client.get("/user");
    assert.equal(gone.status, 401);
    assert.match(errorOf(gone), /Insufficient authentication/);
    await client.login();
    assert.equal((await client.get("/user")).status, 200);
    twin.control.expireSessions();
    assert.equal((await client.get("/user")).status, 401);
    await client.login();
    assert.equal((await client.send("DELETE", "/session/0")).status, 200);
    assert.equal((await client.get("/user")).status, 401);
    twin.control.revokeKey();
    assert.equal((await client.login()).status, 400);
  });

  it("holds bunq's rate limits: 3 GET in 3 s for each endpoint, one session in 30 s", async () => {
    const twin = await start({ limits: {} });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const got = await Promise.all([1, 2, 3, 4].map(() => client.get("/user")));
    assert.deepEqual(got.map(({ status }) => status).sort(), [200, 200, 200, 429]);
    const refused = got.find(({ status }) => status === 429)!;
    assert.match(errorOf(refused), /maximum of 3 calls per 3 second/);
    assert.equal(refused.headers.get("retry-after"), null);
    assert.equal(
      (await client.get(`/user/${client.userId}/monetary-account`)).status,
      200,
      "another endpoint",
    );
    assert.equal((await client.login()).status, 429);
  });

  it("has faults on demand, in the program and over HTTP", async () => {
    const twin = await start({ controlRoute: true });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const origin = new URL(twin.url).origin;
    const tell = async (command: unknown) => {
      const response = await fetch(`${origin}/__control`, { method: "POST", body: JSON.stringify(command) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    await tell({ action: "fault", kind: "status", status: 429, retryAfter: 2 });
    const limited = await client.get("/user");
    assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "2"]);
    twin.control.fault({ kind: "status", status: 500, skip: 1, path: "/user" });
    assert.equal((await client.get("/user")).status, 200);
    assert.equal((await client.get("/user")).status, 500);
    twin.control.fault({ kind: "malformed" });
    await assert.rejects(client.get("/user"), SyntaxError);
    twin.control.fault({ kind: "reset" });
    await assert.rejects(client.get("/user"));
    twin.control.fault({ kind: "tamper-signature" });
    assert.equal(client.isSigned(await client.get("/user")), false);
    twin.control.fault({ kind: "slow", ms: 20, times: 5 });
    assert.equal((await client.get("/user")).status, 200);
    await tell({ action: "clear-faults" });
    const id = (await tell({ action: "add-payment", account: "savings", amount: 500, name: "Tip" })).body[
      "id"
    ];
    assert.equal((await client.get(`${paymentsPath(twin, client, "savings")}/${String(id)}`)).status, 200);
    await tell({ action: "expire-sessions" });
    assert.equal((await client.get("/user")).status, 401);
    assert.equal((await tell({ action: "nonsense" })).status, 400);
    const closed = await start();
    assert.equal(
      (await fetch(`${new URL(closed.url).origin}/__control`)).status,
      401,
      "no such route unless enabled",
    );
  });

  it("keeps what it was told over a restart", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "bunq-twin-"));
    try {
      const stateFile = path.join(folder, "state.json");
      const first = await start({ stateFile });
      const client = await new RawBunq(first.url, first.apiKey).open();
      const id = first.control.addPayment({ account: "current", amount: -4200, name: "Kept" });
      first.control.changePayment(id, { description: "changed" });
      const before = paymentsOf(await client.get(paymentsPath(first, client)));
      await first.stop();
      const second = await start({ stateFile });
      client.url = second.url;
      assert.equal(second.apiKey, first.apiKey);
      const after = paymentsOf(await client.get(paymentsPath(second, client)));
      assert.deepEqual(after, before);
      assert.deepEqual([after[0]!.id, after[0]!.description], [id, "changed"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("conforms to bunq's official description, request and answer", async function () {
    const file = sharedPath("data", "api_specs", "bunq", "swagger.json");
    if (!file) skipWithout(this, "bunq's OpenAPI description");
    const judge = new BunqJudge(file);
    for (const userType of ["person", "company", "apiKey"] as const) {
      const twin = await start({ onExchange: judge.hear, userType });
      const client = await new RawBunq(twin.url, twin.apiKey).open();
      const user = `/user/${client.userId}`;
      const current = `${user}/monetary-account/${twin.control.accountId("current")}`;
      const card = `${user}/monetary-account/${twin.control.accountId("card")}`;
      const id = twin.control.visibleIds("current")[5]!;
      for (const path of [
        "/user",
        user,
        `${user}/monetary-account`,
        `${user}/monetary-account-bank`,
        `${user}/monetary-account-savings`,
        `${user}/monetary-account-card`,
        current,
        `${current}/payment?count=200`,
        `${current}/payment?count=2&older_id=${id}`,
        `${current}/payment/${id}`,
        `${card}/payment?count=200`,
        `${card}/mastercard-action`,
        `${current}/payment/1`,
      ]) {
        const { status } = await client.get(path);
        assert.equal(status, path.endsWith("/payment/1") ? 404 : 200, path);
      }
      await client.register("wrong");
      await client.send("GET", "/user", { token: "nonsense" });
      await client.send("DELETE", "/session/0");
    }
    assert.deepEqual(judge.faults, []);
    assert.ok(judge.seen.size >= 14, [...judge.seen].join("\n"));
  });

  it("is judged by a judge that finds faults", async function () {
    const file = sharedPath("data", "api_specs", "bunq", "swagger.json");
    if (!file) skipWithout(this, "bunq's OpenAPI description");
    const heard: TwinExchange[] = [];
    const twin = await start({ onExchange: (exchange) => heard.push(exchange) });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    await client.get(paymentsPath(twin, client));
    const good = heard.at(-1)!;
    const faultsOf = (exchange: TwinExchange) => {
      const judge = new BunqJudge(file);
      judge.hear(exchange);
      return judge.faults.length;
    };
    const { "user-agent": _, ...anonymous } = good.requestHeaders;
    assert.equal(faultsOf(good), 0);
    assert.ok(faultsOf({ ...good, responseBody: good.responseBody.replace('"created"', '"creatd"') }) > 0);
    assert.ok(faultsOf({ ...good, responseBody: good.responseBody.replace(/"id":(\d+)/, '"id":"$1"') }) > 0);
    assert.ok(faultsOf({ ...good, requestHeaders: anonymous }) > 0);
    assert.ok(faultsOf({ ...good, path: "/v1/user/1/monetary-acount" }) > 0);
    const installed = heard[0]!;
    assert.ok(faultsOf({ ...installed, requestBody: '{"client_public_key":7}' }) > 0);
  });
});
