import type { StoredError } from "../../values";
import type { GateResult } from "../gate";
import type { ModelInfo } from "../model";
import type { LabelledExample } from "../types";
import type { TrainOptions } from "./options";

/** Options that can cross to a worker. */
export type PlainTrainOptions = Omit<TrainOptions, "production" | "signal" | "progress">;

export type ToWorker =
  | { kind: "examples"; examples: LabelledExample[] }
  | { kind: "train"; options: PlainTrainOptions; production?: Uint8Array };

export type FromWorker =
  | { kind: "progress"; done: number; total: number; what: string }
  | {
      kind: "trained";
      artifact: Uint8Array<ArrayBuffer>;
      sha256: string;
      info: ModelInfo;
      threshold: number;
      gate: GateResult;
      notes: string[];
      seconds: number;
    }
  | { kind: "failed"; error: StoredError };
