import type { Counts, StepContext } from "../../runs";
import { TallyError } from "../../values";
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
 * The train step as a flow wants it: too few labels are no failure, since a new budget has none and its payments are
 * to go on all the same. Before anything is trained, a candidate that was refused for want of payments to compare on is
 * promoted when its shadow has earned it since.
 * @param when `missing` trains only while the budget has no model in production
 * @throws TallyError CANCELLED, STORE_*
 */
export async function trainWhen(
  context: StepContext,
  when: "always" | "missing",
  options: TrainStepOptions,
): Promise<(TrainSummary & { trained: true }) | NotTrained> {
  const { store } = context;
  const earned =
    options.promote !== false && options.asOf === undefined
      ? await promoteByShadow(context, options.budgetId)
      : undefined;
  if (when === "missing" && (await resolveAlias(store, modelName(options.budgetId), "production"))) {
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
