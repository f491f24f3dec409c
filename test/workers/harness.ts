import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { FIRST_JOB } from "../../cli/shipped";
import { storeEnv } from "../../cli/store-env";
import { shippedFlows, type FlowNode } from "../../cli/user-dir";
import {
  allCollections,
  exportLines,
  importLines,
  storeFromUrl,
  type QueueState,
  type Store,
} from "../../lib/store";
import { YnabApi } from "../../lib/budget/ynab/api";
import type { HouseholdOptions } from "../../simulators/household";
import { simulatorEnv, startSimulators, type Simulators } from "../../simulators";
import { judged, queueStates, statementsEnv, writeStatements } from "../main-job/support";

/**
 * Several Node-REDs, each a process of its own, that send what waits in one queue to one budget: a database of MongoDB's
 * protocol between them and nothing else.
 */

/** A queue that was filled once, to be copied for each number of workers. */
export interface FilledQueue {
  household: Partial<HouseholdOptions>;
  lines: string[];
  /** Payments that wait to be written. */
  waiting: number;
}

export interface WorkersFigures {
  workers: number;
  written: number;
  /** Absent while payments still wait: they are not lost. */
  lost?: number;
  doubled: number;
  /** Written by each of them, as their runs tell that ended well. */
  each: number[];
  /** Requests that wrote to the budget, and those that it refused for its rate limit. */
  writes: number;
  refused: number;
  /** What is left in the queue, by state. */
  left: Partial<Record<QueueState, number>>;
  seconds: number;
  perSecond: number;
}

const MAIN = "tally-tab-main";

/** The shipped flow up to where payments are classified: nothing is written. */
function fillingFlows(): FlowNode[] {
  const flows = shippedFlows({ dashboard: false });
  for (const node of flows)
    if (node.type === "tally-classify" && node.z === MAIN) node["wires"] = [["tally-main-summary"]];
  return flows;
}

/** The schedule, the queue sync and the summary of the shipped flow: one worker, whose runs stand beside the others'. */
function workerFlows(job: string): FlowNode[] {
  const after: Record<string, string[]> = {
    [FIRST_JOB.schedule]: ["tally-main-sync"],
    "tally-main-sync": ["tally-main-summary"],
  };
  return shippedFlows({ dashboard: false }).flatMap((node) => {
    if (node.z === undefined && node.type.startsWith("tally-")) return [node];
    if (node.id === FIRST_JOB.schedule) return [{ ...node, job, g: undefined, wires: [after[node.id]!] }];
    if (node.id === "tally-main-sync") return [{ ...node, g: undefined, wires: [after[node.id]!] }];
    if (node.id === "tally-main-summary" || node.id === MAIN)
      return [{ ...node, g: undefined, ...(node.id === MAIN ? {} : { wires: [[]] }) }];
    return [];
  });
}

/**
 * Have the shipped flow read statements, match, train and classify, and keep what is then in the store: SQLite, since
 * the servers that stand in for MongoDB take minutes for it.
 */
export async function fillQueue(household: Partial<HouseholdOptions>): Promise<FilledQueue> {
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-workers-"));
  const storeUrl = `sqlite:${path.join(folder, "filling.db")}`;
  const simulators = await startSimulators({ household, limits: false });
  try {
    const statements = path.join(folder, "statements");
    writeStatements(simulators, statements);
    const red = await startNodeRed({
      userDir: path.join(folder, "filling"),
      port: 0,
      env: { ...statementsEnv(simulatorEnv(simulators), statements), ...storeEnv(storeUrl) },
      flows: fillingFlows,
    });
    try {
      const { run } = await red.runJob(FIRST_JOB.schedule, FIRST_JOB.job);
      if (run.state !== "Completed") throw new Error(`Filling ended as ${run.state}: ${run.error?.message}`);
    } finally {
      await red.stop();
    }
    const store = await storeFromUrl(storeUrl);
    try {
      const lines: string[] = [];
      for await (const line of exportLines(store, allCollections())) lines.push(line);
      const { classified = 0, new: fresh = 0, review = 0 } = await queueStates(store);
      return { household, lines, waiting: classified + fresh + review };
    } finally {
      await store.close();
    }
  } finally {
    await simulators.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface WorkersOptions {
  workers: number;
  /** An empty database. */
  storeUrl: string;
  /** How long the budget takes for an answer. */
  latencyMs: number;
  /** Requests of the budget's hourly limit that were used before. */
  callsBefore?: number;
}

/** Copy the queue into an empty database, let the workers send it, and compare budget and bank. */
export async function shareQueue(filled: FilledQueue, options: WorkersOptions): Promise<WorkersFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-workers-"));
  const simulators = await startSimulators({
    household: filled.household,
    limits: options.callsBefore === undefined ? false : true,
    ynab: { latencyMs: options.latencyMs },
  });
  const store = await storeFromUrl(options.storeUrl);
  const reds: NodeRed[] = [];
  try {
    const { refused } = await importLines(store, filled.lines, allCollections());
    if (refused.length > 0) throw new Error(`The queue was not copied whole: ${refused[0]!.error.message}`);
    for (let n = 1; n <= options.workers; n++) {
      reds.push(
        await startNodeRed({
          userDir: path.join(folder, `worker-${n}`),
          port: 0,
          env: { ...simulatorEnv(simulators), ...storeEnv(options.storeUrl) },
          flows: () => workerFlows(`share-${n}`),
        }),
      );
    }
    if (options.callsBefore) await useUp(simulators, store, options.callsBefore);
    const writesBefore = writesOf(simulators).length;
    const began = performance.now();
    const results = await Promise.all(
      reds.map((red, index) => red.runJob(FIRST_JOB.schedule, `share-${index + 1}`)),
    );
    const seconds = (performance.now() - began) / 1000;
    const each = results.map(({ run }) => run.counts["queue-sync.synced"] ?? 0);
    const left = await queueStates(store);
    const written = left.synced ?? 0;
    const { lost, doubled } = judged(simulators);
    const writes = writesOf(simulators).slice(writesBefore);
    return {
      workers: options.workers,
      written,
      ...(written === filled.waiting ? { lost } : {}),
      doubled,
      each,
      writes: writes.length,
      refused: writes.filter(({ status }) => status === 429).length,
      left,
      seconds: Math.round(seconds * 10) / 10,
      perSecond: Math.round(written / seconds),
    };
  } finally {
    await Promise.all(reds.map((red) => red.stop()));
    await store.close();
    await simulators.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Spend a part of the hour's requests, on both sides. */
async function useUp({ ynab }: Simulators, store: Store, calls: number): Promise<void> {
  const api = new YnabApi({ url: ynab.url, token: ynab.token, store });
  await Promise.all(Array.from({ length: calls }, () => api.call("plans", {})));
}

const writesOf = ({ ynab }: Simulators) => ynab.control.log.filter(({ method }) => method === "POST");
