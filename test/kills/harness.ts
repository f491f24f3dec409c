import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { FIRST_JOB } from "../../cli/shipped";
import { storeEnv } from "../../cli/store-env";
import { shippedFlows } from "../../cli/user-dir";
import {
  rateBudgets,
  runs,
  runSteps,
  storeFromUrl,
  type QueueState,
  type Run,
  type Store,
} from "../../lib/store";
import { addDays } from "../../lib/values";
import { simulatorEnv, startSimulators, type Simulators } from "../../simulators";
import { judged, queueStates } from "../main-job/support";
import { makeHousehold, Random, type HouseholdOptions } from "../../simulators/household";

/**
 * A household's main job in a real Node-RED that is killed (SIGKILL) again and again while new payments come in, the
 * providers fail by chance, and the store's server is killed too; then it is left in peace, and what stands in the
 * budget is compared with what happened at the bank.
 */

export interface KillOptions {
  kills: number;
  household: Partial<HouseholdOptions>;
  /** URL of the store; an embedded one in the scratch folder when absent. */
  storeUrl?: string;
  /** The store's server, where it can be killed. */
  server?: { kill(): Promise<void>; restart(): Promise<void> };
  /** Share of the kills in which the server is killed too; 0.25 when absent. */
  serverShare?: number;
  seed?: number;
  say?: (text: string) => void;
}

export interface KillFigures {
  /** Of the whole Node-RED. */
  kills: number;
  /** Of the store's server. */
  serverKills: number;
  /** Steps that the kills fell into, as the run ledger has them. */
  killedIn: Record<string, number>;
  /** Requests to bank and budget. */
  requests: number;
  /** Booked payments of the household, and how many of them Tallyflow had to write. */
  payments: number;
  toWrite: number;
  lost: number;
  doubled: number;
  /** Payments that wait in the queue for something that nobody does. */
  stuck: Partial<Record<QueueState, number>>;
  dead: number;
  /** Accounts whose balance in the budget is not the bank's. */
  unequalBalances: string[];
  seconds: number;
}

/** Days of the household that stand in the budget before the first kill, for a model to learn from. */
const BUDGETED_DAYS = 90;
/** Where kills are aimed at; the two that move money are aimed at most. */
const AIMS = [
  { step: "bank-extract", weight: 4, spanMs: 500 },
  { step: "queue-sync", weight: 5, spanMs: 600 },
  { step: "budget-extract", weight: 1, spanMs: 150 },
  { step: "match", weight: 1, spanMs: 150 },
  { step: "classify", weight: 1, spanMs: 150 },
] as const;
/** Passes in peace until nothing is left to do. */
const PASSES = 6;
/** A kill waits no longer for its step than this. */
const AIM_LIMIT_MS = 20_000;

/** A household of which about so many payments are to be written: three years, of which the first 90 days are budgeted. */
export function householdOf(payments: number): Partial<HouseholdOptions> {
  const until = "2025-06-30";
  const from = addDays(until, -1095);
  const budgetedUntil = addDays(from, BUDGETED_DAYS);
  const base = { until, from, budgetedUntil };
  const of = (scale: number) =>
    makeHousehold({ ...base, scale }).payments.filter(
      ({ status, date }) => status === "booked" && date > budgetedUntil,
    ).length;
  let scale = payments / of(1);
  for (let tries = 0; tries < 20 && of(scale) < payments; tries++) scale *= 1.03;
  return { ...base, scale };
}

/** Kill, go on, and count. @throws Error when the last passes do not complete */
export async function killAgainAndAgain(options: KillOptions): Promise<KillFigures> {
  const chance = new Random(`kills/${options.seed ?? 1}`);
  const began = Date.now();
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-kills-"));
  const storeUrl = options.storeUrl ?? `sqlite:${path.join(folder, "store.db")}`;
  const shown = makeHousehold(options.household);
  const simulators = await startSimulators({
    household: options.household,
    limits: false,
    bunq: {
      // Payments are seen at the bank as its clock comes to them.
      now: `${shown.options.budgetedUntil}T12:00:00.000Z`,
      // bunq opens one session in 30 seconds, and its clock runs through weeks between two kills here.
      sessionSeconds: 10 * 365 * 86_400,
    },
  });
  const world: World = {
    chance,
    simulators,
    options,
    red: { userDir: folder, port: 0, env: { ...simulatorEnv(simulators), ...storeEnv(storeUrl) } },
    serverKills: 0,
  };
  try {
    await inPeace(world, 1);
    const later = simulators.household.payments.filter(
      ({ status, date }) => status === "booked" && date > shown.options.budgetedUntil,
    );
    addFaults(simulators, options.seed ?? 1);
    for (let kill = 1; kill <= options.kills; kill++) {
      const newest = later[Math.ceil((later.length * kill) / options.kills) - 1]!;
      simulators.bunq.control.advance({ to: newest.instant });
      const aim = chance.weighted(AIMS, ({ weight }) => weight);
      await dieIn(world, aim);
      if (kill % 20 === 0) await anHourPasses(storeUrl);
      if (kill % 10 === 0) options.say?.(`${kill} of ${options.kills} kills`);
    }
    simulators.bunq.control.clearFaults();
    simulators.ynab.control.clearFaults();
    simulators.bunq.control.advance({ to: addDays(shown.options.until, 3) });
    await anHourPasses(storeUrl);
    await inPeace(world, PASSES);
    const { payments, lost, doubled } = judged(simulators);
    const store = await storeFromUrl(storeUrl);
    try {
      return {
        kills: options.kills,
        serverKills: world.serverKills,
        killedIn: await killedIn(store),
        requests: simulators.bunq.control.counts.requests + simulators.ynab.control.requests,
        payments,
        lost,
        doubled,
        toWrite: later.length,
        ...(await waiting(store)),
        unequalBalances: unequalBalances(simulators),
        seconds: Math.round((Date.now() - began) / 1000),
      };
    } finally {
      await store.close();
    }
  } finally {
    await simulators.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The providers' hourly limits are not what is tried here: what was counted of them is forgotten. */
async function anHourPasses(storeUrl: string): Promise<void> {
  const store = await storeFromUrl(storeUrl);
  try {
    const ids: string[] = [];
    for await (const { id } of store.collection(rateBudgets).scan({ index: "id" })) ids.push(id);
    await store.collection(rateBudgets).deleteMany(ids);
  } finally {
    await store.close();
  }
}

interface World {
  chance: Random;
  simulators: Simulators;
  options: KillOptions;
  red: { userDir: string; port: number; env: Record<string, string> };
  serverKills: number;
}

const start = (world: World): Promise<NodeRed> =>
  startNodeRed({ ...world.red, flows: () => shippedFlows({ dashboard: false }) });

/** Start it, let it work, and kill it in a step (or before, when the pass never gets there). */
async function dieIn(world: World, aim: (typeof AIMS)[number]): Promise<void> {
  const { chance, options } = world;
  const offset = Math.round(chance.next() * aim.spanMs);
  const serverToo = options.server !== undefined && chance.chance(options.serverShare ?? 0.25);
  const serverBack = chance.chance(0.5);
  const red = await start(world);
  const died = new Promise((resolve) => red.process.once("exit", resolve));
  try {
    const before = await red.startJob(FIRST_JOB.schedule, FIRST_JOB.job);
    await reached(red, aim.step, before);
    await delay(offset);
    if (serverToo) {
      world.serverKills++;
      await options.server!.kill();
      await delay(chance.int(0, 300));
      // The other half of the times Node-RED dies while its store is away.
      if (serverBack) {
        await options.server!.restart();
        await delay(chance.int(0, 1_000));
      }
    }
  } finally {
    red.process.kill("SIGKILL");
    await died;
    if (serverToo && !serverBack) await options.server!.restart();
  }
}

async function newest(red: NodeRed): Promise<Run | undefined> {
  return (await red.get<{ items: Run[] }>(`/tallyflow/runs?job=${FIRST_JOB.job}&limit=1`)).items[0];
}

/** Wait until the step runs, or the run has ended. */
async function reached(red: NodeRed, step: string, before: string | undefined): Promise<void> {
  for (const limit = Date.now() + AIM_LIMIT_MS; Date.now() < limit; await delay(15)) {
    const run = await newest(red);
    if (!run || run.id === before) continue;
    if (run.endedAt) return;
    const { steps } = await red.get<{ steps: { step: string }[] }>(`/tallyflow/runs/${run.id}`);
    if (steps.some((each) => each.step === step)) return;
  }
}

/** Whole passes, until one of them has nothing to write. */
async function inPeace(world: World, passes: number): Promise<void> {
  const red = await start(world);
  try {
    for (let pass = 1; pass <= passes; pass++) {
      const { run } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job, 600_000);
      if (run.state !== "Completed")
        throw new Error(`A pass in peace ended as ${run.state}: ${run.error?.message ?? "no reason given"}`);
      if (pass > 1 && run.counts["queue-sync.synced"] === 0 && run.counts["bank-extract.inserted"] === 0)
        return;
    }
  } finally {
    await red.stop();
  }
}

/** By chance of the seed: refusals, cut connections, broken answers, and failures after the work was done. */
function addFaults({ bunq, ynab }: Simulators, seed: number): void {
  const bank = { path: "/monetary-account", seed };
  bunq.control.fault({ kind: "status", status: 500, probability: 0.02, ...bank });
  bunq.control.fault({ kind: "reset", probability: 0.02, ...bank, seed: seed + 1 });
  bunq.control.fault({ kind: "malformed", probability: 0.02, ...bank, seed: seed + 2 });
  bunq.control.fault({ kind: "status", status: 429, probability: 0.01, ...bank, seed: seed + 3 });
  bunq.control.fault({ kind: "slow", ms: 300, probability: 0.1, ...bank, seed: seed + 4 });
  const writes = { method: "POST", seed };
  ynab.control.setFault({ kind: "drop-after-commit", probability: 0.1, ...writes });
  ynab.control.setFault({
    kind: "fail-after-commit",
    status: 503,
    probability: 0.1,
    ...writes,
    seed: seed + 5,
  });
  ynab.control.setFault({ kind: "malformed", probability: 0.05, ...writes, seed: seed + 6 });
  ynab.control.setFault({ kind: "status", status: 409, probability: 0.03, ...writes, seed: seed + 7 });
  ynab.control.setFault({ kind: "reset", probability: 0.05, seed: seed + 8 });
  ynab.control.setFault({ kind: "status", status: 500, probability: 0.03, seed: seed + 9 });
  ynab.control.setFault({ kind: "status", status: 429, retryAfter: 1, probability: 0.02, seed: seed + 10 });
  ynab.control.setFault({ kind: "slow", ms: 300, probability: 0.2, seed: seed + 11 });
}

/** Steps that were running when their run's process died. */
async function killedIn(store: Store): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const crashed = new Set<string>();
  for await (const run of store.collection(runs).scan({ index: "id" }))
    if (run.state === "Crashed") crashed.add(run.id);
  const last = new Map<string, { step: string; startedAt: string }>();
  for await (const step of store.collection(runSteps).scan({ index: "id" })) {
    if (!crashed.has(step.runId)) continue;
    const before = last.get(step.runId);
    if (!before || before.startedAt < step.startedAt) last.set(step.runId, step);
  }
  for (const { step } of last.values()) found[step] = (found[step] ?? 0) + 1;
  return found;
}

const SETTLED: ReadonlySet<QueueState> = new Set(["synced", "skipped", "review", "dead"]);

async function waiting(store: Store): Promise<Pick<KillFigures, "stuck" | "dead">> {
  const states = Object.entries(await queueStates(store)) as [QueueState, number][];
  return {
    stuck: Object.fromEntries(states.filter(([state]) => !SETTLED.has(state))),
    dead: states.find(([state]) => state === "dead")?.[1] ?? 0,
  };
}

/** What the people wrote without a payment (cash, slips of the pen) is known and taken off. */
function unequalBalances({ household, bunq, ynab }: Simulators): string[] {
  const amountOf = new Map(household.payments.map(({ sequence, amount }) => [sequence, amount]));
  const rows = ynab.control.all();
  return household.accounts.flatMap(({ key, name }) => {
    const id = ynab.accountIds[key]!;
    const budget = rows.reduce(
      (sum, row) => (row.accountId === id ? sum + Math.round(row.amount / 10) : sum),
      0,
    );
    const stray = household.entries
      .filter((entry) => entry.account === key && amountOf.get(entry.payment) !== entry.amount)
      .reduce((sum, { amount }) => sum + amount, 0);
    const bank = bunq.control.balance(key);
    return budget - stray === bank ? [] : [`${name}: ${bank} at the bank, ${budget - stray} in the budget`];
  });
}
