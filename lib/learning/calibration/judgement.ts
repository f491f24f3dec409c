import { calibrate, fitCalibration, UNCALIBRATED, type Calibration } from "./calibrator";
import { chooseThreshold, NEVER } from "./threshold";

/** What makes a confidence of a top probability, and the confidence from which on a category is given. */
export interface Judgement {
  calibration: Calibration;
  threshold: number;
}

/** Of what nothing is known yet: probabilities as they are, and no answers. */
export const NO_JUDGEMENT: Judgement = { calibration: UNCALIBRATED, threshold: NEVER };

/**
 * Judge by what was predicted before its label was known.
 * @param target the share of what is answered that is to be right
 * @param prior the calibration that holds until rows say otherwise
 */
export function judge(
  trials: readonly { probability: number; right: boolean }[],
  target: number,
  prior?: Calibration,
): Judgement {
  const right = trials.map((trial) => (trial.right ? 1 : 0));
  const calibration = fitCalibration(
    trials.map(({ probability }) => probability),
    right,
    prior,
  );
  const confidences = trials.map(({ probability }) => calibrate(calibration, probability));
  return { calibration, threshold: chooseThreshold(confidences, right, target) };
}
