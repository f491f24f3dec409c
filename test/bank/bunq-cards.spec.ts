import assert from "node:assert/strict";
import { payments as paymentsOfStore, type Payment } from "../../lib/store";
import { bankExtract } from "../../lib/bank";
import { ownId, type Json } from "../../lib/values";
import type { BunqTwin } from "../../simulators/bunq";
import { stepContext } from "../support/context";
import { accountNamed, bunqHarness, clockAt, household, read } from "./bunq-harness";

describe("bunq: what changes a balance", () => {
  const harness = bunqHarness();
  const { start, connect } = harness;

  /** A twin and an account that was read before, so that what comes now is new. */
  const known = async (options: { pending?: boolean } = {}) => {
    const twin = await start({ now: "2025-06-01T10:00:00Z" });
    const clock = clockAt("2025-06-01T10:00:00Z");
    const provider = connect(twin, { ...options, http: clock });
    const account = await accountNamed(provider, "Everyday");
    let { cursor } = await read(provider, account, null);
    const news = async (): Promise<Payment[]> => {
      const seen = new Set(twinIds(twin));
      const got = await read(provider, account, cursor);
      assert.deepEqual(got.errors, []);
      cursor = JSON.parse(JSON.stringify(got.cursor)) as Json;
      const fresh = got.payments.filter(({ id }) => !before.has(id));
      for (const id of seen) before.add(`bunq:${id}`);
      return fresh;
    };
    const before = new Set(twinIds(twin).map((id) => `bunq:${id}`));
    return { twin, provider, account, news, clock };
  };
  const twinIds = (twin: BunqTwin) => twin.control.visibleIds("current");

  it("keeps bunq's sub-type in the type", async () => {
    const { twin, news } = await known();
    const types: [[string, string], string][] = [
      [["BUNQ", "PAYMENT"], "transfer"],
      [["BUNQ", "REQUEST"], "transfer-request"],
      [["BUNQ", "BILLING"], "transfer-billing"],
      [["EBA_SCT", "SCT"], "transfer"],
      [["EBA_SDD", "SDD"], "direct-debit"],
      [["EBA_SDD", "REVERSAL"], "direct-debit-reversal"],
      [["IDEAL", "PAYMENT"], "ideal"],
      [["MASTERCARD", "PAYMENT"], "card"],
      [["MASTERCARD", "REVERSAL"], "card-reversal"],
      [["MASTERCARD", "WITHDRAWAL"], "cash"],
      [["SWIFT", "NLO"], "swift-nlo"],
    ];
    for (const [bunqType] of types)
      twin.control.addPayment({ account: "current", amount: -100, name: "Any", bunqType });
    assert.deepEqual((await news()).map(({ type }) => type).sort(), types.map(([, type]) => type).sort());
  });

  it("has a scheduled payment when it is executed, and nothing before", async () => {
    const { twin, news } = await known();
    const scheduled = twin.control.schedulePayment(
      { account: "current", amount: -5000, name: "Landlord" },
      "2025-06-01T14:00:00Z",
    );
    assert.deepEqual(await news(), []);
    twin.control.advance({ hours: 5 });
    const rent = (await news()).filter(({ counterparty }) => counterparty?.name === "Landlord");
    assert.deepEqual(
      rent.map(({ amount, date, raw }) => [amount, date, (raw as { scheduled_id: number }).scheduled_id]),
      [[-5000, "2025-06-01", scheduled]],
    );
  });

  it("has a request when it is paid, and nothing while it waits or when it is refused", async () => {
    const { twin, news } = await known();
    const asked = { account: "current", amount: 1500, name: "A friend", description: "Pizza" };
    const [first, second] = [twin.control.request(asked), twin.control.request(asked)];
    assert.deepEqual(await news(), []);
    twin.control.rejectRequest(second);
    assert.deepEqual(await news(), []);
    const paid = twin.control.acceptRequest(first);
    assert.deepEqual(
      (await news()).map(({ id, amount, type, description }) => [id, amount, type, description]),
      [[`bunq:${paid}`, -1500, "transfer-request", "Pizza"]],
    );
  });

  it("tells of a card payment where, at what kind of merchant, and in which money it was", async () => {
    const { twin, provider, news } = await known();
    twin.control.useCard({
      account: "current",
      amount: 4310,
      name: "Pret A Manger",
      city: "London",
      category: "5812",
      original: { amount: 3600, currency: "GBP" },
      outcome: "booked",
    });
    twin.control.useCard({ account: "current", amount: 250, name: "Bakker", outcome: "booked" });
    const calls = provider.calls;
    const found = (await news()).map(({ amount, original, merchant, counterparty, status, type }) => ({
      amount,
      original,
      merchant,
      name: counterparty?.name,
      status,
      type,
    }));
    found.sort((a, b) => a.amount - b.amount);
    assert.deepEqual(found, [
      {
        amount: -4310,
        original: { amount: -3600, currency: "GBP" },
        merchant: { category: "5812", city: "London" },
        name: "Pret A Manger",
        status: "booked",
        type: "card",
      },
      {
        amount: -250,
        original: undefined,
        merchant: { category: "5999", city: "Amsterdam" },
        name: "Bakker",
        status: "booked",
        type: "card",
      },
    ]);
    assert.equal(provider.calls - calls, 4, "one page, one list of actions, and one call for each action");
    const quiet = provider.calls;
    assert.deepEqual(await news(), []);
    assert.equal(provider.calls - quiet, 1, "nothing new, nothing asked");
  });

  it("stores a card payment once, and unchanged when it is read again", async () => {
    const twin = await start({ now: "2025-06-01T10:00:00Z" });
    const provider = connect(twin);
    const context = stepContext(harness.store);
    await bankExtract(context, provider, { budgetIds: ["b"] });
    const original = { amount: 1000, currency: "USD" };
    twin.control.useCard({ account: "current", amount: 930, name: "Shop", original, outcome: "booked" });
    const first = await bankExtract(context, provider, { budgetIds: ["b"] });
    assert.deepEqual([first.counts["inserted"], first.counts["queued"]], [1, 1]);
    for (let run = 0; run < 2; run++) {
      const again = await bankExtract(context, provider, { budgetIds: ["b"] });
      assert.deepEqual(
        [again.counts["inserted"], again.counts["changed"], again.counts["queued"]],
        [0, 0, 0],
      );
    }
    const stored = [];
    for await (const each of harness.store.collection(paymentsOfStore).scan({ index: "id" }))
      if (each.original) stored.push(each.original);
    assert.deepEqual(stored, [{ amount: -1000, currency: "USD" }]);
  });

  it("says nothing of reservations unless it is asked for pending payments", async () => {
    const { twin, news } = await known();
    twin.control.useCard({ account: "current", amount: 8000, name: "Hotel" });
    assert.deepEqual(await news(), []);
  });

  it("has a reservation as pending, and links it to what was booked, whatever amount that was", async () => {
    const { twin, news } = await known({ pending: true });
    const hotel = twin.control.useCard({
      account: "current",
      amount: 8000,
      name: "Hotel",
      city: "Gent",
      category: "7011",
      original: { amount: 8700, currency: "USD" },
    });
    const pump = twin.control.useCard({ account: "current", amount: 15000, name: "Fuel" });
    twin.control.useCard({ account: "current", amount: 100, name: "Refused", outcome: "blocked" });
    twin.control.useCard({ account: "current", amount: 300, name: "At once", outcome: "booked" });
    const first = await news();
    const pending = first.filter(({ status }) => status === "pending");
    assert.deepEqual(
      pending.map(({ id, amount, bookedAs, counterparty, merchant }) => [
        id,
        amount,
        bookedAs,
        counterparty?.name,
        merchant?.category,
      ]),
      [
        [`bunq:card-${hotel}`, -8000, undefined, "Hotel", "7011"],
        [`bunq:card-${pump}`, -15000, undefined, "Fuel", "5999"],
      ],
    );
    assert.deepEqual(pending[0]!.original, { amount: -8700, currency: "USD" });
    assert.equal(pending[0]!.date, "2025-06-01");
    assert.equal(first.filter(({ status }) => status === "booked").length, 1);
    const paid = twin.control.settleCard(hotel);
    const fuel = twin.control.settleCard(pump, 6012);
    const second = await news();
    assert.deepEqual(
      second.map(({ id, status, amount, bookedAs }) => [id, status, amount, bookedAs]).sort(),
      [
        [`bunq:${paid}`, "booked", -8000, undefined],
        [`bunq:${fuel}`, "booked", -6012, undefined],
        [`bunq:card-${hotel}`, "pending", -8000, `bunq:${paid}`],
        [`bunq:card-${pump}`, "pending", -15000, `bunq:${fuel}`],
      ].sort(),
    );
    assert.deepEqual(await news(), [], "what is settled is not looked at again");
  });

  it("forgets a reservation that was given back or ran out", async () => {
    const { twin, provider, news, clock } = await known({ pending: true });
    const back = twin.control.useCard({ account: "current", amount: 5000, name: "Deposit" });
    twin.control.useCard({ account: "current", amount: 700, name: "Never booked" });
    assert.equal((await news()).length, 2);
    twin.control.reverseCard(back);
    twin.control.advance({ days: 8 });
    await clock.sleep(8 * 86_400_000);
    const last = (await news()).filter(({ status }) => status === "pending");
    assert.ok(last.every(({ bookedAs }) => bookedAs === undefined));
    const calls = provider.calls;
    await news();
    assert.equal(provider.calls - calls, 2, "the list of actions, and the payments");
  });

  it("queues the booked payment of a reservation once, and never the reservation beside it as booked", async () => {
    const pending = household.payments.find(({ bookedAs }) => bookedAs !== undefined)!;
    const booked = household.payments[pending.bookedAs! - 1]!;
    const twin = await start({ now: new Date(Date.parse(pending.instant) + 60_000).toISOString() });
    const provider = connect(twin, { pending: true, http: clockAt(pending.instant) });
    const context = stepContext(harness.store);
    await bankExtract(context, provider, { budgetIds: ["b"] });
    twin.control.advance({ to: new Date(Date.parse(booked.instant) + 1000).toISOString() });
    await bankExtract(context, provider, { budgetIds: ["b"] });
    const stored = await harness.store
      .collection(paymentsOfStore)
      .getMany([
        `bunq:card-${twin.control.paymentId(pending.sequence)}`,
        `bunq:${twin.control.paymentId(booked.sequence)}`,
      ]);
    assert.deepEqual(
      stored.map(({ status, bookedAs }) => [status, bookedAs && ownId(bookedAs)]),
      [
        ["pending", String(twin.control.paymentId(booked.sequence))],
        ["booked", undefined],
      ],
    );
  });

  it("reads the payments although the card actions cannot be had, and says so", async () => {
    const { twin, provider, account } = await known();
    const begun = await read(provider, account, null);
    twin.control.useCard({ account: "current", amount: 250, name: "Bakker", outcome: "booked" });
    twin.control.fault({ kind: "status", status: 403, path: "/mastercard-action", times: 9 });
    const got = await read(provider, account, begun.cursor);
    assert.equal(got.payments.at(0)!.counterparty?.name, "Bakker");
    assert.deepEqual(
      got.errors.map(({ code, reason }) => [code, /without details/.test(reason)]),
      [["AUTH_EXPIRED", true]],
    );
  });
});
