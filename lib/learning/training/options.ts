import type { Parameters } from "../estimators";
import type { GateResult } from "../gate";
import type { TrainedModel } from "../model";

/** Raised when training gives other models for the same data. */
export const CODE_VERSION = "learning-4";

export interface TrainOptions {
  /** Estimators that compete; when absent all but those that have to be asked for. */
  estimators?: readonly string[];
  /** Estimators that compete beside these. */
  also?: readonly string[];
  parameters?: Readonly<Record<string, Parameters>>;
  /** Of what is answered, this share is to be right; .95 when absent. */
  targetPrecision?: number;
  seed?: number;
  /** Share of the newest rows that is held out for calibration, threshold and metrics; .2 when absent. */
  heldOut?: number;
  /** The model in production, to compare with. */
  production?: TrainedModel;
  signal?: AbortSignal;
  /** Rows gone through so far, of all that will be, those of the competition too. */
  progress?(done: number, total: number, what: string): void;
}

export interface Trained {
  model: TrainedModel;
  gate: GateResult;
  /** For people: who could not take part and what to do about it. */
  notes: string[];
}
