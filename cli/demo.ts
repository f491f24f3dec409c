import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Run, RunStep } from "../lib/store";
import { TallyError, toTallyError } from "../lib/values";
import { judge, type BudgetRow } from "./demo-judge";
import { EXIT, type CommandIo } from "./io";
import { startNodeRed } from "./node-red";
import { FIRST_JOB } from "./shipped";
import { startSimulatorsProcess } from "./simulators-process";
import { storeEnv } from "./store-env";
import { shippedFlows } from "./user-dir";

const USAGE = `tallyflow demo [--json] [--store URL] [--seed N] [--scale N] [--from YYYY-MM-DD] [--no-limits] [--verbose]

Two passes of the shipped flows in a real Node-RED, between a simulated bank and a simulated budget of one household.
Exit code 1 when a payment was lost, doubled or given up, or the second pass wrote anything.
  --store URL   mongodb://... or sqlite:FILE; a new embedded store when absent
  --from DATE   the household begins then, instead of three years before 2025-06-30
  --no-limits   the simulated providers have no rate limits
`;

export interface DemoResult {
  payments: number;
  synced: number;
  lost: number;
  doubled: number;
  dead: number;
  secondPassWrites: number;
  transfersPaired: number;
  accuracyLastQuarter: number;
  budgetCalls: number;
  seconds: Record<"extract" | "match" | "train" | "classify" | "sync", number>;
}

/** The `demo` command. */
export async function demoCommand(argv: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      json: { type: "boolean" },
      store: { type: "string" },
      seed: { type: "string" },
      scale: { type: "string" },
      from: { type: "string" },
      "no-limits": { type: "boolean" },
      verbose: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    io.stdout.write(USAGE);
    return EXIT.ok;
  }
  const twins = ["--until", "2025-06-30", "--control"];
  if (values.seed) twins.push("--seed", values.seed);
  if (values.scale) twins.push("--scale", values.scale);
  if (values.from) twins.push("--from", values.from);
  if (values["no-limits"]) twins.push("--no-limits");
  try {
    const result = await demo(
      twins,
      storeEnv(values.store),
      values.verbose ? (text) => io.stderr.write(text) : undefined,
    );
    io.stdout.write(values.json ? JSON.stringify(result) + "\n" : table(result));
    return result.lost + result.doubled + result.dead + result.secondPassWrites > 0 ? EXIT.failed : EXIT.ok;
  } catch (thrown) {
    io.stderr.write(toTallyError(thrown).message + "\n");
    return EXIT.couldNotRun;
  }
}

async function demo(
  twins: readonly string[],
  store: Record<string, string>,
  output?: (text: string) => void,
): Promise<DemoResult> {
  const userDir = mkdtempSync(path.join(tmpdir(), "tallyflow-demo-"));
  const simulators = await startSimulatorsProcess(twins);
  try {
    const nodeRed = await startNodeRed({
      userDir,
      port: 0,
      // Nobody looks at it: what is measured is the work.
      flows: () => shippedFlows({ dashboard: false }),
      env: { ...simulators.env, ...store },
      ...(output ? { output } : {}),
    });
    try {
      const first = await completed(await nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job));
      const second = await completed(await nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job));
      const rows = await budgetRows(simulators.env["TALLYFLOW_BUDGET_URL"]!);
      const count = (run: Run, name: string) => run.counts[name] ?? 0;
      const both = (name: string) => count(first.run, name) + count(second.run, name);
      const judged = judge(simulators.options, rows, `ynab:${simulators.env["TALLYFLOW_BUDGET_PLAN"]}`);
      return {
        payments: judged.payments,
        synced: count(first.run, "queue-sync.synced"),
        lost: judged.lost,
        doubled: judged.doubled,
        dead: count(second.run, "queue-sync.dead"),
        secondPassWrites: count(second.run, "queue-sync.synced"),
        transfersPaired: both("match.transfersPaired"),
        accuracyLastQuarter: Math.round(judged.accuracyLastQuarter * 10_000) / 10_000,
        budgetCalls: both("budget-extract.calls") + both("queue-sync.calls"),
        seconds: {
          extract: secondsOf(first.steps, "bank-extract", "budget-extract"),
          match: secondsOf(first.steps, "match"),
          train: secondsOf(first.steps, "train"),
          classify: secondsOf(first.steps, "classify"),
          sync: secondsOf(first.steps, "queue-sync"),
        },
      };
    } finally {
      await nodeRed.stop();
    }
  } finally {
    await simulators.stop();
    rmSync(userDir, { recursive: true, force: true });
  }
}

async function completed(result: { run: Run; steps: RunStep[] }): Promise<{ run: Run; steps: RunStep[] }> {
  const { run } = result;
  if (run.state === "Completed") return result;
  throw new TallyError(
    "INTERNAL",
    `The pass ended as ${run.state}: ${run.error?.message ?? "no reason given"}`,
  );
}

/** Every row of the simulated budget, by its control route. */
export async function budgetRows(url: string): Promise<BudgetRow[]> {
  const answer = await fetch(new URL("/__control", url), {
    method: "POST",
    headers: { connection: "close" },
    body: JSON.stringify({ call: "all", args: [] }),
  });
  const { result } = (await answer.json()) as { result: BudgetRow[] };
  return result;
}

function secondsOf(steps: readonly RunStep[], ...names: string[]): number {
  const total = steps
    .filter((step) => names.includes(step.step))
    .reduce((sum, step) => sum + (step.durationMs ?? 0), 0);
  return Math.round(total / 10) / 100;
}

function table(result: DemoResult): string {
  const { seconds, ...figures } = result;
  const lines = Object.entries({
    ...figures,
    ...Object.fromEntries(Object.entries(seconds).map(([name, value]) => [`${name} (s)`, value])),
  });
  return lines.map(([name, value]) => `${name.padEnd(22)} ${value}`).join("\n") + "\n";
}
