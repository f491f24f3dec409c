import { DEPTH, LabelMemory, type FeatureExtractor } from "../features";
import type { Id } from "../../values";
import type { Example } from "../types";
import { wilsonLower } from "../calibration";

/** Positions of the extractor's memory keys that name one habit: the counterparty's account, and account and name. */
const KEYS = [6, 0] as const;

/** From how many equal labels in a row memory answers by itself, and how sure it is then. */
export interface SettledRule {
  minSeen: number;
  confidence: number;
}

/** Counterparties that always had the same category: answered from memory, without the model. */
export class SettledMemory {
  constructor(
    private readonly extractor: FeatureExtractor,
    readonly memory = new LabelMemory(),
  ) {}

  learn(example: Example, category: number): void {
    const keys = this.extractor.memoryKeys(example);
    for (const key of KEYS) if (keys[key] !== 0) this.memory.push(keys[key]!, category);
  }

  /** The number of the category that the last labels all had, and how many of them were seen (at most five). */
  look(example: Example): { category: number; seen: number } | undefined {
    const keys = this.extractor.memoryKeys(example);
    for (const key of KEYS) {
      const at = keys[key] === 0 ? -1 : this.memory.find(keys[key]!);
      if (at < 0) continue;
      const slots = this.memory.slots;
      const seen = Math.min(DEPTH, slots[at]!);
      for (let i = 2; i <= seen; i++) if (slots[at + i] !== slots[at + 1]) return undefined;
      return { category: slots[at + 1]!, seen };
    }
    return undefined;
  }
}

/** What memory and model said of one row of the calibration slice. */
export interface SettledTrial {
  seen: number;
  memory: Id;
  model: Id;
  label: Id;
}

/**
 * Let memory answer where it has earned it: as precise as wanted by a bound that knows the sample size, and not
 * worse than the model on the same rows. Undefined when it never is.
 */
export function chooseSettledRule(trials: readonly SettledTrial[], target: number): SettledRule | undefined {
  for (let minSeen = 2; minSeen <= DEPTH; minSeen++) {
    const rows = trials.filter((trial) => trial.seen >= minSeen);
    const right = rows.filter((trial) => trial.memory === trial.label).length;
    const modelRight = rows.filter((trial) => trial.model === trial.label).length;
    if (wilsonLower(right, rows.length) >= target && right >= modelRight) {
      return { minSeen, confidence: (right + 1) / (rows.length + 2) };
    }
  }
  return undefined;
}
