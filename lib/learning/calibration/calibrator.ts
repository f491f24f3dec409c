/**
 * Platt scaling of the top probability (Platt 1999): confidence = sigmoid(a * logit(p) + b) with a > 0, so order is
 * kept. Fitted by Newton's method on a later slice, with a weak pull towards "as it is" (a = 1, b = 0) so that a
 * handful of rows changes little.
 */
export interface Calibration {
  slope: number;
  offset: number;
  /** Rows it was fitted on. */
  rows: number;
}

export const UNCALIBRATED: Calibration = { slope: 1, offset: 0, rows: 0 };

/** Strength of the pull towards no change, in rows' worth of evidence. */
const PULL = 4;
/** No confidence is ever quite 0 or 1. */
const EDGE = 1e-4;

/** Fit on top probabilities and whether each was right, from a calibration that holds until rows say otherwise. */
export function fitCalibration(
  probabilities: ArrayLike<number>,
  right: ArrayLike<number>,
  prior: Calibration = UNCALIBRATED,
): Calibration {
  const n = probabilities.length;
  let { slope, offset } = prior;
  for (let round = 0; round < 50; round++) {
    let ga = PULL * (slope - prior.slope);
    let gb = PULL * (offset - prior.offset);
    let haa = PULL;
    let hab = 0;
    let hbb = PULL;
    for (let i = 0; i < n; i++) {
      const x = logit(probabilities[i]!);
      const p = sigmoid(slope * x + offset);
      const d = p - right[i]!;
      const w = Math.max(1e-6, p * (1 - p));
      ga += d * x;
      gb += d;
      haa += w * x * x;
      hab += w * x;
      hbb += w;
    }
    const det = haa * hbb - hab * hab;
    const da = (hbb * ga - hab * gb) / det;
    const db = (haa * gb - hab * ga) / det;
    // Half steps near the start keep Newton from jumping over the minimum.
    const step = round < 3 ? 0.7 : 1;
    slope = Math.max(0.05, slope - step * da);
    offset -= step * db;
    if (Math.abs(da) + Math.abs(db) < 1e-9) break;
  }
  return { slope, offset, rows: n };
}

/** The calibrated confidence of a top probability, 0 to 1; grows with it. */
export function calibrate(calibration: Calibration, probability: number): number {
  return sigmoid(calibration.slope * logit(probability) + calibration.offset);
}

function logit(p: number): number {
  const q = Math.min(1 - EDGE, Math.max(EDGE, p));
  return Math.log(q / (1 - q));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
