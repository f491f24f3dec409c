import assert from "node:assert/strict";
import { openYnab } from "../../lib/budget";
import { addDays } from "../../lib/values";
import { payment } from "../support/context";
import { YnabPasses } from "../support/ynab-pass";

/** What 1,000 new payments may cost of YNAB's 200 requests an hour. A naive sync makes one for each. */
const MOST = 12;

describe("YNAB: calls for 1,000 new payments", () => {
  let passes: YnabPasses;
  beforeEach(async () => {
    passes = await YnabPasses.start();
  });
  afterEach(() => passes.close());

  const thousand = (from: number) =>
    Array.from({ length: 1000 }, (_, n) =>
      payment(`${from + n}`, {
        accountId: n % 3 === 0 ? "bank:2" : "bank:1",
        date: addDays("2025-01-01", (from + n) % 190),
        amount: -100 - from - n,
        counterparty: { name: `Shop ${n % 400}` },
      }),
    );

  it(`is at most ${MOST} in the first pass and in a later one, nothing of it lost or doubled`, async () => {
    for (const from of [0, 1000]) {
      passes.provider = passes.open();
      await passes.arrive(...thousand(from));
      const before = passes.twin.control.requests;
      assert.equal((await passes.pass()).counts["synced"], 1000);
      const calls = passes.twin.control.requests - before;
      assert.equal(calls, passes.provider.calls, "every request is counted");
      assert.ok(calls <= MOST, `${calls} calls`);
      const written = passes.twin.control.all().filter((row) => row.importId);
      assert.equal(new Set(written.map((row) => row.importId)).size, written.length);
      assert.equal(written.length, from + 1000);
    }
  }).timeout(60_000);

  it(`stays so with a bad item, a lost answer and the read-back among them`, async () => {
    await passes.arrive(...thousand(0), payment("old", { date: "2019-01-01" }));
    passes.twin.control.setFault({ kind: "drop-after-commit", method: "POST" });
    const before = passes.twin.control.requests;
    await passes.pass().catch(() => passes.clock.advance(3_600_000));
    await passes.pass();
    const calls = passes.twin.control.requests - before;
    const written = passes.twin.control.all().filter((row) => row.importId);
    assert.equal(written.length, 1000);
    assert.ok(calls <= 2 * MOST, `${calls} calls for two passes`);
  }).timeout(60_000);

  it("opens without a call", () => {
    openYnab({ token: passes.twin.token, plan: passes.twin.planId, url: passes.twin.url });
    assert.equal(passes.twin.control.requests, 0);
  });
});
