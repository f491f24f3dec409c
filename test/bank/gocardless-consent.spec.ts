import assert from "node:assert/strict";
import { bankExtract } from "../../lib/bank";
import { cursors } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { stepContext } from "../support/context";
import { harness, household, readInto } from "./aggregate-harness";
import { codeOf } from "./bunq-harness";

const REDIRECT = "http://127.0.0.1:1880/tallyflow/consent?flow=1";

/** The query with which the bank's page sends a person back. */
async function atTheBank(url: string, decline = false): Promise<Record<string, string>> {
  const answer = await fetch(decline ? `${url}?decline=1` : url, { redirect: "manual" });
  assert.equal(answer.status, 302);
  return Object.fromEntries(new URL(answer.headers.get("location")!).searchParams);
}

describe("gocardless: consents", () => {
  const own = harness();
  const begin = { institution: "SIMULATED_TWINNL2A", redirectUrl: REDIRECT, state: "unguessable-word" };

  it("lists the banks of a country", async () => {
    const provider = own.openGoCardless(await own.goCardless());
    assert.deepEqual(await provider.institutions("nl"), [
      {
        id: "ANOTHER_OTHRNL2A",
        name: "Another Bank",
        country: "NL",
        bic: "OTHRNL2A",
        maxConsentDays: 90,
        maxHistoryDays: 540,
      },
      {
        id: "SIMULATED_TWINNL2A",
        name: "Simulated Bank",
        country: "NL",
        bic: "TWINNL2A",
        maxConsentDays: 90,
        maxHistoryDays: 540,
      },
    ]);
    await assert.rejects(provider.institutions("US"), codeOf("PROVIDER_REFUSED", /US is not a valid choice/));
    await assert.rejects(provider.institutions("Netherlands"), codeOf("CONFIG_INVALID"));
  });

  it("goes from the bank's page to accounts and their payments", async () => {
    const twin = await own.goCardless({ linked: "somebody-elses", historyDays: 200, consentDays: 180 });
    const provider = own.openGoCardless(twin);
    assert.deepEqual(await provider.accounts(), [], "a consent made elsewhere is not this connection's");
    const { url, reference } = await provider.begin(begin);
    assert.deepEqual(
      (await provider.consents()).map(({ id, state, accounts }) => ({ id, state, accounts })),
      [{ id: reference, state: "pending", accounts: [] }],
    );
    const query = await atTheBank(url);
    assert.equal(query["state"], "unguessable-word");
    assert.equal(query["flow"], "1");
    const consent = await provider.complete({ reference, query });
    const { accounts, ...rest } = consent;
    assert.equal(accounts.length, household.accounts.length);
    assert.deepEqual(rest, {
      id: reference,
      institution: "SIMULATED_TWINNL2A",
      institutionName: "Simulated Bank",
      state: "valid",
      createdAt: "2025-06-15T12:00:00.000Z",
      validUntil: "2025-12-12T12:00:00.000Z",
      historyFrom: "2024-11-27",
    });
    assert.deepEqual(await provider.consents(), [consent]);
    assert.equal((await provider.accounts()).length, household.accounts.length);
    const all = own.openGoCardless(twin, { consents: "all" });
    assert.equal((await all.consents()).length, 2);
  });

  it("says so when the person refused, came with another attempt's word, or the attempt is unknown", async () => {
    const provider = own.openGoCardless(await own.goCardless());
    const { url, reference } = await provider.begin(begin);
    const query = await atTheBank(url, true);
    await assert.rejects(
      provider.complete({ reference, query }),
      codeOf("AUTH_FAILED", /Simulated Bank was not given \(User cancelled the session\)/),
    );
    const other = await provider.begin(begin);
    await assert.rejects(
      provider.complete({ reference: other.reference, query: { ref: query["ref"]! } }),
      codeOf("NOT_FOUND"),
    );
    for (const wrong of ["00000000-0000-4000-a000-000000000000", "../token/new", "x".repeat(100)])
      await assert.rejects(provider.complete({ reference: wrong, query: {} }), codeOf("NOT_FOUND"));
    const states = (await provider.consents()).map(({ state }) => state).sort();
    assert.deepEqual(states, ["ended", "pending", "valid"]);
  });

  it("refuses to begin with a bank or a page that is none", async () => {
    const provider = own.openGoCardless(await own.goCardless());
    await assert.rejects(provider.begin({ ...begin, institution: "NO_BANK" }), codeOf("NOT_FOUND"));
    await assert.rejects(provider.begin({ ...begin, redirectUrl: "javascript:1" }), codeOf("CONFIG_INVALID"));
  });

  it("reads listings of many pages", async () => {
    const twin = await own.goCardless({ pageSize: 2 });
    for (let one = 0; one < 6; one++) {
      own.clock.ms += 1000;
      twin.control.link(`tallyflow-gocardless-${one}`);
    }
    const consents = await own.openGoCardless(twin).consents();
    assert.equal(consents.length, 7);
    assert.deepEqual(
      consents.map(({ createdAt }) => createdAt),
      consents
        .map(({ createdAt }) => createdAt)
        .sort()
        .reverse(),
    );
  });

  const STATES = [
    ["CR", "pending"],
    ["GC", "pending"],
    ["UA", "pending"],
    ["SA", "pending"],
    ["GA", "pending"],
    ["LN", "valid"],
    ["EX", "expired"],
    ["RJ", "ended"],
    ["SU", "ended"],
  ] as const;
  it("knows every status of a requisition", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const [{ id } = { id: "" }] = await provider.consents();
    for (const [status, state] of STATES) {
      twin.control.setRequisition(id, status);
      assert.equal((await provider.consents())[0]!.state, state, status);
    }
    twin.control.setRequisition(id, "LN");
    own.clock.days(90);
    assert.equal((await provider.consents())[0]!.state, "expired");
  });

  it("asks for a new consent when one ended, and makes no request for payments then", async () => {
    for (const status of ["EX", "SU"]) {
      const twin = await own.goCardless();
      const provider = own.openGoCardless(twin);
      const [account] = await provider.accounts();
      const [{ id } = { id: "" }] = await provider.consents();
      twin.control.setRequisition(id, status);
      const again = own.openGoCardless(twin);
      assert.equal((await again.accounts()).length, household.accounts.length, "it is still known");
      const before = twin.control.requests;
      await assert.rejects(
        readInto(own.store, again, account!),
        codeOf("AUTH_EXPIRED", /Everyday .*give the consent again/),
      );
      assert.equal(twin.control.requests, before);
    }
  });

  const ACCOUNT_STATES = [
    ["EXPIRED", "AUTH_EXPIRED", /has ended/],
    ["SUSPENDED", "AUTH_EXPIRED", /suspended/],
    ["PROCESSING", "PROVIDER_UNAVAILABLE", /still preparing/],
    ["DISCOVERED", "PROVIDER_UNAVAILABLE", /still preparing/],
  ] as const;
  for (const [status, code, words] of ACCOUNT_STATES) {
    it(`knows an account with status ${status}, and reads the others`, async () => {
      const twin = await own.goCardless();
      await own.openGoCardless(twin).accounts();
      twin.control.setAccount("current", status);
      const provider = own.openGoCardless(twin);
      const [bad, good] = await provider.accounts();
      await assert.rejects(readInto(own.store, provider, bad!), codeOf(code, words));
      assert.ok((await readInto(own.store, provider, good!)).pages.length > 0);
    });
  }

  it("tries an account with status ERROR, since only an answer takes the status away", async () => {
    const twin = await own.goCardless();
    twin.control.setAccount("current", "ERROR");
    const provider = own.openGoCardless(twin);
    const [account] = await provider.accounts();
    assert.ok((await readInto(own.store, provider, account!)).payments.length > 0);
  });

  it("goes on with the other accounts when one consent has ended", async () => {
    const twin = await own.goCardless();
    await own.openGoCardless(twin).accounts();
    twin.control.setAccount("current", "EXPIRED");
    const provider = own.openGoCardless(twin);
    const context = stepContext(own.store);
    await assert.rejects(
      bankExtract(context, provider, { budgetIds: [] }),
      codeOf("AUTH_EXPIRED", /Everyday/),
    );
    for (const account of (await provider.accounts()).slice(1)) {
      const kept = await own.store.collection(cursors).get(`bank:gocardless:${account.id}`);
      assert.ok(kept, `${account.name} was read`);
    }
  });

  const REFUSALS: [number, object, TallyError["code"], RegExp][] = [
    [
      401,
      { summary: "s", detail: "Access has expired", type: "AccessExpiredError" },
      "AUTH_EXPIRED",
      /again/,
    ],
    [401, { summary: "s", detail: "deactivated", type: "AccountInactiveError" }, "AUTH_EXPIRED", /closed/],
    [401, { summary: "End User Agreement (EUA) 1 has expired", detail: "x" }, "AUTH_EXPIRED", /again/],
    [
      402,
      { summary: "Payment Required", detail: "Free usage limit exceeded" },
      "PROVIDER_REFUSED",
      /billing/,
    ],
    [403, { summary: "No valid End User Agreement", error: "x" }, "AUTH_EXPIRED", /again/],
    [
      403,
      { summary: "IP address access denied", detail: "Your IP isn't whitelisted" },
      "AUTH_FAILED",
      /IP add/,
    ],
    [403, { summary: "(EUA) access scope error", detail: "Check scope" }, "AUTH_EXPIRED", /does not cover/],
    [404, { detail: "Not found." }, "NOT_FOUND", /does not know/],
    [409, { summary: "Account suspended", detail: "x" }, "AUTH_EXPIRED", /suspended/],
    [409, { id: "x", status: "PROCESSING" }, "PROVIDER_UNAVAILABLE", /not ready/],
    [429, { type: "RateLimitError", detail: "Daily request limit" }, "RATE_LIMITED", /by itself/],
    [
      400,
      { date_from: { summary: "Date can't be in future", detail: "d" } },
      "PROVIDER_REFUSED",
      /in future/,
    ],
    [500, { type: "UnknownRequestError" }, "PROVIDER_UNAVAILABLE", /./],
    [503, { type: "ServiceError" }, "PROVIDER_UNAVAILABLE", /./],
  ];
  for (const [status, body, code, words] of REFUSALS) {
    it(`makes ${code} of ${status} ${JSON.stringify(body).slice(0, 50)}`, async () => {
      const twin = await own.goCardless();
      const provider = own.openGoCardless(twin, { http: { retries: 0 } });
      const [account] = await provider.accounts();
      twin.control.fault({ kind: "answer", answer: { status, body }, times: 3, path: "/transactions/" });
      await assert.rejects(readInto(own.store, provider, account!), codeOf(code, words));
    });
  }

  it("makes the right error of a gateway's page, a cut answer, no answer and a time-out", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin, { http: { retries: 0, timeoutMs: 200 } });
    const [account] = await provider.accounts();
    const read = () => readInto(own.store, provider, account!);
    const path = "/transactions/";
    twin.control.fault({ kind: "answer", answer: { status: 403, text: "<html>no</html>" }, path });
    await assert.rejects(read(), codeOf("AUTH_FAILED"));
    twin.control.fault({ kind: "malformed", path });
    await assert.rejects(read(), codeOf("PROVIDER_MALFORMED"));
    twin.control.fault({ kind: "answer", answer: { status: 200, body: { transactions: [] } }, path });
    await assert.rejects(read(), codeOf("PROVIDER_MALFORMED", /payments of Everyday/));
    twin.control.fault({
      kind: "answer",
      answer: { status: 200, body: { transactions: { booked: 1 } } },
      path,
    });
    await assert.rejects(read(), codeOf("PROVIDER_MALFORMED", /no list/));
    twin.control.fault({ kind: "reset", path });
    await assert.rejects(read(), codeOf("PROVIDER_UNAVAILABLE"));
    twin.control.fault({ kind: "slow", ms: 2000, path });
    await assert.rejects(read(), codeOf("PROVIDER_UNAVAILABLE"));
    assert.ok((await read()).payments.length > 0, "none of them was counted");
  });

  it("tells of an account that cannot be read with the payments of another", async () => {
    const twin = await own.goCardless();
    const answer = { status: 200, body: { account: { currency: "points" } } };
    twin.control.fault({ kind: "answer", answer, path: "/details/" });
    const provider = own.openGoCardless(twin);
    const accounts = await provider.accounts();
    assert.equal(accounts.length, household.accounts.length - 1);
    const { errors } = await readInto(own.store, provider, accounts[0]!);
    assert.match(errors[0]!.reason, /does not say the currency/);
  });
});
