import assert from "node:assert/strict";
import fc from "fast-check";
import { bankExtract, bankExtractHinted, type BankHint } from "../../lib/bank";
import { BunqWebhooks } from "../../lib/bank/bunq/webhooks";
import type { BunqConnection } from "../../lib/bank/bunq/connection";
import { bankAccounts, cursors, payments as paymentsOfStore, queue } from "../../lib/store";
import { makeId, ownId } from "../../lib/values";
import type { BunqTwin } from "../../simulators/bunq";
import { stepContext } from "../support/context";
import { accountNamed, bunqHarness, clockAt, codeOf, ids, read } from "./bunq-harness";

const URL_OF_OURS = "https://home.example/tallyflow/hook/0123456789abcdef01234567";
const FOREIGN = [
  { category: "MUTATION", notification_target: "https://other.example/bunq" },
  { category: "CHAT", notification_target: "https://other.example/bunq", all_monetary_account_id: ["42001"] },
  { category: "MUTATION", notification_target: `${URL_OF_OURS}-of-another` },
];

describe("bunq: callbacks", () => {
  const harness = bunqHarness();
  const { start, connect } = harness;

  const withForeign = (twin: BunqTwin) => FOREIGN.forEach((filter) => twin.control.addFilter(filter));
  const targets = (twin: BunqTwin) =>
    twin.control.filters.map(({ category, target }) => `${category} ${target}`).sort();
  const foreign = FOREIGN.map((each) => `${each.category} ${each.notification_target}`).sort();
  const ours = ["CARD_TRANSACTION_SUCCESSFUL", "MUTATION"].map((category) => `${category} ${URL_OF_OURS}`);

  for (const filterShape of ["flat", "listed"] as const) {
    it(`registers beside the filters of others and removes its own only (${filterShape})`, async () => {
      const writes: string[] = [];
      const twin = await start({
        filterShape,
        onExchange: ({ method, path, requestBody }) => {
          if (method === "POST" && path.endsWith("-url")) writes.push(requestBody);
        },
      });
      withForeign(twin);
      const { webhooks } = connect(twin);
      assert.deepEqual(await webhooks.register(URL_OF_OURS), { added: 2, removed: 0 });
      assert.deepEqual(targets(twin), [...foreign, ...ours].sort());
      assert.match(
        writes[0]!,
        /"all_monetary_account_id":\["42001"\]/,
        "what is not ours is written back whole",
      );
      assert.doesNotMatch(writes[0]!, /"(id|created|updated)":/);
      assert.deepEqual(await webhooks.register(URL_OF_OURS), { added: 0, removed: 0 });
      assert.equal(writes.length, 1, "nothing is written when nothing is missing");
      const next = `${URL_OF_OURS}next`;
      const replaces = (url: string) => url === URL_OF_OURS;
      assert.deepEqual(await webhooks.register(next, { replaces }), { added: 2, removed: 2 });
      assert.ok(!targets(twin).some((target) => ours.includes(target)));
      assert.equal(await webhooks.unregister((url) => url === next), 2);
      assert.deepEqual(targets(twin), foreign);
      assert.equal(await webhooks.unregister((url) => url === next), 0);
      assert.equal(writes.length, 3);
    });
  }

  it("writes nothing when the list cannot be read, and says when bunq did not take it", async () => {
    const written: unknown[] = [];
    let list: Record<string, unknown>[] = [];
    const connection = {
      get: () =>
        Promise.resolve({ Response: list.map((NotificationFilterUrl) => ({ NotificationFilterUrl })) }),
      write: (_path: string, body: unknown) => Promise.resolve(written.push(body)),
    } as unknown as BunqConnection;
    const webhooks = new BunqWebhooks(() => Promise.resolve(connection), "bunq", "production");
    for (const broken of [{ category: 7 }, {}, { notification_filters: "none" }]) {
      list = [FOREIGN[0]!, broken];
      await assert.rejects(webhooks.register(URL_OF_OURS), codeOf("PROVIDER_MALFORMED"));
      await assert.rejects(
        webhooks.unregister(() => true),
        codeOf("PROVIDER_MALFORMED"),
      );
    }
    assert.deepEqual(written, []);
    list = [FOREIGN[0]!];
    await assert.rejects(webhooks.register(URL_OF_OURS), codeOf("PROVIDER_REFUSED", /MUTATION/));
    assert.equal(written.length, 1);
    for (const bad of ["http://home.example/tallyflow/hook/x", "nonsense"])
      await assert.rejects(webhooks.register(bad), codeOf("CONFIG_INVALID", /https/));
    assert.deepEqual(webhooks.ranges, ["185.40.108.0/22"]);
    assert.deepEqual(new BunqWebhooks(() => Promise.resolve(connection), "bunq", "sandbox").ranges, []);
  });

  it("has bunq send again what did not arrive here, and leaves what others missed", async () => {
    const twin = await start();
    const other = "http://127.0.0.1:9/other";
    const own = "http://127.0.0.1:9/tallyflow/hook/0123456789abcdef01234567";
    for (const notification_target of [other, own])
      twin.control.addFilter({ category: "MUTATION", notification_target });
    twin.control.callbackFault({ kind: "fail", times: 500 });
    for (let at = 0; at < 120; at++)
      twin.control.addPayment({ account: "current", amount: -1, name: "Many" });
    assert.equal(twin.control.failures.length, 240);
    const { webhooks } = connect(twin);
    assert.equal(await webhooks.replay(own), 120);
    await twin.control.settled();
    // Nobody listens there, so that those of ours fail once more; those of others were left alone.
    const left = twin.control.failures.map(({ target }) => target);
    assert.equal(left.filter((target) => target === other).length, 120);
    assert.equal(left.filter((target) => target === own).length, 120);
    assert.equal(await webhooks.replay("https://home.example/none"), 0);
  });

  it("takes from a callback where to look, and nothing else", async () => {
    const { webhooks } = connect(await start(), { source: "mine" });
    const body = (object: unknown, category = "MUTATION") => ({
      NotificationUrl: { target_url: "x", category, event_type: "Y", object },
    });
    const payment = { id: 7, monetary_account_id: 42, amount: { value: "-1000000.00", currency: "EUR" } };
    const hinted: BankHint = { accountId: "mine:42", paymentId: "mine:7" };
    assert.deepEqual(webhooks.hintsOf(body({ Payment: payment })), [hinted]);
    for (const kind of [
      "MasterCardAction",
      "RequestResponse",
      "RequestInquiry",
      "ScheduledInstance",
      "BunqMeTab",
    ])
      assert.deepEqual(webhooks.hintsOf(body({ [kind]: payment })), [{ accountId: "mine:42" }], kind);
    const batch = [payment, { ...payment, id: 8 }, payment];
    for (const payments of [batch, { Payment: batch }])
      assert.deepEqual(webhooks.hintsOf(body({ PaymentBatch: { id: 1, payments } })), [
        hinted,
        { ...hinted, paymentId: "mine:8" },
      ]);
    for (const object of [
      null,
      undefined,
      {},
      { ChatMessageAnnouncement: { id: 30, conversation_id: 3 } },
      { Payment: { id: "7", monetary_account_id: 42 } },
      { Payment: { id: 7, monetary_account_id: -1 } },
      { Payment: [payment] },
      { PaymentBatch: { payments: "many" } },
    ])
      assert.deepEqual(webhooks.hintsOf(body(object)), [], JSON.stringify(object));
    for (const bad of [null, 7, "x", [], {}, { NotificationUrl: {} }, { NotificationUrl: { category: 1 } }])
      assert.throws(() => webhooks.hintsOf(bad), codeOf("PROVIDER_MALFORMED"));
    const inner = fc.oneof(
      fc.jsonValue(),
      fc.record({ id: fc.jsonValue(), monetary_account_id: fc.nat(), payments: fc.jsonValue() }),
    );
    const objects = fc.dictionary(fc.constantFrom("Payment", "PaymentBatch", "MasterCardAction"), inner);
    fc.assert(
      fc.property(objects, (object) => {
        for (const { accountId, paymentId = "mine:1" } of webhooks.hintsOf(body(object)))
          for (const id of [accountId, paymentId]) assert.match(id, /^mine:[1-9]\d*$/);
      }),
    );
  });

  it("asks for payments by their ids, and names those that there are not", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const some = twin.control
      .visibleIds("current")
      .slice(10, 12)
      .map((id) => makeId("bunq", id));
    const calls = provider.calls;
    const found = await provider.refetch(account, [...some, "bunq:1", some[0]!]);
    assert.equal(provider.calls - calls, 3);
    assert.deepEqual(
      found.payments.map(({ id }) => id),
      some,
    );
    assert.deepEqual(found.missing, ["bunq:1"]);
    const { payments } = await read(provider, account, null);
    for (const { fetchedAt: _, ...one } of found.payments) {
      const { fetchedAt: __, ...same } = payments.find(({ id }) => id === one.id)!;
      assert.deepEqual(one, same, "the same as in a page");
    }
  });

  describe("hinted", () => {
    const budgets = { budgetIds: ["b"] };
    const world = async () => {
      const twin = await start({ now: "2025-06-01T10:00:00Z" });
      const provider = connect(twin);
      const context = stepContext(harness.store);
      await bankExtract(context, provider, budgets);
      const accountId = makeId("bunq", twin.control.accountId("current"));
      const hint = (id: number): BankHint => ({ accountId, paymentId: makeId("bunq", id) });
      const pay = (name: string) => twin.control.addPayment({ account: "current", amount: -100, name });
      const stored = async () =>
        (await harness.store.collection(paymentsOfStore).getMany([...all].map((id) => `bunq:${id}`))).length;
      const all = new Set<number>();
      return { twin, provider, context, accountId, hint, pay, stored, all };
    };

    it("fetches the payment by its id, once however often the bank says so", async () => {
      const { provider, context, hint, pay } = await world();
      const id = pay("Once");
      const hints = [hint(id), hint(id)];
      const calls = provider.calls;
      const first = await bankExtractHinted(context, provider, hints, budgets);
      assert.deepEqual(
        [first.counts["inserted"], first.counts["queued"], first.counts["accounts"]],
        [1, 1, 1],
      );
      assert.equal(provider.calls - calls, 1);
      const again = await bankExtractHinted(context, provider, hints, budgets);
      assert.deepEqual([again.counts["inserted"], again.counts["queued"]], [0, 0]);
      const hourly = await bankExtract(context, provider, budgets);
      assert.deepEqual([hourly.counts["inserted"], hourly.counts["queued"]], [0, 0]);
      assert.equal(
        await harness.store.collection(queue).count({ index: "byPayment", equals: [`bunq:${id}`] }),
        1,
      );
    });

    it("leaves the cursor where it is: what no callback told of comes with the next extract", async () => {
      const { provider, context, hint, pay } = await world();
      const cursorId = (await harness.store.collection(cursors).find({ index: "id" })).items.map(
        ({ value }) => value,
      );
      const dropped = pay("Dropped");
      const told = pay("Told");
      await bankExtractHinted(context, provider, [hint(told)], budgets);
      const after = (await harness.store.collection(cursors).find({ index: "id" })).items.map(
        ({ value }) => value,
      );
      assert.deepEqual(after, cursorId);
      const hourly = await bankExtract(context, provider, budgets);
      assert.equal(hourly.counts["inserted"], 1);
      assert.ok(await harness.store.collection(paymentsOfStore).get(`bunq:${dropped}`));
    });

    it("reads the account where the payment is not named or not known, and all where the account is not", async () => {
      const { twin, provider, context, accountId, hint, pay } = await world();
      pay("Unnamed");
      assert.equal(
        (await bankExtractHinted(context, provider, [{ accountId }], budgets)).counts["inserted"],
        1,
      );
      pay("Other id");
      assert.equal((await bankExtractHinted(context, provider, [hint(3)], budgets)).counts["inserted"], 1);
      twin.control.addPayment({ account: "savings", amount: 5, name: "Elsewhere" });
      const quiet = await bankExtractHinted(context, provider, [{ accountId }], budgets);
      assert.equal(quiet.counts["inserted"], 0);
      const all = await bankExtractHinted(context, provider, [{ accountId: "bunq:77" }], budgets);
      assert.deepEqual([all.counts["inserted"], all.counts["accounts"]], [1, 3]);
      const calls = provider.calls;
      pay("Not for this bank");
      const other = await bankExtractHinted(context, provider, [{ accountId: "sparkasse:1" }], budgets);
      assert.deepEqual([other.counts["inserted"], other.counts["accounts"]], [0, 0]);
      assert.equal(provider.calls, calls, "and asks nothing");
    });

    it("leaves out what is before the wanted date, and keeps what a person chose for the account", async () => {
      const { provider, context, accountId, hint, pay } = await world();
      const accounts = harness.store.collection(bankAccounts);
      await accounts.updateMany([{ id: accountId, expected: {}, set: { budgetAccountId: "a1" } }]);
      const late = { ...budgets, since: "2025-07-01" };
      assert.equal(
        (await bankExtractHinted(context, provider, [hint(pay("Early"))], late)).counts["inserted"],
        0,
      );
      assert.equal((await accounts.get(accountId))?.budgetAccountId, "a1");
    });
  });

  it("finds a payment that came again under another id, and knows the one before no more", async () => {
    const twin = await start();
    const provider = connect(twin);
    const account = await accountNamed(provider, "Everyday");
    const { cursor } = await read(provider, account, null);
    const before = twin.control.visibleIds("current").at(-1)!;
    const after = twin.control.rotateId(before);
    assert.notEqual(after, before);
    const found = await provider.refetch(account, [makeId("bunq", before), makeId("bunq", after)]);
    assert.deepEqual(found.missing.map(ownId), [String(before)]);
    const { payments } = await read(provider, account, cursor);
    assert.ok(ids(payments).includes(after) && !ids(payments).includes(before));
  });

  for (const shift of [{ hours: -5 }, { hours: 5 }, { days: 3 }, { days: -3 }])
    it(`goes on when bunq's clock is ${JSON.stringify(shift)} off`, async () => {
      const twin = await start({ now: "2025-06-01T10:00:00Z", sessionSeconds: 86_400 });
      const clock = clockAt("2025-06-01T10:00:00Z");
      const provider = connect(twin, { http: clock });
      const account = await accountNamed(provider, "Everyday");
      let { cursor } = await read(provider, account, null);
      const now = twin.control.shiftClock(shift);
      const id = twin.control.addPayment({ account: "current", amount: -321, name: "Shifted" });
      const got = await read(provider, account, cursor);
      ({ cursor } = got);
      const found = got.payments.find((each) => ownId(each.id) === String(id));
      assert.equal(found?.date, now.slice(0, 10), "the date is what the bank says");
      assert.equal((await read(provider, account, cursor)).cursor !== null, true);
      const opened = twin.control.counts.sessions;
      await clock.sleep(2 * 86_400_000);
      assert.ok((await read(provider, account, cursor)).payments.length > 0, "renewed by our own clock");
      assert.equal(twin.control.counts.sessions, opened + 1);
    });
});
