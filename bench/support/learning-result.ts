import type { LearningRow } from "../learning";
import { rounded, type BenchResult } from "../result";

/** The comparison of learners in the runner's shape: figures of the online model against each peer's. */
export function learningResult(given: {
  data: string;
  train: number;
  test: number;
  rows: readonly LearningRow[];
}): BenchResult {
  const ours: Record<string, unknown> = { train: given.train, test: given.test };
  const peers: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  const best = given.rows.findLast(({ name }) => name.startsWith("tallyflow"));
  for (const { name, ...figures } of given.rows) {
    if (name.startsWith("tallyflow")) {
      ours[name] = figures;
      continue;
    }
    peers[name] = figures;
    for (const field of ["accuracy", "macroF1"] as const) {
      const [own, other] = [best?.[field], figures[field]];
      if (own !== undefined && other) ratios[`our ${field} / ${name}`] = rounded(own / other);
    }
    if (best?.trainSeconds && figures.trainSeconds !== undefined)
      ratios[`training time of ${name} / ours`] = rounded(figures.trainSeconds / best.trainSeconds);
  }
  return { name: "learning", ours, peers, ratios, notes: [`data: ${given.data}`] };
}
