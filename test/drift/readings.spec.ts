import assert from "node:assert/strict";
import { exactShare } from "../../lib/drift/nulls";
import { mixDistance, readingText, SIGNALS } from "../../lib/drift";
import { seededRandom } from "../../lib/learning";
import { alertsOf, paymentsOf, readings, simulate, type Household } from "./support";

/** Population stability index, the fixed threshold of which is what others alarm at. */
function stability(a: readonly number[], b: readonly number[]): number {
  const share = (counts: readonly number[], n: number) =>
    Math.max(0.5, counts[n]!) / counts.reduce((x, y) => x + y, 0);
  return a.reduce((sum, _, n) => sum + (share(a, n) - share(b, n)) * Math.log(share(a, n) / share(b, n)), 0);
}

describe("drift: what chance alone would give", () => {
  const random = seededRandom(1);

  it("counts exactly: Fisher's tea, and more than double precision of the single terms would lose", () => {
    // Of 8 cups 4 had milk first; she named 3 of 4: 1/70 + 16/70.
    const tea = exactShare([{ recent: 4, recentHits: 3, compared: 4, comparedHits: 1 }]);
    assert.ok(Math.abs(tea.p - 17 / 70) < 1e-12);
    // All of 20 and none of 20: 1 / C(40, 20).
    const all = exactShare([{ recent: 20, recentHits: 20, compared: 20, comparedHits: 0 }]);
    assert.ok(Math.abs(all.p * 137_846_528_820 - 1) < 1e-9);
    assert.equal(exactShare([{ recent: 5, recentHits: 0, compared: 5, comparedHits: 0 }]).p, 1);
  });

  it("keeps kinds of payments apart, so that a window with more of the harder ones is no drift", () => {
    // Wrong: 5 of 100 answers, 40 of 100 guesses; the recent window holds guesses mostly, as wrong as ever.
    const apart = exactShare([
      { recent: 20, recentHits: 1, compared: 80, comparedHits: 4 },
      { recent: 80, recentHits: 32, compared: 20, comparedHits: 8 },
    ]);
    const together = exactShare([{ recent: 100, recentHits: 33, compared: 100, comparedHits: 12 }]);
    assert.ok(together.p < 0.001, "taken together it looks like drift");
    assert.ok(apart.p > 0.4, String(apart.p));
  });

  it("draws the same range line as it judges by: an alert is outside its range, and nothing else is", () => {
    let alerts = 0;
    for (let look = 1; look <= 40; look++) {
      const compared = paymentsOf(120, {}, random);
      const recent = paymentsOf(
        60,
        look % 2 ? {} : { wrong: 0.4, abstains: 0.3, novel: 0.3, less: 0.06 },
        random,
      );
      for (const { state, value, low, high, p, level } of readings(recent, compared, {
        seed: look,
        draws: 999,
      })) {
        assert.ok(value !== null && low !== null && high !== null && p !== null && level !== null);
        const outside = value < low - 1e-9 || value > high + 1e-9;
        assert.equal(outside, state === "alert", JSON.stringify({ value, low, high, p, level }));
        assert.equal(p <= level, state === "alert");
        if (state === "alert") alerts++;
      }
    }
    assert.ok(alerts > 30, `only ${alerts} alerts to hold it by`);
  });

  it("measures the distance of mixes from 0 to 1, and gives the same for the same seed", () => {
    assert.equal(mixDistance([1, 2, 3], [2, 4, 6]), 0);
    assert.equal(mixDistance([5, 0], [0, 9]), 1);
    const [a, b] = [paymentsOf(60, {}, random), paymentsOf(60, {}, random)];
    assert.deepEqual(readings(a, b, { seed: 5, draws: 99 }), readings(a, b, { seed: 5, draws: 99 }));
  });

  it("names what moved, and says it in words", () => {
    const found = readings(paymentsOf(60, { shifted: 0.5 }, random), paymentsOf(200, {}, random), {
      draws: 999,
    });
    const mix = found.find(({ signal }) => signal === "mix")!;
    assert.equal(mix.state, "alert");
    assert.equal(mix.shifts![0]!.categoryId, "c19");
    assert.match(
      readingText(mix),
      /^\d+ % over 60 payments\. Without a change at most \d+ % would be expected\.$/,
    );
  });

  it("judges nothing below the least number, and says how many there are", () => {
    const few = readings(
      paymentsOf(29, { wrong: 1, abstains: 1, novel: 1, less: 0.3 }, random),
      paymentsOf(200, {}, random),
      {
        minimum: 30,
      },
    );
    assert.deepEqual(
      few.map(({ signal }) => signal),
      [...SIGNALS],
    );
    for (const reading of few) {
      assert.deepEqual([reading.state, reading.p, reading.low], ["too-few", null, null]);
      assert.match(readingText(reading), /^Not enough yet: \d+ of 30 recent payments/);
    }
    const none = readings([], []);
    assert.deepEqual(alertsOf(none), []);
    assert.ok(none.every(({ value }) => value === null));
  });
});

describe("drift: how often it alarms", function () {
  this.timeout(240_000);
  const options = { draws: 399, falseAlarms: 0.05 };

  // The share of looks that alarm although nothing changed, over all signals. The bound leaves 4 standard errors for chance
  // in the simulation itself.
  for (const [recent, compared, looks] of [
    [10, 10, 600],
    [50, 50, 600],
    [50, 200, 600],
    [500, 500, 150],
  ] as const) {
    it(`keeps false alarms at 5 % or below with ${recent} payments in 20 categories, beside ${compared}`, () => {
      const { any, several } = simulate(looks, { recent, compared }, {}, { options });
      const bound = 0.05 + 4 * Math.sqrt((0.05 * 0.95) / looks);
      assert.ok(any <= bound, `${any} of looks alarmed`);
      assert.ok(several <= 0.05, `${several} of looks began a retraining`);
    });
  }

  it("where a fixed threshold on the stability index alarms nearly always", () => {
    const random = seededRandom(3);
    let alarms = 0;
    for (let look = 0; look < 200; look++) {
      const [a, b] = [paymentsOf(50, {}, random), paymentsOf(50, {}, random)].map((rows) =>
        Array.from(
          { length: 20 },
          (_, n) => rows.filter(({ guess }) => Number(guess!.slice(1)) === n).length,
        ),
      );
      if (stability(a!, b!) > 0.25) alarms++;
    }
    assert.ok(alarms > 180, `${alarms} of 200`);
  });

  it("is not fooled by people who judge what waits first", () => {
    const lag = { heard: 0.15 };
    const { by } = simulate(400, { recent: 60, compared: 200 }, lag, { options });
    assert.ok((by["override"] ?? 0) <= 0.03, `override ${by["override"]}`);
    assert.ok((by["calibration"] ?? 0) <= 0.03, `calibration ${by["calibration"]}`);
  });

  it("is not fooled by what comes in bursts", () => {
    // Six of ten payments are in the category of the one before, as on a holiday or when a house is done up.
    const random = seededRandom(9);
    const bursts = (count: number) => {
      const rows = paymentsOf(count, { skew: 0.5 }, random);
      rows.forEach((row, n) => {
        if (n > 0 && random() < 0.6) row.guess = rows[n - 1]!.guess;
      });
      return rows;
    };
    let alarms = 0;
    for (let look = 1; look <= 150; look++) {
      const rows = bursts(400);
      const found = readings(rows.slice(300), rows.slice(0, 300), { ...options, seed: look });
      if (alertsOf(found).includes("mix")) alarms++;
    }
    assert.ok(alarms <= 12, `${alarms} of 150`);
  });

  // Each change alone, at 50 recent payments beside 200, is found in at least this share of single looks.
  const changes: [string, Partial<Household>, string, number][] = [
    ["5 % to 30 % of answers wrong", { wrong: 0.3 }, "override", 0.6],
    ["12 % to 40 % left to a person", { abstains: 0.4 }, "abstention", 0.85],
    ["confidence down by 15 points", { less: 0.15 }, "confidence", 0.95],
    ["8 % to 30 % new counterparties", { novel: 0.3 }, "counterparties", 0.75],
    ["30 % of payments in a category that was rare", { shifted: 0.3 }, "mix", 0.8],
  ];
  for (const [what, change, signal, power] of changes) {
    it(`finds ${what}`, () => {
      const { by } = simulate(150, { recent: 50, compared: 200 }, change, { options });
      assert.ok((by[signal] ?? 0) >= power, `${signal} ${by[signal]}`);
    });
  }

  it("begins a retraining when several things changed together", () => {
    const change = { wrong: 0.25, abstains: 0.35, novel: 0.25, shifted: 0.2, less: 0.05 };
    const { several } = simulate(150, { recent: 50, compared: 200 }, change, { options });
    assert.ok(several >= 0.9, String(several));
  });
});
