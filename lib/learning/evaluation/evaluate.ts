import {
  accuracy,
  coverageAtPrecision,
  expectedCalibrationError,
  macroF1,
  type Outcome,
} from "../calibration";
import { decide } from "../cascade";
import type { TrainedModel } from "../model";
import { trainModel, type Trained, type TrainOptions } from "../training";
import type { LabelledExample } from "../types";

export interface Evaluation {
  /** Share of rows whose best guess is right. */
  accuracy: number;
  macroF1: number;
  /** Share answered at the model's threshold, and the share of those that is right. */
  coverage: number;
  precisionAtThreshold: number;
  /** The share that could be answered at the target precision with hindsight. */
  coverageAtTarget: number;
  ece: number;
  trainSeconds: number;
  predictionsPerSecond: number;
}

/** Train on some rows and score on later ones; online, each label is revealed after its prediction. */
export function evaluate(
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
  options: TrainOptions & { online?: boolean } = {},
): Evaluation & Pick<Trained, "notes"> {
  const began = performance.now();
  const { model, notes } = trainModel(train, options);
  const trainSeconds = (performance.now() - began) / 1000;
  return { ...evaluateModel(model, test, options.online ?? false), trainSeconds, notes };
}

/** Score a model on rows in the order of time. Online, the model learns them. */
export function evaluateModel(
  model: TrainedModel,
  test: readonly LabelledExample[],
  online: boolean,
): Omit<Evaluation, "trainSeconds"> {
  const outcomes: Outcome[] = [];
  let answered = 0;
  let right = 0;
  let spent = 0;
  const timed = <T>(work: () => T): T => {
    const began = performance.now();
    const result = work();
    spent += performance.now() - began;
    return result;
  };
  // Left alone, it is asked about all of them at once.
  const decisions = online ? undefined : timed(() => test.map((row) => decide(model, row)));
  for (const [i, row] of test.entries()) {
    const decision = decisions?.[i] ?? timed(() => decide(model, row));
    const first = decision.top[0];
    outcomes.push({
      predicted: first?.categoryId ?? "",
      confidence: first?.confidence ?? 0,
      label: row.label,
    });
    if (decision.categoryId !== undefined) {
      answered++;
      if (decision.categoryId === row.label) right++;
    }
    if (online) model.learn(row, row.label);
  }
  // All figures first, then the object. V8 13.6 to 14.6 (Node 24 to 26) can leave optimised code after a hot loop between
  // making an object and computing its first number, and then two results share the place of a number: the earlier
  // one changes to the figures of the later one.
  const share = accuracy(outcomes);
  const f1 = macroF1(outcomes);
  const coverage = test.length === 0 ? 0 : answered / test.length;
  const precisionAtThreshold = answered === 0 ? 0 : right / answered;
  const coverageAtTarget = coverageAtPrecision(outcomes, model.info.targetPrecision);
  const ece = expectedCalibrationError(outcomes);
  const predictionsPerSecond = Math.round(test.length / (spent / 1000));
  return {
    accuracy: share,
    macroF1: f1,
    coverage,
    precisionAtThreshold,
    coverageAtTarget,
    ece,
    predictionsPerSecond,
  };
}
