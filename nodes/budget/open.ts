import { homedir } from "node:os";
import path from "node:path";
import { listYnabPlans, openYnab, type BudgetProvider, type YnabConnection } from "../../lib/budget";
import { openActual, type ActualOptions } from "../../lib/budget/actual";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import type { ListItem, OptionsOf, Place } from "../runtime";
import type { schema } from "./schema";

type Options = OptionsOf<typeof schema>;

/** Where the local copies of Actual budgets are when nothing is said, below Node-RED's user directory. */
const ACTUAL_FOLDER = path.join("tallyflow", "actual");

/**
 * Open the budget that a tally-budget node describes.
 * @throws TallyError CONFIG_INVALID when a field that the provider needs is empty
 */
export async function openBudget(options: Options, store: Store, place: Place): Promise<BudgetProvider> {
  const { provider, currency } = options;
  if (provider === "ynab") {
    const connection = {
      token: needed(options, "token"),
      store,
      ...(options.url ? { url: options.url } : {}),
    };
    return openYnab({ ...connection, plan: await planId(connection, options.plan), currency });
  }
  return openActual(actualOptions(options, place));
}

/**
 * Where an Actual budget is and how it is opened.
 * @throws TallyError CONFIG_INVALID when neither or both of a server and a local budget are named
 */
export function actualOptions(options: Options, place: Place): ActualOptions {
  const { currency, rules, budgetFile, serverUrl } = options;
  const shared = {
    dataDir: place.path(options.dataDir ?? ACTUAL_FOLDER),
    userDir: place.path("."),
    ...(options.modulePath ? { modulePath: place.path(options.modulePath) } : {}),
    currency,
    rules,
  };
  if (budgetFile) {
    if (!serverUrl)
      return { ...shared, budgetFile: place.path(budgetFile.replace(/^~(?=[/\\])/, homedir())) };
    const message = "tally-budget: serverUrl and budgetFile are both set. Leave one of them empty.";
    throw new TallyError("CONFIG_INVALID", message, { details: { fields: ["serverUrl", "budgetFile"] } });
  }
  return {
    ...shared,
    serverUrl: needed(options, "serverUrl"),
    password: needed(options, "password"),
    syncId: needed(options, "syncId"),
    ...(options.encryptionPassword ? { encryptionPassword: options.encryptionPassword } : {}),
  };
}

/** A plan's id as YNAB knows it, from its id, its name, or nothing where there is only one. */
async function planId(connection: YnabConnection, wanted: string | undefined): Promise<string> {
  if (wanted && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(wanted)) return wanted.toLowerCase();
  const plans = await listYnabPlans(connection);
  const any = !wanted || wanted === "last-used" || wanted === "default";
  const found = any ? plans : plans.filter((plan) => plan.id === wanted || plan.name === wanted);
  if (found.length === 1) return found[0]!.id;
  const names = plans.map((plan) => `"${plan.name}" (${plan.id})`).join(", ");
  const problem = any
    ? "No plan is chosen, and the token sees several"
    : `There is no single plan "${wanted}"`;
  throw new TallyError(
    found.length === 0 ? "NOT_FOUND" : "CONFIG_INVALID",
    `${problem}. Choose one of: ${names || "none"}.`,
  );
}

/** Ask the budget something small, and say in a few words what it is. */
export async function testBudget(options: Options, store: Store, place: Place): Promise<string> {
  if (options.provider === "ynab" && !options.plan) {
    const token = needed(options, "token");
    const plans = await listYnabPlans({ token, store, ...(options.url ? { url: options.url } : {}) });
    return plans.map(({ name, id }) => `${name}: ${id}`).join("\n");
  }
  const provider = await openBudget(options, store, place);
  try {
    const { budget, accounts } = await provider.extract({
      cursor: null,
      since: new Date().toISOString().slice(0, 10),
    });
    return `${budget.name}: ${accounts.filter((account) => !account.deleted).length} accounts, ${budget.currency}`;
  } finally {
    await provider.close();
  }
}

/** The accounts of a budget that can be chosen for a bank account. */
export async function listAccounts(provider: BudgetProvider): Promise<ListItem[]> {
  const { accounts } = await provider.extract({ cursor: null, since: new Date().toISOString().slice(0, 10) });
  return accounts
    .filter((account) => !account.deleted && !account.closed)
    .map(({ id, name }) => ({ value: id, label: name, also: [id, id.slice(id.lastIndexOf(":") + 1), name] }));
}

/** The plans that a YNAB token sees; none for an Actual budget, which is named by its sync id. */
export async function listPlans(options: Options, store: Store): Promise<ListItem[]> {
  if (options.provider !== "ynab") return [];
  const token = needed(options, "token");
  const plans = await listYnabPlans({ token, store, ...(options.url ? { url: options.url } : {}) });
  return plans.map(({ id, name, currency }) => ({
    value: id,
    label: currency ? `${name} · ${currency}` : name,
    also: [name],
  }));
}

function needed(options: Options, name: "token" | "serverUrl" | "password" | "syncId"): string {
  const value = options[name];
  if (value) return value;
  const constant = name.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
  const message = `tally-budget: ${name} is empty: set it in the editor, or set TALLYFLOW_BUDGET_${constant}.`;
  throw new TallyError("CONFIG_INVALID", message, { details: { fields: [name] } });
}
