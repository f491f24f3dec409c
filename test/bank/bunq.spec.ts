import assert from "node:assert/strict";
import fc from "fast-check";
import { ownId, type Json } from "../../lib/values";
import { startBunqTwin } from "../../simulators/bunq";
import { makeHousehold, type Household } from "../../simulators/household";
import { BunqJudge } from "../simulators/bunq-judge";
import { sharedPath, skipWithout } from "../support/shared";
import { accountNamed, bookedOf, bunqHarness, household, ids, read } from "./bunq-harness";

describe("bunq", () => {
  const { start, connect } = bunqHarness();

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

  it("closes the gap when a page of newer rows turns out to be the newest ones", async () => {
    const busy = makeHousehold({ from: "2025-01-01", until: "2025-03-31", scale: 8 });
    const twin = await start({ household: busy, now: "2025-01-20T00:00:00Z", newerPages: "newest" });
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const begun = await read(provider, account, null);
    twin.control.advance({ to: "2025-03-20" });
    const stopped = await read(provider, account, begun.cursor, 1);
    const { cards: _, ...place } = stopped.cursor as Record<string, Json>;
    assert.deepEqual(place, begun.cursor, "the cursor waits until the gap is closed");
    const rest = await read(provider, account, stopped.cursor);
    const all = new Set(ids([...begun.payments, ...rest.payments]));
    assert.deepEqual(
      [...all].sort((a, b) => a - b),
      twin.control.visibleIds("current"),
    );
    assert.equal((await read(provider, account, rest.cursor)).pages, 1);
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
    const steps = fc.array(step, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom("next", "newest"), async (steps, newerPages) => {
        const twin = await startBunqTwin({
          household: busy,
          limits: "off",
          now: "2025-02-10T08:00:00Z",
          newerPages,
        });
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
      { numRuns: 6 },
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
});
