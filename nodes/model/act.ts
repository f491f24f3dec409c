import {
  budgetsWithModels,
  compareVersions,
  modelName,
  promoteByHand,
  retain,
  retainShadows,
  rollBackByHand,
  versionRows,
  type Comparison,
  type VersionRow,
} from "../../lib/learning";
import type { StepContext, StepResult } from "../../lib/runs";
import { TallyError, type Id } from "../../lib/values";
import type { OptionsOf } from "../runtime";
import type { schema } from "./schema";

export type ModelOptions = OptionsOf<typeof schema>;

/** What the node answers; which of the optional parts are there follows from the action. */
export interface ModelResult extends StepResult {
  action: ModelOptions["action"];
  rows?: VersionRow[];
  comparison?: Comparison;
  /** In production now, and before. */
  version?: string;
  from?: string | null;
  changed?: boolean;
  removed?: string[];
  /** For people: what was done. */
  text: string;
}

/**
 * Do what is asked with the versions of a model.
 * @throws TallyError CONFIG_INVALID when something is not said; MODEL_MISSING; STORE_*
 */
export async function act(context: StepContext, options: ModelOptions): Promise<ModelResult> {
  const { store } = context;
  const { action } = options;
  const budgets = options.budgetId ? [options.budgetId] : await budgetsWithModels(store);
  switch (action) {
    case "list": {
      const rows: VersionRow[] = [];
      for (const budgetId of budgets) rows.push(...(await versionRows(store, budgetId, options.limit)));
      return { action, rows, counts: { versions: rows.length }, text: `${rows.length} versions are stored.` };
    }
    case "compare": {
      const comparison = await compareVersions(store, one(budgets), options.version, options.beside);
      const { payments = 0, labelled } = comparison.shadow ?? {};
      return {
        action,
        comparison,
        counts: { shadowed: payments, labelled: labelled?.payments ?? 0 },
        text: comparison.text,
      };
    }
    case "promote": {
      const reason = said(options.reason);
      const { version, changed } = await promoteByHand(context, one(budgets), options.version, reason);
      const text = changed
        ? `Version ${version} is in production. The next classification uses it.`
        : `Version ${version} was in production already.`;
      return { action, version, changed, counts: { promoted: changed ? 1 : 0 }, text };
    }
    case "rollback": {
      const { version, from } = await rollBackByHand(context, one(budgets), said(options.reason));
      const text = `Version ${version} is in production again. The next classification uses it.`;
      return { action, version, from: from ?? null, counts: { rolledBack: 1 }, text };
    }
    case "retain": {
      const removed: string[] = [];
      let shadows = 0;
      for (const budgetId of budgets) {
        shadows += await retainShadows(store, budgetId, context.now());
        removed.push(...(await retain(store, modelName(budgetId), options.keep, context.now())));
      }
      const counts = { removed: removed.length, shadows };
      return { action, removed, counts, text: `${removed.length} old versions are removed.` };
    }
  }
}

function one(budgets: readonly Id[]): Id {
  const [first, ...others] = budgets;
  if (first === undefined)
    throw new TallyError("MODEL_MISSING", "No model is stored yet. Train one first, with a train node.");
  if (others.length === 0) return first;
  throw new TallyError(
    "CONFIG_INVALID",
    `Several budgets have a model. Say which is meant, in the option budgetId: ${budgets.slice(0, 5).join(", ")}.`,
  );
}

function said(reason: string | undefined): string {
  if (reason !== undefined) return reason;
  throw new TallyError(
    "CONFIG_INVALID",
    "Say why, in a sentence in the option reason. It is kept with the move, for whoever looks at it later.",
  );
}
