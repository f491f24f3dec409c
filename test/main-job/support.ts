import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { judge, type Judgement } from "../../cli/demo-judge";
import { queue, type QueueState, type Store } from "../../lib/store";
import { formatAmount } from "../../lib/values";
import type { HouseholdOptions } from "../../simulators/household";
import { simulatorEnv, startSimulators, type Simulators } from "../../simulators";

/** What the specs of the main job share: a small household with its twins, and a scratch folder. */

/** Half a year, of which the last quarter is not in the budget: some 250 payments. */
export const SMALL: Partial<HouseholdOptions> = { from: "2025-01-01", until: "2025-06-30", scale: 0.2 };

export interface Household extends Simulators {
  env: Record<string, string>;
  folder: string;
  /** Requests that created transactions, refused ones included. */
  writes(): number;
}

/** The twins of a household without rate limits, and a folder; both gone with `end`. */
export async function startHousehold(
  household: Partial<HouseholdOptions> = SMALL,
): Promise<Household & { end(): Promise<void> }> {
  const simulators = await startSimulators({ household, limits: false });
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-main-job-"));
  return {
    ...simulators,
    env: simulatorEnv(simulators),
    folder,
    writes: () =>
      simulators.ynab.control.log.filter(
        ({ method, path: where }) => method === "POST" && /\/transactions$/.test(where),
      ).length,
    end: async () => {
      await simulators.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What became of the household's payments in its budget. */
export function judged({ household, ynab }: Simulators): Judgement {
  const rows = ynab.control.all().map(({ accountId, amount, categoryId, importId }) => ({
    accountId,
    amount,
    categoryId: categoryId ?? null,
    importId: importId ?? null,
  }));
  return judge(household.options, rows, `ynab:${ynab.planId}`);
}

/** How many queue items there are in each state. */
export async function queueStates(store: Store): Promise<Partial<Record<QueueState, number>>> {
  const found: Partial<Record<QueueState, number>> = {};
  for await (const { state } of store.collection(queue).scan({ index: "id" }))
    found[state] = (found[state] ?? 0) + 1;
  return found;
}

/** Every booked payment stands in the budget once, and there is nothing else. */
export function assertExactlyOnce(simulators: Simulators, what: string): void {
  const { payments, lost, doubled } = judged(simulators);
  assert.ok(payments > 100, "the household has payments");
  assert.deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, what);
}

/**
 * The household's booked payments as CSV statements in bunq's form, one file for each account, in a folder: a bank
 * without requests and so without limits.
 */
export function writeStatements({ household }: Simulators, folder: string): Record<string, string> {
  mkdirSync(folder, { recursive: true });
  const quoted = (text: string) => `"${text.replace(/[\r\n]+/g, " ").replace(/"/g, '""')}"`;
  const files: Record<string, string> = {};
  for (const { key, iban, currency } of household.accounts) {
    const rows = household.payments
      .filter((payment) => payment.account === key && payment.status === "booked")
      .map(({ date, amount, counterparty, description }) =>
        [
          date,
          date,
          formatAmount(amount, currency),
          iban,
          counterparty.iban ?? "",
          counterparty.name,
          description,
        ]
          .map(quoted)
          .join(","),
      );
    const head = ["Date", "Interest Date", "Amount", "Account", "Counterparty", "Name", "Description"];
    files[key] = path.join(folder, `${key}.csv`);
    writeFileSync(files[key], [head.map(quoted).join(","), ...rows].join("\n") + "\n");
    // A file that changed just now may still be in the making, and is left for later.
    utimesSync(files[key], new Date(0), new Date(0));
  }
  return files;
}

/** The environment of a household whose bank is a folder of statements. */
export function statementsEnv(env: Record<string, string>, folder: string): Record<string, string> {
  const { TALLYFLOW_BANK_URL: _url, TALLYFLOW_BANK_API_KEY: _key, ...rest } = env;
  return { ...rest, TALLYFLOW_BANK_PROVIDER: "files", TALLYFLOW_BANK_FOLDER: folder };
}
