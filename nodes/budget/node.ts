import path from "node:path";
import type { NodeAPI, NodeDef } from "node-red";
import type { BudgetProvider } from "../../lib/budget";
import { openActual } from "../../lib/budget/actual";
import { listYnabPlans, openYnab, type YnabConnection } from "../../lib/budget/ynab";
import { openStore, type Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import {
  ownProvider,
  resolveOptions,
  userPath,
  type BudgetNode,
  type OptionsOf,
  type TestableNode,
} from "../runtime";
import { schema } from "./schema";

type Options = OptionsOf<typeof schema>;

/** The constructor of `tally-budget`: the connection to YNAB or Actual, and how the budget is to be kept. */
export function budgetNode(RED: NodeAPI) {
  return function (this: BudgetNode & TestableNode, config: NodeDef): void {
    const options = () =>
      resolveOptions(schema, {
        config: config as unknown as Record<string, unknown>,
        credentials: this.credentials as Record<string, unknown> | undefined,
      });
    ownProvider<BudgetProvider>(RED, this, config, (store) => openBudget(RED, options(), store));
    this.settings = () => {
      const { accounts, startDate, targetPrecision, policy } = options();
      return { accounts, startDate, targetPrecision, policy };
    };
    this.testConnection = async () => {
      const store = await openStore({ kind: "sqlite", path: ":memory:" });
      try {
        const provider = await openBudget(RED, options(), store);
        try {
          const { budget, accounts } = await provider.extract({ cursor: null });
          return `${budget.name}, ${budget.currency}: ${accounts
            .filter((account) => !account.deleted)
            .map((account) => account.name)
            .join(", ")}`;
        } finally {
          await provider.close();
        }
      } finally {
        await store.close();
      }
    };
  };
}

async function openBudget(RED: NodeAPI, options: Options, store: Store): Promise<BudgetProvider> {
  if (options.provider === "actual") {
    return openActual({
      currency: options.currency,
      dataDir: userPath(RED, options.dataDir ?? path.join("tallyflow", "actual")),
      ...(options.serverUrl ? { serverUrl: options.serverUrl } : {}),
      ...(options.password ? { password: options.password } : {}),
      ...(options.syncId ? { syncId: options.syncId } : {}),
      ...(options.encryptionPassword ? { encryptionPassword: options.encryptionPassword } : {}),
    });
  }
  if (!options.token) throw missing("Access token", "token", "TALLYFLOW_BUDGET_TOKEN");
  const connection: YnabConnection = {
    token: options.token,
    store,
    ...(options.url ? { url: options.url } : {}),
  };
  return openYnab({
    ...connection,
    plan: await planId(connection, options.plan),
    currency: options.currency,
  });
}

/** A plan's id as YNAB knows it, from its id, its name, or nothing where there is only one. */
async function planId(connection: YnabConnection, wanted: string | undefined): Promise<string> {
  if (wanted && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(wanted)) return wanted.toLowerCase();
  const plans = await listYnabPlans(connection);
  const any = !wanted || wanted === "last-used" || wanted === "default";
  const found = any ? plans : plans.filter((plan) => plan.id === wanted || plan.name === wanted);
  if (found.length === 1) return found[0]!.id;
  const names = plans.map((plan) => `"${plan.name}" (${plan.id})`).join(", ");
  throw new TallyError(
    found.length === 0 ? "NOT_FOUND" : "CONFIG_INVALID",
    `${any ? "No plan is chosen, and the token sees several" : `There is no single plan "${wanted}"`}. Choose one of: ${names || "none"}.`,
  );
}

function missing(label: string, name: string, env: string): TallyError {
  return new TallyError(
    "CONFIG_INVALID",
    `tally-budget: ${label} is empty: set it in the editor, or set ${env}.`,
    { details: { fields: [name] } },
  );
}
