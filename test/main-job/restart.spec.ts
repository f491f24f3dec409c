import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { FIRST_JOB } from "../../cli/shipped";
import { shippedFlows, type FlowNode } from "../../cli/user-dir";
import type { Run } from "../../lib/store";
import type { HouseholdOptions } from "../../simulators/household";
import { startMongo, type MongoServer } from "../servers/mongo";
import { severalAtOnce } from "../support/several";
import { assertExactlyOnce, startHousehold, type Household } from "./support";

/** The steps of the shipped flow in their order; the first is the schedule. The webhook begins runs of its own. */
const STEPS = shippedFlows()
  .filter(
    ({ z, type }) => z === "tally-tab-main" && type.startsWith("tally-") && type !== "tally-bank-webhook",
  )
  .map((node) => node.id);

/** The shipped flow, held up behind one of its nodes. */
function heldBehind(id: string): FlowNode[] {
  const hold = { id: "hold", type: "delay", z: "tally-tab-main", pauseType: "delay", timeout: "600" };
  const nodes = shippedFlows();
  const node = nodes.find((one) => one.id === id)!;
  const behind = node["wires"];
  node["wires"] = [["hold"]];
  return [...nodes, { ...hold, timeoutUnits: "seconds", x: 100, y: 300, wires: behind as unknown[] }];
}

/** Where the process dies: what is prepared, and when the moment has come. */
interface Death {
  name: string;
  flows?: () => FlowNode[];
  prepare?(household: Household): void;
  due(household: Household, red: NodeRed): Promise<boolean> | boolean;
}

const stepDone = (name: string) => async (_: Household, red: NodeRed) => {
  const [run] = (await red.get<{ items: Run[] }>("/tallyflow/runs?limit=1")).items;
  if (!run) return false;
  const { steps } = await red.get<{ steps: { step: string; state: string }[] }>(`/tallyflow/runs/${run.id}`);
  return steps.some(({ step, state }) => step === name && state === "Completed");
};
const between = (id: string, step: string): Death => ({
  name: `after ${step}`,
  flows: () => heldBehind(id),
  due: stepDone(step),
});
const writesIn = ({ ynab }: Household) => ynab.control.log.filter(({ method }) => method === "POST").length;

const DEATHS: Death[] = [
  {
    name: "after the schedule",
    flows: () => heldBehind(FIRST_JOB.schedule),
    due: async (_, red) => (await red.get<{ items: Run[] }>("/tallyflow/runs?limit=1")).items.length === 1,
  },
  ...STEPS.filter((id) => id !== FIRST_JOB.schedule && id !== "tally-main-summary").map((id) =>
    between(id, String(shippedFlows().find((node) => node.id === id)!.type).slice("tally-".length)),
  ),
  {
    name: "in the middle of bank extract",
    prepare: ({ bunq }) => bunq.control.fault({ kind: "slow", path: "/payment", skip: 1, ms: 60_000 }),
    // Session, accounts, the payments of the first account, and the answer that does not come.
    due: ({ bunq }) => bunq.control.counts.requests >= 6,
  },
  {
    name: "with a write in the air that the budget carries out afterwards",
    prepare: ({ ynab }) => ynab.control.setFault({ kind: "slow", method: "POST", ms: 1_000 }),
    due: async (_, red) => (await stepDone("classify")(_, red)) && (await delay(500, true)),
  },
  {
    name: "while it reads back a write that never arrived",
    prepare: ({ ynab }) => {
      ynab.control.setFault({ kind: "reset", method: "POST" });
      ynab.control.setFault({ kind: "slow", method: "GET", path: "/transactions\\?", after: 1, ms: 60_000 });
    },
    due: async (household) => writesIn(household) === 1 && (await delay(300, true)),
  },
];

async function dieAndGoOn(
  death: Death,
  store: Record<string, string> = {},
  size?: Partial<HouseholdOptions>,
): Promise<void> {
  const household = await startHousehold(size);
  const options = { userDir: household.folder, port: 0, env: { ...household.env, ...store } };
  let red: NodeRed | undefined;
  try {
    death.prepare?.(household);
    red = await startNodeRed({ ...options, ...(death.flows ? { flows: death.flows } : {}) });
    await red.startJob(FIRST_JOB.schedule, FIRST_JOB.job);
    for (const limit = Date.now() + 120_000; !(await death.due(household, red));) {
      assert.ok(Date.now() < limit, "the moment has come");
      await delay(100);
    }
    const [before] = (await red.get<{ items: Run[] }>("/tallyflow/runs?limit=1")).items;
    assert.equal(before?.state, "Running");
    const died = new Promise((resolve) => red!.process.once("exit", resolve));
    red.process.kill("SIGKILL");
    await died;
    rmSync(path.join(household.folder, "flows.json"));

    red = await startNodeRed(options);
    const { run: next } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job, 240_000);
    assert.equal(next.state, "Completed", next.error?.message);
    assertExactlyOnce(household, "after the next pass");
    const { run: orphan } = await red.get<{ run: Run }>(`/tallyflow/runs/${before!.id}`);
    assert.equal(orphan.state, "Crashed");
    assert.match(orphan.error?.message ?? "", /taken up by the next run/);

    const writes = household.writes();
    const { run: further } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job, 240_000);
    assert.equal(further.state, "Completed", further.error?.message);
    assert.equal(further.counts["queue-sync.synced"], 0);
    assert.equal(household.writes(), writes, "a further pass writes nothing");
    assertExactlyOnce(household, "after a further pass");
  } finally {
    red?.process.kill("SIGKILL");
    await household.end();
  }
}

describe("a Node-RED that is killed", () => {
  // Three at a time: most of a run is waiting for the bank's pace.
  const deaths = severalAtOnce(
    3,
    DEATHS.map((death) => () => dieAndGoOn(death)),
  );
  DEATHS.forEach((death, index) => {
    it(`${death.name} goes on with the next run`, async function () {
      this.timeout(300_000);
      await deaths[index]!();
    });
  });

  describe("on MongoDB's protocol", () => {
    let server: MongoServer;
    before(async function () {
      this.timeout(600_000);
      const started = await startMongo();
      if ("unavailable" in started) {
        console.log(`      skipped: ${started.unavailable}`);
        return this.skip();
      }
      server = started;
    });
    after(() => server?.stop());

    // FerretDB decodes every document that it looks at: four months of the household are enough here.
    const few = { from: "2025-03-01", until: "2025-06-30", budgetedUntil: "2025-05-31", scale: 0.1 };
    const chosen = ["after match", "with a write in the air that the budget carries out afterwards"];
    const again = severalAtOnce(
      2,
      chosen.map((name, index) => () => {
        const url = new URL(server.uri);
        url.pathname = `/tallyflow_kill_${process.pid}_${index}`;
        const store = { TALLYFLOW_STORE_KIND: "mongodb", TALLYFLOW_STORE_URI: url.href };
        return dieAndGoOn(
          DEATHS.find((death) => death.name === name)!,
          store,
          few,
        );
      }),
    );
    chosen.forEach((name, index) => {
      it(`${name} goes on with the next run`, async function () {
        this.timeout(600_000);
        await again[index]!();
      });
    });
  });
});
