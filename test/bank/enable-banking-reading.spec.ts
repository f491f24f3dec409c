import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { bankExtract, type PaymentPage } from "../../lib/bank";
import { payments as paymentsCollection, type Payment } from "../../lib/store";
import type { Json } from "../../lib/values";
import { startEnableBankingTwin } from "../../simulators/enable-banking";
import { makeHousehold } from "../../simulators/household";
import { stepContext } from "../support/context";
import { codeOf, read } from "./bunq-harness";
import {
  START,
  accountNamed,
  enableBankingHarness,
  household,
  standingClock,
} from "./enable-banking-harness";

/** Sequences of the payments, by the reference that the twin gives. */
const sequences = (payments: Payment[]) =>
  payments.map(({ raw }) => Number((raw as { entry_reference: string }).entry_reference.slice(8)));
const sorted = (numbers: Iterable<number>) => [...new Set(numbers)].sort((a, b) => a - b);
const unique = (payments: Payment[]) => new Set(payments.map(({ id }) => id)).size;
const ordered = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

/** One pair for all twins of the property. */
const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** References as banks give them: good ones, none, the same for all, and the same again for every seventh payment. */
function referenceOf(kind: "given" | "absent" | "constant" | "recycled", sequence: number): string | null {
  if (kind === "absent") return null;
  if (kind === "constant") return "BOOKED-ENTRY";
  return `REFERENCE-${kind === "given" ? sequence : sequence % 7}`;
}

/** Payments that were made twice, and look the same. */
const isTwice = (sequence: number) => sequence % 4 === 0;

describe("Enable Banking: reading", () => {
  const harness = enableBankingHarness();
  const { start, connect, give, ready } = harness;

  it("reads every booked payment of every account once, in whatever pages and order", async () => {
    for (const options of [
      {},
      { pageSize: 7, order: "oldest" as const },
      { pageSize: 11, order: "mixed" as const, emptyFirstPage: true },
    ]) {
      const twin = await start(options);
      const provider = connect(twin, { source: `eb-${options.order ?? "newest"}` });
      await give(twin, provider);
      await give(twin, provider, "NL/Kaart & Co");
      const found = await provider.accounts();
      assert.equal(found.length, 3);
      for (const account of found) {
        const key = household.accounts.find(({ name }) => name === account.name)!.key;
        const { payments, errors } = await read(provider, account, null);
        assert.deepEqual(errors, []);
        assert.deepEqual(ordered(sequences(payments)), ordered(twin.control.visible(key)), key);
        assert.equal(unique(payments), payments.length);
        const truth = new Map(household.payments.map((payment) => [payment.sequence, payment]));
        payments.forEach((payment, at) => {
          const { amount, date, counterparty } = truth.get(sequences(payments)[at]!)!;
          assert.deepEqual([payment.amount, payment.date], [amount, date]);
          assert.equal(
            payment.counterparty?.name,
            counterparty.name.replace(/\s+/g, " ").trim() || undefined,
          );
        });
      }
    }
  });

  it("reads an overlap again and what came meanwhile, with one request", async () => {
    const { twin, provider, account } = await ready({ pageSize: 200 });
    const first = await read(provider, account, null);
    harness.clock.days(2);
    const late = twin.control.addPayment({
      account: "current",
      amount: -995,
      name: "Late",
      instant: "2025-06-24T10:00:00Z",
    });
    const fresh = twin.control.addPayment({ account: "current", amount: -100, name: "Fresh" });
    const before = provider.calls;
    const next = await read(provider, account, first.cursor);
    assert.equal(provider.calls - before, 1);
    assert.ok(next.payments.length < 100 && next.payments.every(({ date }) => date >= "2025-06-21"));
    assert.ok([late, fresh].every((sequence) => sequences(next.payments).includes(sequence)));
    const all = [...first.payments, ...next.payments];
    assert.equal(unique(all), first.payments.length + 2);
    const size = JSON.stringify(next.cursor).length;
    assert.ok(size < 20_000, `a cursor of ${size} bytes`);
  });

  it("keeps to four readings a day, over restarts, and says when it goes on", async () => {
    const { twin, provider, account } = await ready({ pageSize: 20, accessesPerDay: "off" });
    let cursor: Json = null;
    for (let reading = 1; reading <= 4; reading++) {
      ({ cursor } = await read(provider, account, cursor));
      harness.clock.hours(1);
    }
    const before = twin.control.requests;
    const again = connect(twin);
    await assert.rejects(read(again, account, cursor), (error: unknown) => {
      assert.ok(
        codeOf(
          "RATE_LIMITED",
          /Polderbank, Everyday: .*4 times a day.*20 hours, at 2025-07-02 10:00 UTC/,
        )(error),
        String(error),
      );
      assert.equal((error as { retryAfterMs?: number }).retryAfterMs, 20 * 3_600_000);
      return true;
    });
    assert.equal(twin.control.requests, before, "nothing is sent");
    const savings = await accountNamed(again, "Rainy day");
    assert.ok((await read(again, savings, null)).payments.length > 0, "another account has its own");
    harness.clock.hours(20);
    await read(again, account, cursor);
  });

  it("keeps quiet for as long as the bank says, and for six hours when it does not", async () => {
    const { twin, provider, account } = await ready({ accessesPerDay: "off" }, { accessesPerDay: 50 });
    for (const [retryAfter, hours] of [
      [undefined, 6],
      [7200, 2],
    ] as const) {
      const error = "ASPSP_RATE_LIMIT_EXCEEDED";
      twin.control.fault({
        kind: "status",
        status: 429,
        error,
        path: "/transactions",
        ...(retryAfter ? { retryAfter } : {}),
      });
      await assert.rejects(read(provider, account, null), codeOf("RATE_LIMITED", /Polderbank/));
      const before = twin.control.requests;
      harness.clock.hours(hours - 0.1);
      await assert.rejects(read(connect(twin), account, null), codeOf("RATE_LIMITED"));
      assert.equal(twin.control.requests, before);
      harness.clock.hours(0.2);
      assert.ok((await read(connect(twin, { accessesPerDay: 50 }), account, null)).payments.length > 0);
    }
  });

  it("goes on after any page in another process, and counts the pages of a reading as one", async () => {
    for (const references of ["given", "absent"] as const) {
      const { twin, account } = await ready(
        {
          pageSize: 7,
          accessesPerDay: 1,
          shape: (row, { sequence }) => {
            const shaped = { ...row, entry_reference: referenceOf(references, sequence) };
            return isTwice(sequence)
              ? [shaped, { ...shaped, transaction_id: `${String(row["transaction_id"])}-2` }]
              : shaped;
          },
        },
        { source: `eb-${references}` },
      );
      const seen: Payment[] = [];
      let cursor: Json = null;
      for (let pages = 1; pages > 0;) {
        const got = await read(connect(twin, { source: `eb-${references}` }), account, cursor, 1);
        seen.push(...got.payments);
        cursor = JSON.parse(JSON.stringify(got.cursor)) as Json;
        pages = (cursor as { through?: string }).through === undefined ? 1 : 0;
      }
      const visible = twin.control.visible("current");
      assert.equal(seen.length, visible.length + visible.filter(isTwice).length, "no page is read twice");
      assert.equal(unique(seen), seen.length, "equal payments on two pages are two");
    }
  });

  it("begins the reading anew when the key of the next page has expired, without loss or double", async () => {
    const { twin, provider, account } = await ready({ pageSize: 10 });
    const begun = await read(provider, account, null, 4);
    twin.control.expireKeys();
    const rest = await read(connect(twin), account, begun.cursor);
    assert.deepEqual(sorted(sequences(rest.payments)), ordered(twin.control.visible("current")));
    assert.equal(unique([...begun.payments, ...rest.payments]), twin.control.visible("current").length);
    const stale = await read(connect(twin), account, null, 2);
    harness.clock.hours(13);
    const before = twin.control.requests;
    const fresh = await read(connect(twin), account, stale.cursor, 1);
    assert.equal(twin.control.requests - before, 1, "an old key is not even tried");
    assert.equal(fresh.payments.length, 10);
  });

  it("gives up on a bank that refuses its keys for ever, and on one that goes in circles", async () => {
    const { twin, provider, account } = await ready({ pageSize: 10 });
    const begun = await read(provider, account, null, 1);
    twin.control.fault({
      kind: "status",
      status: 422,
      error: "WRONG_CONTINUATION_KEY",
      path: "/transactions",
      times: 99,
    });
    await assert.rejects(read(provider, account, begun.cursor), codeOf("PROVIDER_REFUSED"));
    twin.control.clearFaults();
    const circling = await start({ pageSize: 40, circling: true });
    const lost = connect(circling, { source: "circle" });
    await give(circling, lost);
    const there = await accountNamed(lost, "Everyday");
    const pages: PaymentPage[] = [];
    const walk = async () => {
      for await (const page of lost.payments(there, { cursor: null })) pages.push(page);
    };
    await assert.rejects(walk(), codeOf("PROVIDER_MALFORMED", /do not come to an end/));
    assert.equal(pages.length, 2);
    assert.ok(pages[0]!.payments.length > 0);
    assert.equal(unique(pages.flatMap(({ payments }) => payments)), pages[0]!.payments.length);
  });

  it("has one id for a payment in every session", async () => {
    const { twin, provider, account } = await ready(
      { pageSize: 30, accessesPerDay: "off" },
      { accessesPerDay: 99 },
    );
    const first = await read(provider, account, null);
    harness.clock.hours(1);
    await give(twin, provider);
    assert.equal((await accountNamed(provider, "Everyday")).id, account.id);
    const again = await read(provider, account, null);
    assert.deepEqual(again.payments.map(({ id }) => id).sort(), first.payments.map(({ id }) => id).sort());
    const next = await read(provider, account, first.cursor);
    assert.ok(next.payments.length > 0);
    assert.equal(unique([...first.payments, ...next.payments]), first.payments.length);
    const stopped = await read(provider, account, null, 2);
    harness.clock.hours(1);
    await give(twin, provider);
    const before = twin.control.requests;
    const rest = await read(provider, account, stopped.cursor);
    assert.equal(
      twin.control.requests - before,
      Math.ceil(first.payments.length / 30),
      "the old key is not sent to the new session",
    );
    assert.equal(unique([...first.payments, ...rest.payments]), first.payments.length);
  });

  it("asks for as much as the bank gives, and for less when it refuses the period", async () => {
    for (const options of [{ historyDays: 88 }, { historyDays: 120, namesFirstDay: true }]) {
      const asked: string[] = [];
      const twin = await start({
        ...options,
        banks: [{ name: "Polderbank", country: "NL", accounts: ["current"], noStrategy: true }],
        onExchange: ({ path }) => asked.push(path),
      });
      const provider = connect(twin, { source: `eb-${options.historyDays}` });
      await give(twin, provider);
      harness.clock.hours(2);
      const account = await accountNamed(provider, "Everyday");
      const from = new Date(harness.clock.at - options.historyDays * 86_400_000).toISOString().slice(0, 10);
      const visible = new Set(twin.control.visible("current"));
      const expected = household.payments.filter(
        ({ sequence, date }) => visible.has(sequence) && date >= from,
      );
      const got = await read(provider, account, null);
      assert.deepEqual(ordered(sequences(got.payments)), ordered(expected.map(({ sequence }) => sequence)));
      const periods = asked.filter((path) => path.includes("/transactions"));
      assert.match(periods[0]!, /date_from=2015-07-04&strategy=longest/);
      assert.deepEqual(got.errors, []);
      asked.length = 0;
      await read(provider, account, null);
      assert.ok(
        asked.every((path) => !path.includes("longest")),
        "what was learned is not asked for again",
      );
    }
  });

  it("says so when the bank does not reach back to where it was read last", async () => {
    const { provider, account } = await ready({ historyDays: 30 });
    const first = await read(provider, account, null);
    harness.clock.days(100);
    const { errors } = await read(provider, account, first.cursor);
    assert.equal(errors.length, 1);
    assert.match(
      errors[0]!.reason,
      /Everyday was last read on 2025-07-01.* from 2025-09-09 on only.*statement file/,
    );
  });

  it("leaves out what is before the wanted date, and fetches it when the date is moved back", async () => {
    const { twin, provider, account } = await ready({ accessesPerDay: "off" }, { accessesPerDay: 99 });
    const visible = new Set(twin.control.visible("current"));
    const dated = (since: string) =>
      ordered(
        household.payments
          .filter(({ sequence, date }) => visible.has(sequence) && date >= since)
          .map(({ sequence }) => sequence),
      );
    const late = await read(provider, account, null, Infinity, "2025-06-20");
    assert.deepEqual(ordered(sequences(late.payments)), dated("2025-06-20"));
    const quiet = await read(provider, account, late.cursor, Infinity, "2025-06-28");
    assert.deepEqual(ordered(sequences(quiet.payments)), dated("2025-06-28"));
    const early = await read(provider, account, quiet.cursor, Infinity, "2025-02-01");
    assert.deepEqual(ordered(sequences(early.payments)), dated("2025-02-01"));
    const whole = await read(provider, account, early.cursor);
    assert.deepEqual(ordered(sequences(whole.payments)), ordered([...visible]));
    assert.equal(unique([...late.payments, ...early.payments, ...whole.payments]), visible.size);
  });

  it("reads all again from a cursor that is none of ours", async () => {
    const { twin, provider, account } = await ready({ accessesPerDay: "off" }, { accessesPerDay: 99 });
    for (const cursor of [7, "x", {}, { version: 2 }, { version: 1, seen: { days: { x: 1 } } }] as Json[])
      assert.equal(
        (await read(provider, account, cursor)).payments.length,
        twin.control.visible("current").length,
      );
    const stranger = { ...account, id: "enable-banking:stranger" };
    await assert.rejects(read(provider, stranger, null), codeOf("NOT_FOUND", /No consent/));
  });

  it("links a pending payment to the row that books it", async () => {
    const { twin, provider, account } = await ready(
      { accessesPerDay: "off" },
      { accessesPerDay: 999, pending: true },
    );
    const collection = harness.store.collection(paymentsCollection);
    const pending = household.payments.find(
      ({ account, status, bookedAs }) =>
        account === "current" && status === "pending" && bookedAs !== undefined,
    )!;
    assert.ok(
      twin.control.visible("current").includes(pending.bookedAs!),
      "the household has such a payment",
    );
    harness.clock.at = Date.parse(pending.instant) + 1000;
    const begun = await read(provider, account, null);
    await collection.upsertMany(begun.payments);
    assert.ok(begun.payments.some(({ status, amount }) => status === "pending" && amount === pending.amount));
    harness.clock.days(6);
    const next = await read(provider, account, begun.cursor);
    const settled = next.payments.find(
      ({ status, bookedAs }) => status === "pending" && bookedAs !== undefined,
    )!;
    const booked = next.payments.find(({ id }) => id === settled.bookedAs)!;
    assert.equal(sequences([booked])[0], pending.bookedAs);
  });

  it("extracts into the store with the others going on when one bank's consent is over", async () => {
    const twin = await start();
    const provider = connect(twin);
    const polder = await give(twin, provider);
    await give(twin, provider, "NL/Kaart & Co");
    twin.control.setStatus(polder.id, "REVOKED");
    const context = stepContext(harness.store);
    await assert.rejects(
      bankExtract(context, provider, { budgetIds: [] }),
      codeOf("AUTH_EXPIRED", /Polderbank/),
    );
    const stored = await harness.store
      .collection(paymentsCollection)
      .count({ index: "bySource", equals: ["enable-banking"] });
    assert.equal(stored, twin.control.visible("card").length);
  });

  it("misses nothing, doubles nothing and changes no id wherever it is stopped", async function () {
    this.timeout(120_000);
    const busy = makeHousehold({ from: "2025-04-01", until: "2025-07-31", scale: 2 });
    const step = fc.record({
      pages: fc.integer({ min: 0, max: 6 }),
      hours: fc.constantFrom(0, 0, 1, 5, 30, 200),
      happens: fc.constantFrom("nothing", "nothing", "renewal", "keys expire"),
    });
    const world = fc.record({
      pageSize: fc.integer({ min: 3, max: 60 }),
      order: fc.constantFrom("newest" as const, "oldest" as const, "mixed" as const),
      emptyFirstPage: fc.boolean(),
      references: fc.constantFrom(
        "given" as const,
        "absent" as const,
        "constant" as const,
        "recycled" as const,
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        world,
        async (steps, { references, ...options }) => {
          const clock = standingClock(START);
          const twin = await startEnableBankingTwin({
            household: busy,
            now: clock.now,
            accessesPerDay: "off",
            publicKey: keys.publicKey,
            shape: (row, { sequence }) => {
              const shaped = { ...row, sequence, entry_reference: referenceOf(references, sequence) };
              return isTwice(sequence)
                ? [shaped, { ...shaped, transaction_id: `${String(row["transaction_id"])}-2` }]
                : shaped;
            },
            ...options,
          });
          try {
            const source = `p-${twin.applicationId}`;
            const signed = { ...twin, privateKey: keys.privateKey };
            const provider = () => connect(signed, { source, accessesPerDay: 9999, http: clock });
            await give(twin, provider());
            const account = await accountNamed(provider(), "Everyday");
            const ids = new Map<number, string>();
            let cursor: Json = null;
            const all = new Set<string>();
            const take = (payments: Payment[]) => {
              for (const { id, raw } of payments) {
                const { sequence } = raw as { sequence: number };
                // Equal rows without a reference may change places among themselves.
                if (references === "given" && !isTwice(sequence)) assert.equal(ids.get(sequence) ?? id, id);
                ids.set(sequence, id);
                all.add(id);
              }
            };
            const quiet = { pages: Infinity, hours: 0, happens: "nothing" };
            for (const { pages, hours, happens } of [...steps, quiet, quiet]) {
              const got: Awaited<ReturnType<typeof read>> = await read(provider(), account, cursor, pages);
              assert.deepEqual(got.errors, []);
              take(got.payments);
              cursor = JSON.parse(JSON.stringify(got.cursor)) as Json;
              clock.hours(hours);
              if (happens === "renewal") await give(twin, provider());
              if (happens === "keys expire") twin.control.expireKeys();
            }
            const visible = twin.control.visible("current");
            assert.deepEqual(ordered([...ids.keys()]), ordered(visible));
            assert.equal(all.size, visible.length + visible.filter(isTwice).length);
          } finally {
            await twin.stop();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
