import type { DriftLook, DriftReading, DriftSignal } from "../store";
import type { Sizes } from "./episode";

/** Signals in words for people. */

export const SIGNAL_NAMES: Readonly<Record<DriftSignal, string>> = {
  override: "Changed by you",
  abstention: "Left to you",
  confidence: "How sure it is",
  calibration: "More sure than right",
  counterparties: "New counterparties",
  mix: "Shift between categories",
};

const MEANINGS: Readonly<Record<DriftSignal, string>> = {
  override: "Of what you looked at, the share to which you gave another category.",
  abstention: "The share of payments whose category was not sure enough.",
  confidence: "How sure the most likely category is, on average.",
  calibration: "How much surer it said it was than it turned out to be right.",
  counterparties: "The share of payments from or to a counterparty that it had not met.",
  mix: "How far the categories are from those of before: 0 is the same, 100 nothing in common.",
};

/** What a signal is, in a sentence. */
export function meaningOf(signal: DriftSignal): string {
  return MEANINGS[signal];
}

/** A value as people read it: percent, and for the gap between two of them points. */
export function valueText(value: number | null, signal?: DriftSignal): string | null {
  return value === null ? null : `${Math.round(value * 100)} ${signal === "calibration" ? "points" : "%"}`;
}

/** What came of one signal, in a sentence. */
export function readingText(reading: DriftReading): string {
  const { signal, state, value, reference, low, high, recent, compared, needed } = reading;
  if (state === "too-few") {
    const heard = signal === "override" || signal === "calibration";
    const what = heard ? " that you looked at" : "";
    return `Not enough yet: ${Math.min(recent, needed)} of ${needed} recent payments${what}, ${Math.min(compared, needed)} of ${needed} to compare with.`;
  }
  const text = (one: number | null) => valueText(one, signal);
  const range = signal === "confidence" ? `at least ${text(low)}` : `at most ${text(high)}`;
  const before = reference === null ? "" : `, ${text(reference)} before`;
  const verdict =
    state === "alert" ? `Without a change ${range} would be expected.` : `That is as expected: ${range}.`;
  const share = ["override", "abstention", "counterparties"].includes(signal);
  return `${text(value)} ${share ? "of" : "over"} ${recent} payments${before}. ${verdict}`;
}

/** What came of a look, in words. */
export function driftText(outcome: {
  model: boolean;
  sizes: Sizes;
  look: DriftLook | undefined;
  ask: boolean;
  alertsNeeded: number;
}): string {
  const { model, sizes, look, ask, alertsNeeded } = outcome;
  if (!model) return "There is no model in production yet, so there is nothing to watch.";
  const asks = ask ? " A retraining begins." : "";
  if (!look) {
    const { recent, compared, needed } = sizes;
    return Math.min(recent, compared) < needed
      ? `Not enough yet: ${Math.min(recent, needed)} of ${needed} recent payments, ${Math.min(compared, needed)} of ${needed} to compare with.${asks}`
      : `Too little is new since the last look.${asks}`;
  }
  if (look.alerts === 0) return `Nothing has changed that chance would not explain.${asks}`;
  const alerts = look.readings
    .filter(({ state }) => state === "alert")
    .map((reading) => `${SIGNAL_NAMES[reading.signal]}: ${readingText(reading)}`);
  const verdict = ask
    ? " A retraining begins."
    : look.alerts < alertsNeeded
      ? ` A retraining begins at ${alertsNeeded} alerts.`
      : " A retraining was asked for already.";
  return `${alerts.join(" ")}${verdict}`;
}
