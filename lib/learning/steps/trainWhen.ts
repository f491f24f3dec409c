import type { Counts, StepContext } from "../../runs";
import { modelVersions } from "../../store";
import { TallyError } from "../../values";
import { FIRST_LABELS } from "../estimators";
import { modelName, resolveAlias } from "../registry";
import { promoteByShadow } from "./shadowReport";
import { trainStep, type TrainStepOptions, type TrainSummary } from "./trainStep";

/** Why no training took place. */
export interface NotTrained {
  trained: false;
  reason: string;
  counts: Counts;
}

/**
 * The train step as a flow wants it: no labels are no failure, since a new budget has none and its payments are to go on
 * all the same. Before anything is trained, a candidate that was refused for want of payments to compare on is
 * promoted when its shadow has earned it since.
 * @param when `missing` trains only while the budget has no model in production, or one of first labels, which is to grow
 * @throws TallyError CANCELLED, STORE_*
 */
export async function trainWhen(
  context: StepContext,
  when: "always" | "missing",
  options: TrainStepOptions,
): Promise<(TrainSummary & { trained: true }) | NotTrained> {
  const earned =
    options.promote !== false && options.asOf === undefined
      ? await promoteByShadow(context, options.budgetId)
      : undefined;
  if (when === "missing" && (await isGrown(context, modelName(options.budgetId)))) {
    const reason = earned?.reason ?? "There is a model in production already.";
    return { trained: false, reason, counts: { trained: 0, promoted: earned ? 1 : 0 } };
  }
  try {
    const summary = await trainStep(context, options);
    return { ...summary, trained: true, counts: { ...summary.counts, trained: 1 } };
  } catch (thrown) {
    if (!(thrown instanceof TallyError) || thrown.code !== "TRAINING_DATA_TOO_SMALL") throw thrown;
    context.log("warn", thrown.message);
    return { trained: false, reason: thrown.message, counts: { trained: 0 } };
  }
}

/** Is there a model in production with weights of its own? */
async function isGrown({ store }: StepContext, model: string): Promise<boolean> {
  const version = await resolveAlias(store, model, "production");
  if (version === undefined) return false;
  return (await store.collection(modelVersions).get(`${model}@${version}`))?.estimator !== FIRST_LABELS;
}
