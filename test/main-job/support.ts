import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { judge } from "../../cli/demo-judge";
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

/** Every booked payment stands in the budget once, and there is nothing else. */
export function assertExactlyOnce({ household, ynab }: Simulators, what: string): void {
  const { payments, lost, doubled } = judge(
    household.options,
    ynab.control.all().map(({ accountId, amount, categoryId, importId }) => ({
      accountId,
      amount,
      categoryId: categoryId ?? null,
      importId: importId ?? null,
    })),
    `ynab:${ynab.planId}`,
  );
  assert.ok(payments > 100, "the household has payments");
  assert.deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, what);
}
