import assert from "node:assert/strict";
import {
  bankExtract,
  consentsChanged,
  watchConsents,
  type BankProvider,
  type Consent,
  type ConsentProvider,
} from "../../lib/bank";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import { ACCOUNTS, memoryStore, payment, stepContext, TestClock } from "../support/context";

const HOUR = 3_600_000;
const START = Date.parse("2026-03-01T12:00:00.000Z");

describe("bank extract", () => {
  let store: Store;
  beforeEach(async () => (store = await memoryStore()));
  afterEach(() => store.close());

  const consentsAt = (days: number): ConsentProvider & { asked: number; fails?: TallyError } => ({
    asked: 0,
    institutions: () => Promise.resolve([]),
    begin: () => Promise.reject(new Error("not asked")),
    complete: () => Promise.reject(new Error("not asked")),
    consents() {
      this.asked++;
      if (this.fails) return Promise.reject(this.fails);
      const consent: Consent = {
        id: "c1",
        institution: "B",
        institutionName: "Some Bank",
        state: "valid",
        createdAt: "2026-01-01T00:00:00Z",
        validUntil: new Date(START + days * 24 * HOUR).toISOString(),
        accounts: [],
      };
      return Promise.resolve([consent]);
    },
  });
  const watcher = () => {
    const clock = new TestClock(START);
    const told: unknown[] = [];
    const logged: string[] = [];
    const context = stepContext(store, clock, {
      emit: async (type, subject, data) => {
        await Promise.resolve(told.push([type, subject, data["days"]]));
      },
      log: (_level, message) => void logged.push(message),
    });
    return { clock, told, logged, context };
  };

  it("asks for consents every six hours or when one changed, and counts down between", async () => {
    const { clock, told, context } = watcher();
    const provider = consentsAt(14.1);
    const days = async () =>
      (await watchConsents(context, "x", provider)).map(({ days: left, due }) => [left, due]);
    assert.deepEqual(await days(), []);
    clock.advance(3 * HOUR);
    assert.deepEqual(await days(), [[14, 14]]);
    assert.deepEqual(await days(), [[14, undefined]]);
    assert.equal(provider.asked, 1);
    await consentsChanged(store, "x", context.now());
    await days();
    assert.equal(provider.asked, 2);
    clock.advance(7 * HOUR);
    await days();
    assert.equal(provider.asked, 3);
    clock.advance(7 * 24 * HOUR);
    assert.deepEqual(await days(), [[7, 7]]);
    assert.deepEqual(told, [
      ["bank.consent", "x", 14],
      ["bank.consent", "x", 7],
    ]);
  });

  it("goes on with what it knows when consents cannot be asked for, and tells each connection's own", async () => {
    const { clock, told, logged, context } = watcher();
    const provider = consentsAt(6);
    await watchConsents(context, "x", provider);
    clock.advance(5.5 * 24 * HOUR);
    provider.fails = new TallyError("PROVIDER_UNAVAILABLE", "The provider does not answer.");
    assert.equal((await watchConsents(context, "x", provider))[0]?.days, 1);
    assert.deepEqual(await watchConsents(context, "y", provider), []);
    assert.equal(logged.length, 2);
    assert.match(logged[0]!, /does not answer/);
    assert.deepEqual(told, [
      ["bank.consent", "x", 7],
      ["bank.consent", "x", 1],
    ]);
    provider.fails = new TallyError("STORE_UNAVAILABLE", "The store is gone.");
    await assert.rejects(watchConsents(context, "y", provider), { code: "STORE_UNAVAILABLE" });
  });

  const limited = (retryAfterMs: number, details = {}) =>
    new TallyError("RATE_LIMITED", "Not now.", { retryable: true, retryAfterMs, details });
  const bank = (fails: { accounts?: TallyError; first?: TallyError }): BankProvider => ({
    kind: "test",
    source: "bank",
    calls: 0,
    accounts: () => (fails.accounts ? Promise.reject(fails.accounts) : Promise.resolve(ACCOUNTS)),
    async *payments(account) {
      if (account.id === "bank:1" && fails.first) throw fails.first;
      yield { payments: [payment(account.id, { accountId: account.id })], errors: [], cursor: 1 };
    },
    close: () => Promise.resolve(),
  });

  it("takes the end of a quota for no failure and reads the other accounts; a short limit fails as it did", async () => {
    const { context } = watcher();
    const soft = await bankExtract(context, bank({ first: limited(4 * HOUR) }), { budgetIds: [] });
    assert.deepEqual([soft.counts["waiting"], soft.counts["inserted"]], [1, ACCOUNTS.length - 1]);
    const [wait] = soft.waits;
    assert.equal(wait?.account, "Current");
    assert.ok(Math.abs(Date.parse(wait!.until) - START - 4 * HOUR) < 1_000);
    const soon = await bankExtract(context, bank({ first: limited(60_000, { until: "soon" }) }), {
      budgetIds: [],
    });
    assert.equal(soon.waits.length, 1, "a quota that ends soon is one too");
    const all = await bankExtract(context, bank({ accounts: limited(HOUR) }), { budgetIds: [] });
    assert.deepEqual([all.counts["waiting"], all.waits[0]?.account], [1, "bank"]);
    await assert.rejects(bankExtract(context, bank({ first: limited(3_000) }), { budgetIds: [] }), {
      code: "RATE_LIMITED",
    });
    const ok = await bankExtract(context, bank({}), { budgetIds: [] });
    assert.equal("waiting" in ok.counts, false);
  });
});
