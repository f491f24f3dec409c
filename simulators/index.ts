import { mkdirSync } from "node:fs";
import path from "node:path";
import { addDays } from "../lib/values";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "./bunq";
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
  ynab?: Pick<YnabTwinOptions, "latencyMs" | "onExchange">;
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
  /** Which bank account is which budget account. */
  accounts: { bank: string; budget: string }[];
  stop(): Promise<void>;
}

/** Start the twins of bunq and YNAB for one household. */
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
    ...options.ynab,
    ...control,
    ...file("ynab.jsonl"),
    ...(options.limits === false ? { rateLimit: 1_000_000 } : {}),
  });
  return {
    household,
    bunq,
    ynab,
    accounts: household.accounts.map(({ key, iban }) => ({ bank: iban, budget: ynab.accountIds[key]! })),
    stop: async () => {
      await bunq.stop();
      await ynab.stop();
    },
  };
}

/** The environment that connects Tallyflow's nodes to the simulated household. */
export function simulatorEnv(simulators: Simulators): Record<string, string> {
  return {
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

/** Three years that end yesterday, of which the last quarter is not in the budget yet. */
export function recentHousehold(
  today: string,
  more: Partial<HouseholdOptions> = {},
): Partial<HouseholdOptions> {
  return { until: addDays(today, -1), ...more };
}
