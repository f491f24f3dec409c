import assert from "node:assert/strict";
import fc from "fast-check";
import { backoffMs } from "../../lib/queue/backoff";
import type { TallyError } from "../../lib/values";
import { payment } from "../support/context";
import { Bench } from "./bench";

const SCALE = { baseMs: 1000, capMs: 60_000 };

describe("retries", () => {
  it("wait anywhere from nothing to the exponential bound, and no longer than the cap", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const wait = backoffMs(failures, SCALE, 0, () => random);
          assert.ok(Number.isSafeInteger(wait) && wait >= 0);
          assert.ok(wait <= SCALE.capMs && wait <= SCALE.baseMs * 2 ** failures);
        },
      ),
    );
    assert.equal(
      backoffMs(3, SCALE, 0, () => 0),
      0,
    );
    assert.equal(
      backoffMs(3, SCALE, 0, () => 0.5),
      4000,
    );
    assert.equal(
      backoffMs(60, SCALE, 0, () => 0.5),
      30_000,
    );
  });

  it("wait at least as long as the provider asks, of which a day is believed", () => {
    assert.equal(
      backoffMs(1, SCALE, 5000, () => 0),
      5000,
    );
    assert.equal(
      backoffMs(1, SCALE, 500, () => 0.9),
      1800,
    );
    assert.equal(
      backoffMs(1, SCALE, 1e12, () => 0),
      24 * 3_600_000,
    );
    assert.equal(
      backoffMs(1, SCALE, -5, () => 0),
      0,
    );
  });

  describe("of queue items", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open();
    });
    afterEach(() => bench.store.close());

    it("come no sooner than due, after ever longer waits, and end in dead", async () => {
      await bench.arrive(payment("1"));
      await bench.classify();
      bench.budget.refused.set((await bench.item("1")).importId, {
        code: "PROVIDER_UNAVAILABLE",
        retryable: true,
      });
      const waits: number[] = [];
      for (let attempt = 1; attempt < 8; attempt++) {
        await bench.sync({ random: () => 0.5 });
        const { state, dueAt, stateSince, attempt: counted } = await bench.item("1");
        assert.deepEqual([state, counted], ["retry", attempt]);
        waits.push(Date.parse(dueAt) - Date.parse(stateSince));
        const calls = bench.budget.calls;
        await bench.sync();
        assert.equal(bench.budget.calls, calls, "not before its time");
        bench.clock.advance(waits.at(-1)! + 1000);
      }
      for (const [at, wait] of waits.entries())
        assert.ok(Math.abs(wait - 15_000 * 2 ** (at + 1)) < 100, `${at}: ${wait}`);
      await bench.sync();
      assert.equal((await bench.item("1")).state, "dead");
    });

    it("respect the time the provider asks for", async () => {
      await bench.arrive(payment("1"));
      await bench.classify();
      const { importId } = await bench.item("1");
      const create = bench.budget.create.bind(bench.budget);
      const error = {
        code: "PROVIDER_UNAVAILABLE" as const,
        message: "Busy.",
        retryable: true,
      };
      bench.budget.create = async () => [{ importId, status: "rejected", error, retryAfterMs: 900_000 }];
      await bench.sync({ random: () => 0 });
      bench.budget.create = create;
      bench.clock.advance(890_000);
      await bench.sync();
      assert.equal((await bench.item("1")).state, "retry");
      bench.clock.advance(20_000);
      await bench.sync();
      assert.equal((await bench.item("1")).state, "synced");
    });

    it("cost an item no attempt when a part of a bulk was not sent for the rate limit", async () => {
      await bench.arrive(payment("1"));
      await bench.classify();
      const { importId } = await bench.item("1");
      const create = bench.budget.create.bind(bench.budget);
      const error = { code: "RATE_LIMITED" as const, message: "Wait.", retryable: true };
      bench.budget.create = async () => [{ importId, status: "rejected", error, retryAfterMs: 1000 }];
      for (let pass = 0; pass < 20; pass++) {
        await bench.sync();
        bench.clock.advance(120_000);
      }
      assert.deepEqual([(await bench.item("1")).state, (await bench.item("1")).attempt], ["retry", 0]);
      bench.budget.create = create;
      await bench.sync();
      assert.equal((await bench.item("1")).state, "synced");
    });

    it("send the oldest payments first", async () => {
      const days = ["09", "03", "07", "01", "05", "08", "02", "06", "04", "10", "11", "12"];
      await bench.arrive(...days.map((day) => payment(day, { date: `2026-02-${day}` })));
      await bench.pass();
      const dates = bench.budget.rows.map((row) => row.date);
      assert.deepEqual(dates, [...dates].sort());
      assert.equal(dates.length, 12);
    });

    it("keep an outage from costing attempts, however long it is", async () => {
      await bench.arrive(payment("1"), payment("2"));
      await bench.match();
      await bench.classify();
      for (let pass = 0; pass < 40; pass++) {
        bench.budget.faults = ["refuse-all"];
        await assert.rejects(bench.sync(), { code: "PROVIDER_UNAVAILABLE" });
        bench.clock.advance(3_600_000);
      }
      bench.budget.faults = [];
      assert.equal((await bench.sync()).counts["synced"], 2);
    });

    it("never let failing items starve others: what breaks whole requests is found, and the others are written", async function () {
      this.timeout(120_000);
      const kinds = fc.array(fc.constantFrom("good", "good", "refused", "poison"), {
        minLength: 1,
        maxLength: 24,
      });
      await fc.assert(
        fc.asyncProperty(kinds, async (all) => {
          await bench.reset();
          await bench.arrive(
            ...all.map((_, at) =>
              payment(`p${at}`, {
                accountId: at % 3 === 0 ? "bank:2" : "bank:1",
                date: `2026-02-${String(1 + ((at * 7) % 20)).padStart(2, "0")}`,
                amount: -100 - at,
              }),
            ),
          );
          for (const [at, kind] of all.entries()) {
            const { importId } = await bench.item(`p${at}`);
            if (kind === "poison") bench.budget.poison.add(importId);
            if (kind === "refused")
              bench.budget.refused.set(importId, { code: "PROVIDER_UNAVAILABLE", retryable: true });
          }
          await bench.match();
          await bench.classify();
          // A pass ends with the first request that fails as a whole; each finds out more than the one before.
          for (let pass = 0; pass < 40; pass++) {
            await bench.sync().catch((error: TallyError) => assert.equal(error.code, "PROVIDER_UNAVAILABLE"));
            bench.clock.advance(7 * 3_600_000);
          }
          for (const [at, kind] of all.entries()) {
            const { state } = await bench.item(`p${at}`);
            if (kind === "good") assert.equal(state, "synced", `p${at} of ${all.join(" ")}`);
            if (kind === "refused") assert.equal(state, "dead");
          }
          const written = bench.budget.rows.map((row) => row.importId);
          assert.equal(new Set(written).size, written.length);
          // New payments go first: they are not held up by a single one of them.
          await bench.arrive(payment("late", { amount: -5 }));
          await bench.classify();
          await bench.sync().catch((error: TallyError) => assert.equal(error.code, "PROVIDER_UNAVAILABLE"));
          assert.equal((await bench.item("late")).state, "synced");
        }),
        { numRuns: 15 },
      );
    });

    it("give up what breaks a request alone, once the budget takes others", async () => {
      await bench.arrive(payment("bad"));
      bench.budget.poison.add((await bench.item("bad")).importId);
      for (let pass = 0; pass < 30; pass++) {
        await bench.arrive(payment(`good${pass}`, { amount: -pass - 1 }));
        await bench.pass().catch((error: TallyError) => assert.equal(error.code, "PROVIDER_UNAVAILABLE"));
        bench.clock.advance(7 * 3_600_000);
      }
      assert.equal((await bench.item("bad")).state, "dead");
      assert.equal(bench.budget.rows.length, 30);
    });
  });
});
