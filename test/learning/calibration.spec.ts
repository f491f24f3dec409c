import assert from "node:assert/strict";
import fc from "fast-check";
import {
  accuracy,
  calibrate,
  chooseThreshold,
  coverageAtPrecision,
  coverageCurve,
  expectedCalibrationError,
  fitCalibration,
  macroF1,
  NEVER,
  type Outcome,
} from "../../lib/learning";
import { seededRandom } from "../../lib/learning/random";

const outcome = (confidence: number, right: boolean): Outcome => ({
  predicted: "a",
  confidence,
  label: right ? "a" : "b",
});

describe("learning: calibration", () => {
  it("keeps order whatever it was fitted on", () => {
    const rows = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        rows,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (data, p, q) => {
          const fitted = fitCalibration(
            data.map(([x]) => x),
            data.map(([, right]) => (right ? 1 : 0)),
          );
          const [low, high] = [Math.min(p, q), Math.max(p, q)];
          assert.ok(calibrate(fitted, low) <= calibrate(fitted, high));
          assert.ok(calibrate(fitted, low) >= 0 && calibrate(fitted, high) <= 1);
        },
      ),
    );
  });

  it("brings an overconfident predictor close to the truth", () => {
    const random = seededRandom(3);
    const rows = Array.from({ length: 4000 }, () => {
      const p = 0.5 + random() / 2;
      return { p, right: random() < 0.5 + (p - 0.5) * 0.6 };
    });
    const fitted = fitCalibration(
      rows.map(({ p }) => p),
      rows.map(({ right }) => (right ? 1 : 0)),
    );
    const before = expectedCalibrationError(rows.map(({ p, right }) => outcome(p, right)));
    const after = expectedCalibrationError(rows.map(({ p, right }) => outcome(calibrate(fitted, p), right)));
    assert.ok(before > 0.08 && after < 0.03, `${before} -> ${after}`);
  });

  it("changes next to nothing on next to no rows", () => {
    assert.ok(Math.abs(calibrate(fitCalibration([0.9], [0]), 0.9) - 0.9) < 0.15);
    assert.ok(Math.abs(calibrate(fitCalibration([], []), 0.3) - 0.3) < 1e-9);
  });

  it("measures calibration error by hand", () => {
    assert.equal(expectedCalibrationError([]), 0);
    const rows = [outcome(0.9, true), outcome(0.9, false), outcome(0.2, false)];
    assert.ok(Math.abs(expectedCalibrationError(rows) - (2 * 0.4 + 0.2) / 3) < 1e-12);
  });

  it("asks for more evidence from smaller samples", () => {
    const chosen = (rows: number, confidence: number) =>
      chooseThreshold(Array(rows).fill(confidence), Array(rows).fill(1), 0.95);
    assert.equal(chosen(10, 0.9), NEVER);
    assert.equal(chosen(10, 0.99), 0.95);
    assert.equal(chosen(100, 0.9), 0.9);
    // A doubtful one below is not to be answered, so the good ones alone set the threshold.
    assert.equal(chooseThreshold([0.96, 0.96, 0.6], [1, 1, 0], 0.95), NEVER);
    assert.equal(chooseThreshold([...Array(100).fill(0.99), 0.6], [...Array(100).fill(1), 0], 0.995), 0.99);
  });

  it("chooses a threshold that keeps its promise on the rows it saw", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { maxLength: 200 }),
        (rows) => {
          const confidences = rows.map(([confidence]) => confidence);
          const threshold = chooseThreshold(
            confidences,
            rows.map(([, right]) => (right ? 1 : 0)),
            0.8,
          );
          const answered = rows.filter(([confidence]) => confidence >= threshold);
          const right = answered.filter(([, good]) => good).length;
          assert.ok(answered.length === 0 || right / answered.length >= 0.8);
        },
      ),
    );
  });

  it("draws the curve of coverage and precision", () => {
    const rows = [outcome(0.9, true), outcome(0.8, true), outcome(0.7, false), outcome(0.6, true)];
    assert.deepEqual(
      coverageCurve(rows).map(({ coverage, precision }) => [coverage, Math.round(precision * 100)]),
      [
        [0.25, 100],
        [0.5, 100],
        [0.75, 67],
        [1, 75],
      ],
    );
    assert.equal(coverageAtPrecision(rows, 0.95), 0.5);
  });

  it("counts accuracy and macro F1", () => {
    const rows: Outcome[] = [
      { predicted: "a", confidence: 1, label: "a" },
      { predicted: "a", confidence: 1, label: "b" },
    ];
    assert.equal(accuracy(rows), 0.5);
    assert.ok(Math.abs(macroF1(rows) - 1 / 3) < 1e-12);
  });
});
