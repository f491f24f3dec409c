import type { Id, Instant } from "../values";
import type { Doc } from "./port";

/** What is watched of a model that is in production, and what came of it. Rates and means are 0 to 1. */

export type DriftSignal = "override" | "abstention" | "confidence" | "calibration" | "counterparties" | "mix";

/** One signal as it stood at a look. */
export interface DriftReading {
  signal: DriftSignal;
  state: "expected" | "alert" | "too-few";
  /** Of the recent payments, and of those that they are compared with; null where there are none. */
  value: number | null;
  reference: number | null;
  /** Between these it is expected to be when nothing has changed, at the sizes of both windows; null when too few. */
  low: number | null;
  high: number | null;
  /** How likely a value as far off or further is when nothing has changed; null when too few. */
  p: number | null;
  /** The bound on `p` under which it is an alert; null when too few. */
  level: number | null;
  /** What it was computed from: recent payments, those that they are compared with, and how many each must be. */
  recent: number;
  compared: number;
  needed: number;
  /** Of the category mix: which shares moved most. */
  shifts?: { categoryId: Id; from: number; to: number }[];
}

/** One look at all signals. Looks at the same payments have the same id. */
export interface DriftLook extends Doc {
  budgetId: Id;
  at: Instant;
  /** The version in production then. */
  version: string;
  /** When the oldest and the newest payment of each window were classified. */
  recent: { from: Instant; to: Instant; payments: number };
  reference: { from: Instant; to: Instant; payments: number };
  readings: DriftReading[];
  alerts: number;
}

/** Where the watch over a budget's model stands. */
export interface DriftState extends Doc {
  /** The id is the budget's. */
  at: Instant;
  /** The look that was acted upon last. */
  lookId?: Id;
  /** An episode of drift began, and no look since was without an alert. */
  drifting: boolean;
  /** When a retraining was asked for last; what was classified before its promotion is not compared with any more. */
  askedAt?: Instant;
  /** How often it was asked for in this episode, and when last. */
  tries?: number;
  triedAt?: Instant;
  /** What came of the last time somebody wanted to look, in words. */
  text?: string;
  /** How many payments there were at the last look, recent and to compare with, and how many each must be. */
  recent: number;
  compared: number;
  needed: number;
}
