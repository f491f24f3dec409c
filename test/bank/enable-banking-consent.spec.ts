import assert from "node:assert/strict";
import { cursors } from "../../lib/store";
import { ownId } from "../../lib/values";
import { codeOf, read } from "./bunq-harness";
import { REDIRECT, accountNamed, enableBankingHarness, household } from "./enable-banking-harness";

describe("Enable Banking: consents", () => {
  const harness = enableBankingHarness();
  const { start, connect, give } = harness;
  const begin = { institution: "NL/Polderbank", redirectUrl: REDIRECT, state: "s3cret-state" };

  it("lists the banks of a country by name, with how long a consent holds", async () => {
    const twin = await start({
      banks: [
        { name: "Zeebank", country: "NL", accounts: ["card"], maxConsentSeconds: 90 * 86_400 },
        { name: "Abank", country: "NL", bic: "ABANNL2A", accounts: ["current"] },
        { name: "Banque", country: "FR", accounts: [] },
      ],
    });
    const provider = connect(twin);
    assert.deepEqual(await provider.institutions("nl"), [
      { id: "NL/Abank", name: "Abank", country: "NL", bic: "ABANNL2A", maxConsentDays: 180 },
      { id: "NL/Zeebank", name: "Zeebank", country: "NL", maxConsentDays: 90 },
    ]);
    await assert.rejects(provider.institutions("Holland"), codeOf("CONFIG_INVALID", /two letters/));
    await assert.rejects(
      provider.begin({ ...begin, institution: "NL/Nobank" }),
      codeOf("NOT_FOUND", /Nobank/),
    );
  });

  it("goes to the bank and back, and knows the accounts from then on", async () => {
    const twin = await start();
    const provider = connect(twin);
    assert.deepEqual(await provider.accounts(), []);
    const { url, reference } = await provider.begin(begin);
    const [pending] = await provider.consents();
    assert.deepEqual(
      [pending?.id, pending?.state, pending?.institutionName],
      [reference, "pending", "Polderbank"],
    );
    const query = await twin.control.consent(url);
    assert.equal(query["state"], begin.state);
    const consent = await provider.complete({ reference, query });
    assert.equal(consent.state, "valid");
    assert.equal(consent.institutionName, "Polderbank");
    const days = (Date.parse(consent.validUntil!) - harness.clock.at) / 86_400_000;
    assert.ok(days > 179.9 && days < 180, `${days} days`);
    const accounts = await provider.accounts();
    assert.deepEqual(
      accounts.map(({ name, iban, currency, type }) => ({ name, iban, currency, type })),
      known("current", "savings"),
    );
    assert.deepEqual([...consent.accounts].sort(), accounts.map(({ id }) => ownId(id)).sort());
    assert.deepEqual(await provider.consents(), [consent]);
    assert.deepEqual(await provider.complete({ reference, query }), consent, "a page that is loaded again");
    assert.equal(twin.control.sessions.length, 1);
  });

  it("takes over nothing from whoever was not sent, and says what to do after a refusal", async () => {
    const twin = await start();
    const provider = connect(twin);
    const { url, reference } = await provider.begin(begin);
    const query = await twin.control.consent(url);
    const wrong = { ...query, state: "another" };
    await assert.rejects(
      provider.complete({ reference, query: wrong }),
      codeOf("AUTH_FAILED", /not sent there/),
    );
    await assert.rejects(provider.complete({ reference: "unknown", query }), codeOf("NOT_FOUND"));
    const refused = await twin.control.consent(url, "refuse");
    await assert.rejects(
      provider.complete({ reference, query: refused }),
      codeOf("AUTH_FAILED", /Polderbank \(Denied data sharing consent\)\. Open the bank connection/),
    );
    assert.equal((await provider.consents())[0]?.state, "ended");
    const late = { ...query, code: "0".repeat(32) };
    await assert.rejects(provider.complete({ reference, query: late }), codeOf("AUTH_FAILED", /begin again/));
    assert.equal(
      (await provider.complete({ reference, query })).state,
      "valid",
      "the right way still leads there",
    );
  });

  it("says which address is to be registered", async () => {
    const twin = await start({ redirectUrls: ["https://other.example/back"] });
    await assert.rejects(connect(twin).begin(begin), codeOf("CONFIG_INVALID", /redirect URLs/));
  });

  it("knows every status of a session", async () => {
    const twin = await start();
    const states = {
      AUTHORIZED: "valid",
      PENDING_AUTHORIZATION: "pending",
      RETURNED_FROM_BANK: "pending",
      EXPIRED: "expired",
      CANCELLED: "ended",
      CLOSED: "ended",
      REVOKED: "ended",
      INVALID: "ended",
    } as const;
    for (const [status, state] of Object.entries(states)) {
      const provider = connect(twin, { source: `eb-${status}` });
      const { id } = await give(twin, provider);
      twin.control.setStatus(id, status as keyof typeof states);
      assert.deepEqual(
        (await provider.consents()).map((consent) => consent.state),
        [state],
        status,
      );
    }
  });

  it("ends by itself, and is ended on request", async () => {
    const twin = await start();
    const provider = connect(twin);
    const consent = await give(twin, provider);
    harness.clock.days(181);
    assert.equal((await provider.consents())[0]?.state, "expired");
    const second = await give(twin, provider);
    const found = await provider.consents();
    assert.deepEqual(
      found.map(({ id, state }) => [id, state]),
      [
        [second.id, "valid"],
        [consent.id, "ended"],
      ],
      "one that was given again is nobody's concern any more",
    );
    await provider.end(second.id);
    assert.equal((await provider.consents())[0]?.state, "ended");
    await provider.end(second.id);
    await assert.rejects(provider.end("unknown"), codeOf("NOT_FOUND"));
    const account = await accountNamed(provider, "Everyday");
    await assert.rejects(read(provider, account, null), codeOf("AUTH_EXPIRED", /Polderbank/));
  });

  it("holds several banks, and the end of one stops its accounts only", async () => {
    const twin = await start();
    const provider = connect(twin);
    const polder = await give(twin, provider);
    const card = await give(twin, provider, "NL/Kaart & Co");
    const names = (await provider.accounts()).map(({ name }) => name);
    assert.equal(names.length, 3);
    const current = await accountNamed(provider, "Everyday");
    const other = (await provider.accounts()).find(({ id }) => card.accounts.includes(ownId(id)))!;
    twin.control.setStatus(polder.id, "EXPIRED");
    await assert.rejects(
      read(provider, current, null),
      codeOf("AUTH_EXPIRED", /Polderbank.*give the consent for Polderbank again/),
    );
    assert.ok((await read(provider, other, null)).payments.length > 0);
    const before = twin.control.requests;
    await assert.rejects(read(provider, current, null), codeOf("AUTH_EXPIRED"));
    assert.equal(twin.control.requests, before, "what is known to be over is not asked for");
    assert.equal((await provider.accounts()).length, 3);
    await give(twin, provider);
    assert.ok((await read(provider, current, null)).payments.length > 0);
  });

  it("knows of the end by its date, without a request", async () => {
    const { twin, provider, account, consent } = await harness.ready();
    harness.clock.days(180);
    const before = twin.control.requests;
    const on = consent.validUntil!.slice(0, 10);
    await assert.rejects(read(provider, account, null), codeOf("AUTH_EXPIRED", new RegExp(`ended on ${on}`)));
    assert.equal(twin.control.requests, before);
  });

  it("keeps sessions over a restart, and no key and no token in the store", async () => {
    const { twin, provider, account } = await harness.ready();
    const again = connect(twin);
    assert.deepEqual(await again.accounts(), await provider.accounts());
    assert.ok((await read(again, account, null)).payments.length > 0);
    const kept = JSON.stringify(await harness.store.collection(cursors).find({ index: "id" }));
    assert.ok(kept.includes(twin.control.sessions[0]!));
    assert.ok(!/PRIVATE KEY|eyJ|an unguessable word/.test(kept));
    assert.equal((await connect(twin, { source: "other" }).accounts()).length, 0, "each connection its own");
  });

  it("keeps an account's id when its hash, uid and currency are said in other words", async () => {
    const twin = await start({
      shapeAccount: (account, { session }) =>
        session === 1
          ? { ...account, currency: "XXX" }
          : {
              ...account,
              identification_hash: "another hash first",
              identification_hashes: ["another hash first", account["identification_hash"]],
            },
    });
    const provider = connect(twin);
    await give(twin, provider);
    const first = await provider.accounts();
    assert.deepEqual([...new Set(first.map(({ currency }) => currency))], ["EUR"], "from the balance");
    await give(twin, provider);
    assert.deepEqual(
      (await provider.accounts()).map(({ id }) => id),
      first.map(({ id }) => id),
    );
  });

  it("tells accounts in several currencies under one hash apart, and leaves out those without a uid", async () => {
    const twin = await start({
      banks: [{ name: "Polderbank", country: "NL", accounts: ["current", "savings", "card"] }],
      shapeAccount: (row, { account }) => ({
        ...row,
        identification_hash: "one",
        identification_hashes: ["one"],
        currency: account === "current" ? "EUR" : "USD",
        ...(account === "card" ? { uid: null } : {}),
      }),
    });
    const provider = connect(twin);
    await give(twin, provider);
    const first = (await provider.accounts()).map(({ id, currency }) => [id, currency]);
    assert.equal(first.length, 2);
    assert.notEqual(first[0]![0], first[1]![0]);
    await give(twin, provider);
    assert.deepEqual(
      (await provider.accounts()).map(({ id, currency }) => [id, currency]),
      first,
    );
  });
});

function known(...keys: string[]) {
  return household.accounts
    .filter(({ key }) => keys.includes(key))
    .map(({ name, iban, currency, type }) => ({ name, iban, currency, type }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
