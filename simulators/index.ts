import { mkdirSync } from "node:fs";
import path from "node:path";
import { addDays } from "../lib/values";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "./bunq";
import { startEnableBankingTwin, type EnableBankingTwin } from "./enable-banking";
import { startGoCardlessTwin, type GoCardlessTwin } from "./gocardless";
import { startSimpleFinTwin, type SimpleFinTwin } from "./simplefin";
import { makeHousehold, type Household, type HouseholdOptions } from "./household";
import { startYnabTwin, type YnabTwin, type YnabTwinOptions } from "./ynab";

export interface SimulatorOptions {
  household?: Partial<HouseholdOptions>;
  /** Keeps what was written to the twins over a restart. */
  stateDir?: string;
  bunqPort?: number;
  ynabPort?: number;
  /** Of the bank alone: its clock, how long its sessions last, who listens. */
  bunq?: Pick<BunqTwinOptions, "now" | "sessionSeconds" | "onExchange">;
  /** Of the budget alone. */
  ynab?: Pick<YnabTwinOptions, "latencyMs" | "matching" | "onExchange">;
  /** Start the twins of Enable Banking, GoCardless and SimpleFIN too, for the same household; off when absent. */
  aggregators?: boolean;
  /** Hold the providers' own rate limits; on when absent. */
  limits?: boolean;
  /** Serve `/__control` for tests in other processes. */
  controlRoute?: boolean;
}

/** A simulated household with its bank and its budget app, and all that is needed to connect to them. */
export interface Simulators {
  household: Household;
  bunq: BunqTwin;
  ynab: YnabTwin;
  /** The same accounts by other ways, where wanted. */
  aggregators?: { enableBanking: EnableBankingTwin; goCardless: GoCardlessTwin; simpleFin: SimpleFinTwin };
  /** Which bank account is which budget account. */
  accounts: { bank: string; budget: string }[];
  stop(): Promise<void>;
}

/** Start the twins of bunq and YNAB for one household, and of the aggregators where they are wanted. */
export async function startSimulators(options: SimulatorOptions = {}): Promise<Simulators> {
  const household = makeHousehold(options.household ?? {});
  const file = (name: string) => (options.stateDir ? { stateFile: path.join(options.stateDir, name) } : {});
  if (options.stateDir) mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const control = { controlRoute: options.controlRoute ?? false };
  const bunq = await startBunqTwin({
    household,
    port: options.bunqPort ?? 0,
    ...options.bunq,
    ...control,
    ...file("bunq.json"),
    ...(options.limits === false ? { limits: "off" as const } : {}),
  });
  const ynab = await startYnabTwin({
    household,
    port: options.ynabPort ?? 0,
    matching: "one",
    ...options.ynab,
    ...control,
    ...file("ynab.jsonl"),
    ...(options.limits === false ? { rateLimit: 1_000_000 } : {}),
  });
  const aggregators = options.aggregators
    ? await startAggregators(household, options.limits !== false)
    : undefined;
  return {
    household,
    bunq,
    ynab,
    ...(aggregators ? { aggregators } : {}),
    accounts: household.accounts.map(({ key, iban }) => ({ bank: iban, budget: ynab.accountIds[key]! })),
    stop: async () => {
      await bunq.stop();
      await ynab.stop();
      for (const twin of Object.values(aggregators ?? {})) await twin.stop();
    },
  };
}

/** They live in the present: consents that people give are counted from now. */
async function startAggregators(
  household: Household,
  limits: boolean,
): Promise<NonNullable<Simulators["aggregators"]>> {
  const common = { household, now: Date.now };
  const calls = limits ? {} : { callsPerDay: "off" as const };
  return {
    enableBanking: await startEnableBankingTwin({
      ...common,
      ...(limits ? {} : { accessesPerDay: "off" as const }),
    }),
    goCardless: await startGoCardlessTwin({ ...common, ...calls }),
    simpleFin: await startSimpleFinTwin({ ...common, ...calls }),
  };
}

/**
 * The environment that connects Tallyflow's nodes to the simulated household: to bunq, and with what a node for another
 * provider needs once its address is set to `${TALLYFLOW_DEMO_..._URL}`.
 */
export function simulatorEnv(simulators: Simulators): Record<string, string> {
  return {
    ...aggregatorEnv(simulators.aggregators),
    TALLYFLOW_BANK_PROVIDER: "bunq",
    TALLYFLOW_BANK_URL: simulators.bunq.url,
    TALLYFLOW_BANK_API_KEY: simulators.bunq.apiKey,
    TALLYFLOW_BUDGET_PROVIDER: "ynab",
    TALLYFLOW_BUDGET_URL: simulators.ynab.url,
    TALLYFLOW_BUDGET_TOKEN: simulators.ynab.token,
    TALLYFLOW_BUDGET_PLAN: simulators.ynab.planId,
    TALLYFLOW_BUDGET_ACCOUNTS: JSON.stringify(simulators.accounts),
    TALLYFLOW_BUDGET_POLICY: "suggest",
  };
}

function aggregatorEnv(aggregators: Simulators["aggregators"]): Record<string, string> {
  if (!aggregators) return {};
  const { enableBanking, goCardless, simpleFin } = aggregators;
  return {
    TALLYFLOW_DEMO_ENABLE_BANKING_URL: enableBanking.url,
    TALLYFLOW_BANK_APPLICATION_ID: enableBanking.applicationId,
    TALLYFLOW_BANK_PRIVATE_KEY: enableBanking.privateKey,
    TALLYFLOW_DEMO_GOCARDLESS_URL: goCardless.url,
    TALLYFLOW_BANK_SECRET_ID: goCardless.secretId,
    TALLYFLOW_BANK_SECRET_KEY: goCardless.secretKey,
    TALLYFLOW_BANK_SETUP_TOKEN: simpleFin.control.newToken(),
  };
}

/** Three years that end yesterday, of which the last quarter is not in the budget yet. */
export function recentHousehold(
  today: string,
  more: Partial<HouseholdOptions> = {},
): Partial<HouseholdOptions> {
  return { until: addDays(today, -1), ...more };
}
