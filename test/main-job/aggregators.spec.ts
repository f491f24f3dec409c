import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { FIRST_JOB } from "../../cli/shipped";
import { shippedFlows } from "../../cli/user-dir";
import { localDate } from "../../lib/values";
import { recentHousehold, simulatorEnv, startSimulators, type Simulators } from "../../simulators";
import { assertExactlyOnce } from "./support";

/** Half a year that ends yesterday: the banks of aggregators give what lies behind today. */
const HOUSEHOLD = {
  ...recentHousehold(localDate(Date.now(), "Europe/Amsterdam")),
  from: new Date(Date.now() - 180 * 86_400_000).toISOString().slice(0, 10),
  scale: 0.2,
};

type Env = Record<string, string>;

/** What is said in the environment, and which banks are to be allowed. */
const PROVIDERS: { provider: string; institutions: string[]; env(all: Env): Env }[] = [
  {
    provider: "enable-banking",
    institutions: ["NL/Polderbank", "NL/Kaart & Co"],
    env: (all) => ({ TALLYFLOW_BANK_URL: all["TALLYFLOW_DEMO_ENABLE_BANKING_URL"]! }),
  },
  {
    provider: "gocardless",
    institutions: ["SIMULATED_TWINNL2A"],
    env: (all) => ({ TALLYFLOW_BANK_URL: all["TALLYFLOW_DEMO_GOCARDLESS_URL"]! }),
  },
  { provider: "simplefin", institutions: [], env: () => ({}) },
];

/** Allow a bank as the editor does, and as a person does at the bank. */
async function allow(red: NodeRed, bank: string, institution: string): Promise<void> {
  const answer = await fetch(`${red.url}/tallyflow/bank/${bank}/consents`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ institution, returnTo: `${red.url}/tallyflow/consent/callback` }),
  });
  const begun = (await answer.json()) as { url: string };
  assert.equal(answer.status, 200, JSON.stringify(begun));
  const home = await fetch(begun.url);
  assert.equal(home.status, 200, await home.text());
}

describe("the main job through an aggregator", function () {
  this.timeout(300_000);
  for (const { provider, institutions, env } of PROVIDERS) {
    it(`writes the payments that ${provider} brings into the budget exactly once`, async () => {
      const simulators: Simulators = await startSimulators({
        household: HOUSEHOLD,
        limits: false,
        aggregators: true,
      });
      const userDir = mkdtempSync(path.join(tmpdir(), "tallyflow-aggregator-"));
      const all = simulatorEnv(simulators);
      // SimpleFIN knows no IBAN: its accounts are mapped by their ids.
      const accounts =
        provider === "simplefin"
          ? simulators.household.accounts.map(({ key }, at) => ({
              bank: `simplefin:${simulators.aggregators!.simpleFin.control.accountId(key)}`,
              budget: simulators.accounts[at]!.budget,
            }))
          : simulators.accounts;
      const own: Env = {
        ...all,
        TALLYFLOW_BANK_PROVIDER: provider,
        ...env(all),
        TALLYFLOW_BUDGET_ACCOUNTS: JSON.stringify(accounts),
      };
      let red: NodeRed | undefined;
      try {
        red = await startNodeRed({
          userDir,
          port: 0,
          flows: () => shippedFlows({ dashboard: false }),
          env: own,
        });
        const bank = shippedFlows().find(({ type }) => type === "tally-bank")!.id;
        for (const institution of institutions) await allow(red, bank, institution);
        const { run } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job, 240_000);
        assert.equal(run.state, "Completed", run.error?.message);
        const booked = simulators.household.payments.filter(({ status }) => status === "booked").length;
        assert.ok(run.counts["bank-extract.inserted"]! >= booked, JSON.stringify(run.counts));
        assert.ok(run.counts["queue-sync.synced"]! > 20, JSON.stringify(run.counts));
        assertExactlyOnce(simulators, "after the first pass");
        const { run: second } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job, 240_000);
        assert.equal(second.state, "Completed", second.error?.message);
        assert.equal(second.counts["queue-sync.synced"], 0);
        assertExactlyOnce(simulators, "after a second pass");
      } finally {
        await red?.stop();
        await simulators.stop();
        rmSync(userDir, { recursive: true, force: true });
      }
    });
  }
});
