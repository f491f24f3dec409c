import assert from "node:assert/strict";
import http from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "../../simulators/bunq";
import { makeHousehold } from "../../simulators/household";
import { sharedPath, skipWithout } from "../support/shared";
import { RawBunq } from "./bunq-client";
import { BunqJudge } from "./bunq-judge";

const household = makeHousehold({ from: "2025-01-01", until: "2025-06-30" });

interface Callback {
  NotificationUrl: {
    target_url: string;
    category: string;
    event_type: string;
    object: Record<string, { id: number; monetary_account_id: number }>;
  };
}

describe("bunq twin: callbacks and what they are about", () => {
  const stops: (() => Promise<void>)[] = [];
  const start = async (options: Partial<BunqTwinOptions> = {}): Promise<BunqTwin> => {
    const twin = await startBunqTwin({ household, limits: "off", ...options });
    stops.unshift(() => twin.stop());
    return twin;
  };
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** Somebody who is called back, and answers with the status that is set. */
  const listener = async () => {
    const heard: Callback["NotificationUrl"][] = [];
    const own = { url: "", status: 200, heard };
    const server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        heard.push((JSON.parse(Buffer.concat(chunks).toString()) as Callback).NotificationUrl);
        response.writeHead(own.status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    own.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    return own;
  };
  const filtersPath = (client: RawBunq, what = "url") => `/user/${client.userId}/notification-filter-${what}`;

  it("replaces the whole list of filters, and calls those that it holds", async () => {
    const twin = await start();
    const own = await listener();
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    twin.control.addFilter({ category: "CHAT", notification_target: own.url });
    const wanted = ["MUTATION", "PAYMENT", "REQUEST", "SCHEDULE_RESULT", "CARD_TRANSACTION_SUCCESSFUL"];
    const body = {
      notification_filters: wanted.map((category) => ({ category, notification_target: own.url })),
    };
    assert.equal((await client.send("POST", filtersPath(client), { body })).status, 200);
    assert.deepEqual(
      twin.control.filters.map(({ category }) => category),
      wanted,
      "what is not in the new list is gone",
    );
    const unsigned = await client.send("POST", filtersPath(client), { body, signature: null });
    assert.equal(unsigned.status, 466);
    assert.equal((await client.send("POST", filtersPath(client), { body: {} })).status, 400);

    const told = async () => {
      await twin.control.settled();
      return own.heard.splice(0).map(({ category, event_type, object }) => {
        const [kind, { id }] = Object.entries(object)[0]!;
        return [category, event_type, kind, id];
      });
    };
    const id = twin.control.addPayment({ account: "current", amount: -100, name: "Out" });
    assert.deepEqual(await told(), [
      ["MUTATION", "MUTATION_CREATED", "Payment", id],
      ["PAYMENT", "PAYMENT_CREATED", "Payment", id],
    ]);
    const asked = twin.control.request({ account: "current", amount: 500, name: "Friend" });
    const paid = twin.control.acceptRequest(asked);
    assert.deepEqual(await told(), [
      ["REQUEST", "REQUEST_RESPONSE_CREATED", "RequestResponse", asked],
      ["REQUEST", "REQUEST_RESPONSE_ACCEPTED", "RequestResponse", asked],
      ["MUTATION", "MUTATION_CREATED", "Payment", paid],
    ]);
    const card = twin.control.useCard({ account: "current", amount: 900, name: "Shop" });
    const booked = twin.control.settleCard(card);
    twin.control.useCard({ account: "current", amount: 900, name: "Shop", outcome: "blocked" });
    assert.deepEqual(await told(), [
      ["CARD_TRANSACTION_SUCCESSFUL", "CARD_PAYMENT_ALLOWED", "MasterCardAction", card],
      ["MUTATION", "MUTATION_CREATED", "Payment", booked],
      ["PAYMENT", "PAYMENT_CREATED", "Payment", booked],
    ]);
  });

  it("calls for what its clock comes to, a scheduled payment among it", async () => {
    const twin = await start({ now: "2025-03-10T12:00:00Z" });
    const own = await listener();
    for (const category of ["MUTATION", "SCHEDULE_RESULT"])
      twin.control.addFilter({ category, notification_target: own.url });
    const order = { account: "savings", amount: -700, name: "Later" };
    twin.control.schedulePayment(order, "2025-03-10T13:00:00Z");
    await twin.control.settled();
    assert.deepEqual(own.heard, []);
    twin.control.advance({ days: 4 });
    await twin.control.settled();
    const due = household.payments.filter(
      ({ status, instant }) =>
        status === "booked" && instant > "2025-03-10T12:00:01" && instant < "2025-03-14T12:00:00",
    );
    const mutations = own.heard.filter(({ category }) => category === "MUTATION");
    assert.equal(mutations.length, due.length + 1);
    assert.equal(own.heard.length, due.length + 2, "and one for the schedule");
  });

  it("tries five times more, a minute apart, then gives up, and tries again when asked", async () => {
    const twin = await start({ now: "2025-03-10T12:00:00Z" });
    const own = await listener();
    own.status = 500;
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    twin.control.addFilter({ category: "MUTATION", notification_target: own.url });
    const id = twin.control.addPayment({ account: "current", amount: -100, name: "Unheard" });
    for (let tries = 1; tries <= 6; tries++) {
      await twin.control.settled();
      assert.equal(own.heard.length, tries);
      assert.equal(twin.control.failures.length, tries === 6 ? 1 : 0);
      twin.control.advance({ seconds: 61 });
    }
    await twin.control.settled();
    assert.equal(own.heard.length, 6);
    own.status = 200;
    const listed = await client.get(filtersPath(client, "failure"));
    const [{ NotificationFilterFailure: failure }] = listed.body.Response as unknown as [
      { NotificationFilterFailure: { id: number; object_id: number; response_code: number } },
    ];
    assert.deepEqual([failure.object_id, failure.response_code], [id, 500]);
    const retry = (ids: unknown) =>
      client.send("POST", filtersPath(client, "failure"), { body: { notification_filter_failed_ids: ids } });
    assert.equal((await retry([failure.id])).status, 400);
    assert.equal((await retry(Array.from({ length: 101 }, (_, at) => at + 1).join(","))).status, 400);
    assert.equal((await retry(String(failure.id))).status, 200);
    await twin.control.settled();
    assert.equal(own.heard.length, 7);
    assert.deepEqual(twin.control.failures, []);
  });

  it("repeats, drops and fails callbacks on demand", async () => {
    const twin = await start();
    const own = await listener();
    twin.control.addFilter({ category: "MUTATION", notification_target: own.url });
    const pay = async () => {
      twin.control.addPayment({ account: "current", amount: -100, name: "Any" });
      await twin.control.settled();
      return own.heard.splice(0).length;
    };
    twin.control.callbackFault({ kind: "repeat", copies: 3 });
    twin.control.callbackFault({ kind: "drop" });
    twin.control.callbackFault({ kind: "fail", method: "MUTATION" });
    twin.control.callbackFault({ kind: "drop", method: "PAYMENT" });
    assert.deepEqual([await pay(), await pay(), await pay(), await pay()], [3, 0, 0, 1]);
    assert.equal(twin.control.failures.length, 1, "what was dropped is listed nowhere");
  });

  it("shows a payment under another id, and no more under the one before", async () => {
    const twin = await start();
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const before = twin.control.visibleIds("current").at(-3)!;
    const place = `/user/${client.userId}/monetary-account/${twin.control.accountId("current")}/payment`;
    const shown = async (id: number) => {
      const answer = await client.get(`${place}/${id}`);
      if (answer.status === 404) return undefined;
      const {
        id: _,
        balance_after_mutation: __,
        ...rest
      } = (answer.body.Response as unknown as { Payment: Record<string, unknown> }[])[0]!.Payment;
      return rest;
    };
    const row = await shown(before);
    const after = twin.control.rotateId(before);
    assert.deepEqual(await shown(after), row);
    assert.equal(await shown(before), undefined);
    assert.equal(twin.control.visibleIds("current").at(-1), after);
    assert.throws(() => twin.control.rotateId(before), /no payment/);
  });

  it("keeps filters, cards, requests and other ids over a restart", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "bunq-twin-"));
    try {
      const stateFile = path.join(folder, "state.json");
      const now = "2025-03-10T12:00:00Z";
      const first = await start({ stateFile, now });
      first.control.addFilter({ category: "MUTATION", notification_target: "http://127.0.0.1:9/none" });
      const card = first.control.useCard({ account: "current", amount: 900, name: "Shop" });
      const request = first.control.request({ account: "current", amount: 500, name: "Friend" });
      const rotated = first.control.rotateId(first.control.visibleIds("current").at(-1)!);
      const ids = first.control.visibleIds("current");
      await first.stop();
      const second = await start({ stateFile, now });
      second.control.advance({ seconds: 60 });
      assert.deepEqual(second.control.visibleIds("current"), ids);
      assert.ok(ids.includes(rotated));
      assert.equal(second.control.filters.length, 1);
      assert.ok(second.control.settleCard(card) > 0);
      assert.ok(second.control.acceptRequest(request) > 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("puts its clock forward and back, and shows on what it has shown", async () => {
    const twin = await start({ now: "2025-03-10T12:00:00Z", sessionSeconds: 3600 });
    const client = await new RawBunq(twin.url, twin.apiKey).open();
    const ids = twin.control.visibleIds("current");
    assert.match(twin.control.shiftClock({ days: -2 }), /^2025-03-08T12:00/);
    assert.deepEqual(twin.control.visibleIds("current"), ids);
    assert.equal((await client.get("/user")).status, 200);
    const id = twin.control.addPayment({ account: "current", amount: -1, name: "In the past" });
    assert.equal(twin.control.visibleIds("current").at(-1), id);
    twin.control.shiftClock({ days: 2, hours: 2 });
    assert.equal((await client.get("/user")).status, 401, "the session ended by the bank's clock");
  });

  it("conforms to bunq's official description in all of this", async function () {
    const file = sharedPath("data", "api_specs", "bunq", "swagger.json");
    if (!file) skipWithout(this, "bunq's OpenAPI description");
    for (const filterShape of ["flat", "listed"] as const) {
      const judge = new BunqJudge(file);
      const twin = await start({ onExchange: judge.hear, filterShape, now: "2025-03-10T12:00:00Z" });
      const client = await new RawBunq(twin.url, twin.apiKey).open();
      const target = "http://127.0.0.1:9/none";
      const body = { notification_filters: [{ category: "MUTATION", notification_target: target }] };
      await client.send("POST", filtersPath(client), { body });
      await client.get(filtersPath(client));
      twin.control.callbackFault({ kind: "fail", times: 9 });
      const original = { amount: 1200, currency: "USD" };
      const card = twin.control.useCard({ account: "current", amount: 900, name: "Shop", original });
      twin.control.settleCard(card);
      twin.control.schedulePayment({ account: "current", amount: -1, name: "Later" }, "2025-03-11T12:00:00Z");
      twin.control.acceptRequest(twin.control.request({ account: "current", amount: 500, name: "Friend" }));
      const account = `/user/${client.userId}/monetary-account/${twin.control.accountId("current")}`;
      for (const place of [
        "mastercard-action",
        `mastercard-action/${card}`,
        "schedule-payment",
        "request-response",
        "payment",
      ])
        assert.equal((await client.get(`${account}/${place}`)).status, 200, place);
      assert.equal((await client.get(`${account}/mastercard-action/${card}/payment`)).status, 200);
      if (filterShape === "listed") await client.get(filtersPath(client, "failure"));
      const ids = String(twin.control.failures[0]!.id);
      await client.send("POST", filtersPath(client, "failure"), {
        body: { notification_filter_failed_ids: ids },
      });
      await twin.control.settled();
      // The description has no words for the payments of a card action, and lists them as empty objects.
      const spoken = judge.faults.filter(
        (fault) => !fault.includes("/mastercard-action/{mastercard-actionID}/payment"),
      );
      assert.deepEqual(spoken, []);
      assert.ok(judge.seen.size >= 12, [...judge.seen].join("\n"));
    }
  });
});
