import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { budgetRows } from "../cli/demo";
import { judge } from "../cli/demo-judge";
import { FIRST_JOB } from "../cli/shipped";
import { startSimulatorsProcess, type SimulatorsProcess } from "../cli/simulators-process";
import { storeEnv } from "../cli/store-env";
import { shippedFlows } from "../cli/user-dir";
import type { Run, RunStep } from "../lib/store";
import { addDays } from "../lib/values";
import { makeHousehold } from "../simulators/household";
import { startMongo } from "../test/servers/mongo";
import { rounded, type Bench, type BenchResult } from "./result";
import { naiveSync, type BudgetTarget } from "./support/naive-sync";
import type { ProbeReport } from "./support/probe";
import { startProbed, type ProbedNodeRed } from "./support/probed-node-red";

/**
 * Two households of 10,000 payments: `new` has only its first quarter in the budget, so that over 10,000 payments are
 * written; `kept` has all but the last quarter there, so that 10,000 payments meet 10,000 transactions.
 */
const HOUSEHOLDS = {
  new: { scale: 5, budgetedDays: 90 },
  kept: { scale: 4.8, budgetedDays: 1095 - 91 },
} as const;
type HouseholdName = keyof typeof HOUSEHOLDS;

/** FerretDB reads whole collections, so that its time grows with the square of the rows: it gets a small household. */
const FERRETDB_SCALE = 0.1;
const HOUSEHOLD_DAYS = 1095;
const NAIVE_SAMPLE = 300;
/** YNAB allows a token this many requests an hour. */
const YNAB_CALLS_PER_HOUR = 200;
const SETTLE_MS = 3_000;

export const bench: Bench = {
  summary: "10,000 payments from the bank to the budget in a real Node-RED, beside a naive sync",
  options: `
  --household new|kept|both   which households of 10,000 payments (both)
  --store sqlite|mongodb|both on which store (both; mongodb where MONGODB_URI, mongod or FerretDB is at hand)
  --scale N                   another size of the household: 1 is about 3,000 payments
  --seed N                    another household
  --profile DIR               write a CPU profile of each Node-RED there, and take its cost into the figures
  --verbose                   Node-RED's own output on stderr
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        household: { type: "string", default: "both" },
        store: { type: "string", default: "both" },
        scale: { type: "string" },
        seed: { type: "string" },
        profile: { type: "string" },
        verbose: { type: "boolean" },
      },
    });
    const households = chosen(values.household, ["new", "kept"] as const, "--household");
    const stores = chosen(values.store, ["sqlite", "mongodb"] as const, "--store");
    const settings: Settings = {
      ...(values.scale ? { scale: Number(values.scale) } : {}),
      ...(values.seed ? { seed: Number(values.seed) } : {}),
      ...(values.profile ? { profile: path.resolve(values.profile) } : {}),
      ...(values.verbose ? { output: (text: string) => say(text.trimEnd()) } : {}),
      say,
    };
    return run(households, stores, settings);
  },
};

interface Settings {
  scale?: number;
  seed?: number;
  profile?: string;
  output?: (text: string) => void;
  say: (text: string) => void;
}

async function run(
  households: readonly HouseholdName[],
  stores: readonly ("sqlite" | "mongodb")[],
  settings: Settings,
): Promise<BenchResult> {
  const notes: string[] = [
    "Seconds of a step are by the clock; waitedSeconds is what the client waited for the bank's rate limit (3 reads in 3 s) and is taken off in workSeconds.",
    "A stall's cpuMs is CPU time of the main thread within it, and queuedMs the time in which it was ready and other threads had the cores; what is left of wallMs it was blocked, for each major fault by the reading of a page from disk.",
  ];
  const ours: Record<string, Figures> = {};
  const peers: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  settings.say("A Node-RED without flows, for comparison");
  const bare = await bareNodeRed(settings);
  peers["bareNodeRed"] = bare;
  for (const store of stores) {
    const server = store === "mongodb" ? await startMongo() : undefined;
    if (server && "unavailable" in server) {
      notes.push(`Not measured on MongoDB's protocol: ${server.unavailable}.`);
      continue;
    }
    try {
      const name = server ? server.kind : store;
      for (const household of server ? households.slice(0, 1) : households) {
        const key = `${household} on ${name}`;
        settings.say(key);
        const env = server ? storeEnv(ownDatabase(server.uri)) : {};
        const small = server?.kind === "ferretdb" && settings.scale === undefined;
        if (small)
          notes.push(
            `On FerretDB a household of scale ${FERRETDB_SCALE}, since FerretDB reads whole collections; MongoDB itself gets the whole one.`,
          );
        const { figures, naive } = await mainJob(
          household,
          env,
          small ? { ...settings, scale: FERRETDB_SCALE } : settings,
        );
        ours[key] = figures;
        ratios[`${key}: peak memory above bare Node-RED, MB`] = rounded(figures.peakMb - bare.peakMb);
        if (naive) {
          peers[`naive one by one, beside ${key}`] = naive;
          ratios[`${key}: naive calls / our budget calls, for 1,000 payments`] = rounded(
            naive.callsPer1000 / figures.callsPer1000,
          );
          ratios[`${key}: naive calls / our budget calls`] = rounded(naive.calls / figures.budgetCalls);
          ratios[`${key}: naive time / our sync step`] = rounded(
            naive.seconds / figures.seconds["queue-sync"]!,
          );
        }
      }
    } finally {
      await server?.stop();
    }
  }
  notes.push(
    `naive: ${NAIVE_SAMPLE} payments were posted one by one to the same twin; calls and seconds are extrapolated from them to the payments that we wrote, without any rate limit. hoursAtRateLimit is computed: calls / ${YNAB_CALLS_PER_HOUR}.`,
  );
  return { name: "main-job", ours, peers, ratios, notes };
}

interface Figures {
  payments: number;
  extracted: number;
  written: number;
  lost: number;
  doubled: number;
  secondPassWrites: number;
  /** By the clock, for each step of the first pass. */
  seconds: Record<string, number>;
  totalSeconds: number;
  waitedSeconds: number;
  workSeconds: number;
  secondPassSeconds: number;
  secondPassWaitedSeconds: number;
  cpuSeconds: number;
  budgetCalls: number;
  /** Budget calls of the first pass for each 1,000 payments that it wrote. */
  callsPer1000: number;
  bankCalls: number;
  peakMb: number;
  idleMb: number;
  /** Largest resident memory and heap of the main thread that samples saw in each step of the first pass. */
  memory: Record<string, { rssMb: number; heapTotalMb: number; externalMb: number }>;
  eventLoop: Record<"first" | "second", LoopFigures>;
}

interface LoopFigures {
  longestStallMs: number;
  p99Ms: number;
  p999Ms: number;
  utilization: number;
  longestStallCpuMs: number;
  /** The longest by the clock, each with the step it fell into. */
  stalls: { step: string; wallMs: number; cpuMs: number; queuedMs?: number; majorFaults: number }[];
}

interface NaiveFigures {
  sample: number;
  sampleSeconds: number;
  calls: number;
  callsPer1000: number;
  seconds: number;
  hoursAtRateLimit: number;
}

async function mainJob(
  name: HouseholdName,
  store: Record<string, string>,
  settings: Settings,
): Promise<{ figures: Figures; naive?: NaiveFigures }> {
  const { scale, budgetedDays } = HOUSEHOLDS[name];
  // Yesterday is the last day, since YNAB refuses what is older than five years or lies ahead.
  const until = addDays(new Date().toISOString().slice(0, 10), -1);
  const twins = ["--control", "--no-limits", "--until", until];
  twins.push("--scale", String(settings.scale ?? scale));
  twins.push("--budgeted-until", addDays(until, budgetedDays - HOUSEHOLD_DAYS));
  if (settings.seed !== undefined) twins.push("--seed", String(settings.seed));
  const simulators = await startSimulatorsProcess(twins);
  try {
    const figures = await inUserDir(async (userDir) => {
      const nodeRed = await startProbed({
        userDir,
        port: 0,
        // As in the demo nobody looks at it: what is measured is the work.
        flows: () => shippedFlows({ dashboard: false }),
        env: { ...simulators.env, ...store },
        ...nodeOptions(settings),
      });
      try {
        return await passes(nodeRed, simulators, settings);
      } finally {
        await nodeRed.stop();
      }
    });
    return { figures, naive: await naive(simulators, figures.written) };
  } finally {
    await simulators.stop();
  }
}

interface Pass {
  run: Run;
  steps: RunStep[];
  seen: ProbeReport;
  seconds: number;
  waitedSeconds: number;
}

async function passes(
  nodeRed: ProbedNodeRed,
  simulators: SimulatorsProcess,
  settings: Settings,
): Promise<Figures> {
  await delay(SETTLE_MS);
  const idle = nodeRed.stats();
  await nodeRed.look();
  const first = await pass(nodeRed);
  const after = nodeRed.stats();
  settings.say(`first pass: ${first.seconds} s, of them ${first.waitedSeconds} s for the bank's rate limit`);
  const second = await pass(nodeRed);
  const count = (one: Pass, key: string) => one.run.counts[key] ?? 0;
  const rows = await budgetRows(simulators.env["TALLYFLOW_BUDGET_URL"]!);
  const judged = judge(simulators.options, rows, `ynab:${simulators.env["TALLYFLOW_BUDGET_PLAN"]}`);
  const budgetCalls = count(first, "budget-extract.calls") + count(first, "queue-sync.calls");
  const seconds: Record<string, number> = {};
  for (const step of first.steps)
    seconds[step.step] = rounded((seconds[step.step] ?? 0) + (step.durationMs ?? 0) / 1000);
  return {
    payments: judged.payments,
    extracted: count(first, "bank-extract.inserted"),
    written: count(first, "queue-sync.synced"),
    lost: judged.lost,
    doubled: judged.doubled,
    secondPassWrites: count(second, "queue-sync.synced"),
    seconds,
    totalSeconds: first.seconds,
    waitedSeconds: first.waitedSeconds,
    workSeconds: rounded(first.seconds - first.waitedSeconds),
    secondPassSeconds: second.seconds,
    secondPassWaitedSeconds: second.waitedSeconds,
    cpuSeconds: rounded(after.cpuSeconds - idle.cpuSeconds),
    budgetCalls,
    callsPer1000: rounded((budgetCalls / count(first, "queue-sync.synced")) * 1000),
    bankCalls: count(first, "bank-extract.calls"),
    peakMb: nodeRed.stats().peakMb,
    idleMb: idle.residentMb,
    memory: memoryByStep(first),
    eventLoop: { first: loopFigures(first), second: loopFigures(second) },
  };
}

async function pass(nodeRed: ProbedNodeRed): Promise<Pass> {
  const { run, steps } = await nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job);
  const seen = await nodeRed.look();
  if (run.state !== "Completed")
    throw new Error(`The pass ended as ${run.state}: ${run.error?.message ?? "no reason given"}`);
  const waited = union(seen.waits);
  return {
    run,
    steps,
    seen,
    seconds: rounded((run.durationMs ?? 0) / 1000),
    waitedSeconds: rounded(waited / 1000),
  };
}

/** Total length of intervals that may overlap. */
function union(intervals: readonly [number, number][]): number {
  let total = 0;
  let until = -Infinity;
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    if (to <= until) continue;
    total += to - Math.max(from, until);
    until = to;
  }
  return total;
}

/** The step that was at work at a moment. */
function stepAt(steps: readonly RunStep[], at: number): string {
  const found = steps.find(
    ({ startedAt, endedAt }) => Date.parse(startedAt) <= at && at <= Date.parse(endedAt ?? "") + 2,
  );
  return found?.step ?? "between steps";
}

function memoryByStep({ seen, steps }: Pass): Figures["memory"] {
  const peaks: Figures["memory"] = {};
  for (const { at, rssMb, heapTotalMb, externalMb } of seen.memory) {
    const before = (peaks[stepAt(steps, at)] ??= { rssMb: 0, heapTotalMb: 0, externalMb: 0 });
    before.rssMb = Math.max(before.rssMb, rssMb);
    before.heapTotalMb = Math.max(before.heapTotalMb, heapTotalMb);
    before.externalMb = Math.max(before.externalMb, externalMb);
  }
  return peaks;
}

function loopFigures({ seen, steps }: Pass): LoopFigures {
  return {
    longestStallMs: seen.loop.maxMs,
    longestStallCpuMs: rounded(seen.stalls[0]?.cpuMs ?? 0),
    p99Ms: seen.loop.p99Ms,
    p999Ms: seen.loop.p999Ms,
    utilization: rounded(seen.utilization),
    stalls: [...seen.stalls]
      .sort((a, b) => b.wallMs - a.wallMs)
      .slice(0, 8)
      .map(({ at, wallMs, cpuMs, queuedMs, majorFaults }) => ({
        step: stepAt(steps, at),
        wallMs: rounded(wallMs),
        cpuMs: rounded(cpuMs),
        ...(queuedMs === undefined ? {} : { queuedMs: rounded(queuedMs) }),
        majorFaults,
      })),
  };
}

/** What Node-RED with the same palette and no flow needs by itself. */
async function bareNodeRed(settings: Settings): Promise<{ peakMb: number; residentMb: number }> {
  return inUserDir(async (userDir) => {
    const nodeRed = await startProbed({ userDir, port: 0, flows: () => [], ...nodeOptions(settings) });
    try {
      await delay(SETTLE_MS);
      const { peakMb, residentMb } = nodeRed.stats();
      return { peakMb, residentMb };
    } finally {
      await nodeRed.stop();
    }
  });
}

async function naive(simulators: SimulatorsProcess, written: number): Promise<NaiveFigures> {
  const { env, options } = simulators;
  const household = makeHousehold(options);
  const ibans = new Map(household.accounts.map(({ key, iban }) => [key, iban]));
  const pairs = JSON.parse(env["TALLYFLOW_BUDGET_ACCOUNTS"]!) as { bank: string; budget: string }[];
  const target: BudgetTarget = {
    url: env["TALLYFLOW_BUDGET_URL"]!,
    token: env["TALLYFLOW_BUDGET_TOKEN"]!,
    plan: env["TALLYFLOW_BUDGET_PLAN"]!,
    accounts: new Map(pairs.map(({ bank, budget }) => [bank, budget])),
  };
  const sample = household.payments
    .filter(({ status, date }) => status === "booked" && date > options.budgetedUntil)
    .slice(0, NAIVE_SAMPLE)
    .map((payment) => ({ payment, iban: ibans.get(payment.account)! }));
  const { calls, seconds } = await naiveSync(target, sample);
  const share = written / sample.length;
  return {
    sample: sample.length,
    sampleSeconds: rounded(seconds),
    calls: Math.round(calls * share),
    callsPer1000: rounded((calls / sample.length) * 1000),
    seconds: rounded(seconds * share),
    hoursAtRateLimit: rounded((calls * share) / YNAB_CALLS_PER_HOUR),
  };
}

function nodeOptions({ profile, output }: Settings) {
  return {
    ...(profile ? { execArgv: ["--cpu-prof", `--cpu-prof-dir=${profile}`] } : {}),
    ...(output ? { output } : {}),
  };
}

async function inUserDir<T>(work: (userDir: string) => Promise<T>): Promise<T> {
  const userDir = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
  try {
    return await work(userDir);
  } finally {
    rmSync(userDir, { recursive: true, force: true });
  }
}

/** A database of its own on a server that may hold other people's. */
function ownDatabase(uri: string): string {
  const url = new URL(uri);
  url.pathname = `/tallyflow_bench_${process.pid}`;
  return url.href;
}

function chosen<T extends string>(value: string, known: readonly T[], option: string): readonly T[] {
  if (value === "both") return known;
  const found = known.find((one) => one === value);
  if (!found) {
    const error = new Error(`${option} must be one of ${known.join(", ")}, both.`) as NodeJS.ErrnoException;
    error.code = "ERR_PARSE_ARGS_INVALID_OPTION_VALUE";
    throw error;
  }
  return [found];
}
