import assert from "node:assert/strict";
import type { CreateOutcome, NewTransaction } from "../../lib/budget";
import { TallyError, type ErrorCode } from "../../lib/values";
import type { Fault, YnabTwin } from "../../simulators/ynab";
import { memoryStore } from "../support/context";
import { NOW, openOn, startTwin } from "../support/ynab";

const POST = { method: "POST", path: "/transactions$" };

describe("YNAB provider when things go wrong", () => {
  let twin: YnabTwin;
  let counter = 0;
  beforeEach(async () => {
    twin = await startTwin();
  });
  afterEach(() => twin.stop());

  const item = (fields: Partial<NewTransaction> = {}): NewTransaction => ({
    importId: `TF1:error-${++counter}`,
    accountId: `ynab:${twin.accountIds["current"]}`,
    date: "2025-07-10",
    amount: -1000,
    payeeName: "Bakery",
    categoryId: `ynab:${twin.categoryIds["groceries"]}`,
    cleared: "cleared",
    approved: false,
    ...fields,
  });
  const written = (items: readonly NewTransaction[]) => {
    const ids = new Set(items.map(({ importId }) => importId));
    return twin.control.all().filter((row) => ids.has(row.importId ?? "")).length;
  };
  const statuses = (outcomes: readonly CreateOutcome[]) => outcomes.map(({ status }) => status);

  async function fails(promise: Promise<unknown>, code: ErrorCode): Promise<TallyError> {
    const error = await promise.then(
      () => assert.fail(`${code} was expected`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof TallyError, String(error));
    assert.equal(error.code, code, error.message);
    const shown = JSON.stringify(error) + error.message + error.stack;
    assert.ok(!shown.includes(twin.token), "the token must not be shown");
    return error;
  }

  it("says what to do when the token is refused", async () => {
    const provider = openOn(twin, { token: "other-token" });
    const error = await fails(provider.extract({ cursor: null }), "AUTH_FAILED");
    assert.match(error.message, /personal access token/);
    assert.equal(error.retryable, false);
    await fails(provider.create([item()]), "AUTH_FAILED");
    twin.control.setFault({ kind: "status", status: 403 });
    assert.match((await fails(openOn(twin).plans(), "AUTH_FAILED")).message, /[Ss]ubscription/);
  });

  it("names the plan that is not there, and those that are", async () => {
    const plan = "00000000-0000-4000-8000-000000000000";
    const error = await fails(openOn(twin, { plan }).extract({ cursor: null }), "NOT_FOUND");
    assert.match(error.message, new RegExp(plan));
    assert.match(error.message, new RegExp(`"Household" \\(${twin.planId}\\)`));
  });

  for (const [what, wrong] of [
    ["no token", { token: " " }],
    ["last-used as plan", { plan: "last-used" }],
  ] as const) {
    it(`refuses ${what} before any request`, () => {
      assert.throws(
        () => openOn(twin, wrong),
        (error) => error instanceof TallyError && error.code === "CONFIG_INVALID",
      );
    });
  }

  it("gives a long Retry-After on to the caller, with nothing written", async () => {
    twin.control.setFault({ kind: "status", status: 429, retryAfter: 120, ...POST });
    const items = [item(), item()];
    const error = await fails(openOn(twin).create(items), "RATE_LIMITED");
    assert.deepEqual([error.retryable, error.retryAfterMs], [true, 120_000]);
    assert.equal(written(items), 0);
  });

  it("waits for a short Retry-After and goes on", async () => {
    // A clock that moves on while it sleeps.
    let clock = NOW;
    const slept: number[] = [];
    const http = {
      now: () => clock,
      sleep: async (ms: number) => {
        slept.push(ms);
        clock += ms;
      },
    };
    twin.control.setFault({ kind: "status", status: 429, retryAfter: 7, ...POST });
    const items = [item()];
    assert.deepEqual(statuses(await openOn(twin, { http }).create(items)), ["created"]);
    assert.ok(
      slept.some((ms) => ms === 7000),
      `slept ${slept.join(", ")}`,
    );
  });

  it("says when to come back although YNAB does not", async () => {
    twin.control.setFault({ kind: "status", status: 429, times: 99, ...POST });
    const error = await fails(openOn(twin).create([item()]), "RATE_LIMITED");
    assert.deepEqual([error.retryable, error.retryAfterMs], [true, 600_000]);
  });

  it("keeps to its own budget of requests", async () => {
    const provider = openOn(twin, { callsPerHour: 3 });
    for (let n = 0; n < 3; n++) await provider.plans();
    const error = await fails(provider.plans(), "RATE_LIMITED");
    assert.equal(error.retryAfterMs, 3_600_000);
    assert.equal(twin.control.requests, 3);
  });

  it("shares that budget with other workers and with itself after a restart", async () => {
    const store = await memoryStore();
    for (let n = 0; n < 3; n++) await openOn(twin, { callsPerHour: 3, store }).plans();
    await fails(openOn(twin, { callsPerHour: 3, store }).plans(), "RATE_LIMITED");
    assert.equal(twin.control.requests, 3);
    await store.close();
  });

  it("tries reading again after 5xx and a cut connection", async () => {
    const path = "/transactions";
    twin.control.setFault({ kind: "status", status: 503, times: 2, path });
    twin.control.setFault({ kind: "reset", path });
    const delta = await openOn(twin).extract({ cursor: null });
    assert.ok(delta.transactions.length > 0);
    twin.control.setFault({ kind: "status", status: 500, times: 99 });
    assert.equal((await fails(openOn(twin).plans(), "PROVIDER_UNAVAILABLE")).retryable, true);
  });

  it("does not take a cut answer for an empty budget", async () => {
    twin.control.setFault({ kind: "malformed", times: 99, path: "/transactions" });
    const error = await fails(openOn(twin).extract({ cursor: null }), "PROVIDER_MALFORMED");
    assert.equal(error.retryable, true);
  });

  const unknown: [string, Fault, number][] = [
    ["an error 500", { kind: "status", status: 500, ...POST }, 0],
    ["an error 503 after the commit", { kind: "fail-after-commit", status: 503, ...POST }, 3],
    ["a connection cut before the commit", { kind: "reset", ...POST }, 0],
    ["a connection cut after the commit", { kind: "drop-after-commit", ...POST }, 3],
    ["an answer cut in the middle", { kind: "malformed", ...POST }, 3],
  ];
  for (const [what, fault, standing] of unknown) {
    it(`does not know the outcome after ${what}, and finds it out`, async () => {
      twin.control.setFault(fault);
      const items = [item(), item(), item()];
      const provider = openOn(twin);
      assert.equal((await fails(provider.create(items), "OUTCOME_UNKNOWN")).retryable, true);
      const found = await provider.find(
        items.map(({ importId }) => importId),
        { from: "2025-07-01", accountIds: [items[0]!.accountId] },
      );
      assert.equal(found.size, standing);
      const again = await provider.create(items.filter(({ importId }) => !found.has(importId)));
      assert.equal(again.length, 3 - standing);
      assert.equal(written(items), 3);
      assert.deepEqual(new Set(statuses(await provider.create(items))), new Set(["duplicate"]));
      assert.equal(written(items), 3);
    });
  }

  it("writes once although the first try commits after the second", async () => {
    twin.control.setFault({ kind: "slow", ms: 300, ...POST });
    const items = [item(), item()];
    await fails(openOn(twin, { http: { timeoutMs: 60 } }).create(items), "OUTCOME_UNKNOWN");
    await openOn(twin).create(items);
    const posts = () => twin.control.log.filter(({ method }) => method === "POST").length;
    while (posts() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(written(items), 2);
  });

  it("knows that nothing was written when YNAB cannot be reached", async () => {
    const provider = openOn(twin, { http: { retries: 1 } });
    await provider.create([item()]);
    await twin.stop();
    // A pooled connection that dies under a write leaves its outcome open; this uses the dead ones up.
    await fails(provider.plans(), "PROVIDER_UNAVAILABLE");
    assert.equal((await fails(provider.create([item()]), "PROVIDER_UNAVAILABLE")).retryable, true);
  });

  it("keeps the outcome of the first bulk when the second is refused", async () => {
    const items = Array.from({ length: 1500 }, () => item());
    twin.control.setFault({ kind: "status", status: 401, after: 1, ...POST });
    const outcomes = await openOn(twin).create(items);
    assert.deepEqual(new Set(statuses(outcomes.slice(0, 1000))), new Set(["created"]));
    for (const outcome of outcomes.slice(1000)) {
      assert.ok(
        outcome.status === "rejected" && outcome.error.retryable && outcome.error.code === "AUTH_FAILED",
      );
    }
    assert.equal(written(items), 1000);
  });

  it("says outcome unknown for all when the second bulk is", async () => {
    const items = Array.from({ length: 1200 }, () => item());
    twin.control.setFault({ kind: "drop-after-commit", after: 1, ...POST });
    const provider = openOn(twin);
    await fails(provider.create(items), "OUTCOME_UNKNOWN");
    const ids = items.map(({ importId }) => importId);
    const range = { from: "2025-07-01", accountIds: [items[0]!.accountId] };
    assert.equal((await provider.find(ids, range)).size, 1200);
  });

  it("stops between bulks when asked to, and says what was written", async () => {
    const items = Array.from({ length: 1100 }, () => item());
    const stop = new AbortController();
    twin.control.setFault({ kind: "slow", ms: 100, ...POST });
    const running = openOn(twin).create(items, stop.signal);
    while (!twin.control.underway.some((name) => name.startsWith("POST "))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    stop.abort();
    const outcomes = await running;
    assert.deepEqual(new Set(statuses(outcomes.slice(0, 1000))), new Set(["created"]));
    const last = outcomes.at(-1)!;
    assert.ok(last.status === "rejected" && last.error.code === "CANCELLED" && last.error.retryable);
    assert.equal(written(items), 1000);
  });

  it("halves a bulk that is refused without saying why", async () => {
    twin.control.setFault({ kind: "status", status: 413, ...POST });
    const items = Array.from({ length: 9 }, () => item());
    assert.deepEqual(new Set(statuses(await openOn(twin).create(items))), new Set(["created"]));
    twin.control.setFault({ kind: "status", status: 400, times: 99, ...POST });
    const refused = await openOn(twin).create([item(), item(), item()]);
    assert.deepEqual(statuses(refused), ["rejected", "rejected", "rejected"]);
  });

  it("isolates dates that YNAB does not take", async () => {
    const items = [
      item({ date: "2025-07-16" }),
      item(),
      item({ date: "2019-01-01" }),
      item({ date: "2020-07-14" }),
    ];
    const outcomes = await openOn(twin).create(items);
    assert.deepEqual(statuses(outcomes), ["rejected", "created", "rejected", "rejected"]);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.match(outcome.error.message, /future|5 years/);
    }
  });

  it("finds that a category was deleted a moment ago", async () => {
    const provider = openOn(twin);
    await provider.create([item()]);
    twin.control.deleteCategory(twin.categoryIds["fun"]!);
    twin.control.deleteCategory(twin.categoryIds["groceries"]!);
    const outcomes = await provider.create([item(), item({ categoryId: null }), item()]);
    assert.deepEqual(statuses(outcomes), ["rejected", "created", "rejected"]);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.equal(outcome.error.code, "CATEGORY_GONE");
    }
  });

  it("changes the others when one of the transactions is gone", async () => {
    const provider = openOn(twin);
    const ids = (await provider.create([item(), item(), item()])).map((outcome) => {
      assert.ok(outcome.status === "created");
      return outcome.transactionId;
    });
    await provider.delete([ids[1]!]);
    const error = await fails(provider.update(ids.map((id) => ({ id, memo: "new" }))), "PROVIDER_REFUSED");
    assert.deepEqual(
      (error.details["refused"] as { id: string }[]).map(({ id }) => id),
      [ids[1]],
    );
    assert.equal(twin.control.all().filter((row) => row.memo === "new").length, 2);
  });
});
