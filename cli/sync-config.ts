import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { withRules } from "../lib/queue";
import { isCalendarDate, TallyError, toTallyError } from "../lib/values";
import { storeEnv } from "./store-env";

const text = z.string().min(1);

/** The file that `tallyflow sync --config` reads; docs/sync.md describes it. Secrets may come from the environment. */
export const SYNC_CONFIG = z.strictObject({
  store: text.optional(),
  bank: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("bunq"),
      url: z.url().optional(),
      apiKey: text.optional(),
      timeZone: text.optional(),
    }),
    z.strictObject({
      kind: z.literal("files"),
      folder: text,
      account: text.optional(),
      currency: text.optional(),
      timeZone: text.optional(),
      mapping: z.record(z.string(), z.unknown()).optional(),
    }),
  ]),
  budget: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("ynab"),
      url: z.url().optional(),
      token: text.optional(),
      plan: text.optional(),
    }),
    z.strictObject({
      kind: z.literal("actual"),
      url: z.url().optional(),
      password: text.optional(),
      syncId: text.optional(),
      encryptionPassword: text.optional(),
      budgetFile: text.optional(),
      rules: z.enum(["fill", "all", "none"]).optional(),
      currency: text.optional(),
      dataDir: text.optional(),
      modulePath: text.optional(),
    }),
  ]),
  accounts: z
    .array(
      z.strictObject({
        bank: text,
        budget: text,
        pending: text.optional(),
        vanished: text.optional(),
        startDate: text.optional(),
        sign: text.optional(),
        timeZone: text.optional(),
      }),
    )
    .min(1),
  payees: z.array(z.strictObject({ match: text, name: text })).optional(),
  startDate: z.string().refine(isCalendarDate, "must be a date that exists, as YYYY-MM-DD").optional(),
  policy: z.enum(["review", "suggest", "uncategorised"]).optional(),
  targetPrecision: z.number().gt(0).max(1).optional(),
});

export interface SyncConfig {
  /** Where Node-RED's user directory, and the embedded store when none is named, are kept: beside the file. */
  stateDir: string;
  storeUrl: string;
  /** What the shipped flows take from the environment. */
  env: Record<string, string>;
}

/**
 * Read and check a configuration file.
 * @throws TallyError CONFIG_INVALID naming the file and each wrong setting
 */
export function readSyncConfig(file: string, environment: NodeJS.ProcessEnv = process.env): SyncConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new TallyError(
      "CONFIG_INVALID",
      `${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
  const parsed = SYNC_CONFIG.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`,
    );
    throw new TallyError("CONFIG_INVALID", `${file}: ${problems.join("; ")}.`, { details: { problems } });
  }
  const config = parsed.data;
  const stateDir = path.join(path.dirname(path.resolve(file)), ".tallyflow");
  const storeUrl = config.store
    ? /^(sqlite:|mongodb(\+srv)?:)/.test(config.store)
      ? config.store
      : `sqlite:${path.resolve(path.dirname(file), config.store)}`
    : `sqlite:${path.join(stateDir, "tallyflow.db")}`;
  const env: Record<string, string> = {
    ...storeEnv(storeUrl),
    TALLYFLOW_BANK_PROVIDER: config.bank.kind,
    TALLYFLOW_BUDGET_PROVIDER: config.budget.kind,
    ...accountsEnv(config.accounts, file),
    TALLYFLOW_BUDGET_POLICY: config.policy ?? "suggest",
  };
  const set = (name: string, value: unknown) => {
    if (value !== undefined) env[name] = typeof value === "string" ? value : JSON.stringify(value);
  };
  set("TALLYFLOW_QUEUE_SYNC_PAYEES", config.payees);
  set("TALLYFLOW_BUDGET_START_DATE", config.startDate);
  set("TALLYFLOW_BUDGET_TARGET_PRECISION", config.targetPrecision);
  set("TALLYFLOW_BANK_TIME_ZONE", config.bank.timeZone);
  if (config.bank.kind === "bunq") {
    set("TALLYFLOW_BANK_URL", config.bank.url);
    set(
      "TALLYFLOW_BANK_API_KEY",
      config.bank.apiKey ?? required(environment, "TALLYFLOW_BANK_API_KEY", "bank.apiKey", file),
    );
  } else {
    set("TALLYFLOW_BANK_FOLDER", path.resolve(path.dirname(file), config.bank.folder));
    set("TALLYFLOW_BANK_ACCOUNT", config.bank.account);
    set("TALLYFLOW_BANK_CURRENCY", config.bank.currency);
    set("TALLYFLOW_BANK_MAPPING", config.bank.mapping);
  }
  if (config.budget.kind === "ynab") {
    set("TALLYFLOW_BUDGET_URL", config.budget.url);
    set(
      "TALLYFLOW_BUDGET_TOKEN",
      config.budget.token ?? required(environment, "TALLYFLOW_BUDGET_TOKEN", "budget.token", file),
    );
    set("TALLYFLOW_BUDGET_PLAN", config.budget.plan);
  } else {
    set("TALLYFLOW_BUDGET_SERVER_URL", config.budget.url);
    set("TALLYFLOW_BUDGET_PASSWORD", config.budget.password ?? environment["TALLYFLOW_BUDGET_PASSWORD"]);
    set("TALLYFLOW_BUDGET_SYNC_ID", config.budget.syncId);
    set(
      "TALLYFLOW_BUDGET_ENCRYPTION_PASSWORD",
      config.budget.encryptionPassword ?? environment["TALLYFLOW_BUDGET_ENCRYPTION_PASSWORD"],
    );
    set(
      "TALLYFLOW_BUDGET_BUDGET_FILE",
      config.budget.budgetFile && path.resolve(path.dirname(file), config.budget.budgetFile),
    );
    set("TALLYFLOW_BUDGET_RULES", config.budget.rules);
    set("TALLYFLOW_BUDGET_CURRENCY", config.budget.currency);
    set(
      "TALLYFLOW_BUDGET_DATA_DIR",
      path.resolve(path.dirname(file), config.budget.dataDir ?? path.join(".tallyflow", "actual")),
    );
    // Beside the file is where a person installs it; Node-RED's user directory is ours here.
    set("TALLYFLOW_BUDGET_MODULE_PATH", path.resolve(path.dirname(file), config.budget.modulePath ?? "."));
  }
  return { stateDir, storeUrl, env };
}

/** @throws TallyError CONFIG_INVALID for a rule of an account that there is not */
function accountsEnv(
  accounts: z.infer<typeof SYNC_CONFIG>["accounts"],
  file: string,
): Record<string, string> {
  const mapping = accounts.map(({ bank, budget }) => ({ bank, budget }));
  const rules = accounts.flatMap(({ bank, budget: _budget, ...own }) =>
    Object.entries(own).map(([setting, value]) => ({ bank, setting, value })),
  );
  try {
    withRules(mapping, rules);
  } catch (thrown) {
    const { code, message } = toTallyError(thrown);
    throw new TallyError(code, `${file}: accounts: ${message}`);
  }
  return {
    TALLYFLOW_BUDGET_ACCOUNTS: JSON.stringify(mapping),
    ...(rules.length > 0 ? { TALLYFLOW_BUDGET_ACCOUNT_RULES: JSON.stringify(rules) } : {}),
  };
}

function required(environment: NodeJS.ProcessEnv, name: string, setting: string, file: string): string {
  const value = environment[name];
  if (value) return value;
  throw new TallyError(
    "CONFIG_INVALID",
    `${file}: ${setting} is missing. Set it there, or set the environment variable ${name}.`,
  );
}
