import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { budgetCursorId, type NewTransaction } from "../lib/budget";
import {
  budgets,
  cursors,
  events,
  queue,
  storeFromUrl,
  type QueueState,
  type Run,
  type Store,
} from "../lib/store";
import { TallyError, toTallyError } from "../lib/values";
import { EXIT, type CommandIo } from "./io";
import { startNodeRed } from "./node-red";
import { FIRST_JOB } from "./shipped";
import { readSyncConfig, type SyncConfig } from "./sync-config";
import { shippedFlows } from "./user-dir";

const USAGE = `tallyflow sync --config FILE [--dry-run] [--json] [--verbose]

One pass of the shipped flows without an editor: from the bank to the budget that FILE names (see docs/sync.md).
Exit code 0 when all is well, 1 when the pass was made and something needs a person (a payment given up as dead, a
row that could not be read, an account that is not there), 2 when the pass could not run.
`;

export interface SyncResult {
  /** Payments known, whatever became of them. */
  payments: number;
  /** Seen for the first time in this pass. */
  new: number;
  /** Written to the budget in this pass. */
  synced: number;
  /** Payments that are not to be written, by reason. */
  skipped: Record<string, number>;
  /** Waiting for a person. */
  review: number;
  /** Waiting for another try. */
  retry: number;
  dead: number;
  /** Rows of statements that could not be read. */
  badRows: number;
  budgetCalls: number;
  seconds: number;
  /** What needs a person, in words: accounts that are not there, rows that could not be read, dead payments. */
  problems: string[];
  wouldWrite?: NewTransaction[];
}

/** The `sync` command. */
export async function syncCommand(argv: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      config: { type: "string" },
      "dry-run": { type: "boolean" },
      json: { type: "boolean" },
      verbose: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help || !values.config) {
    (values.help ? io.stdout : io.stderr).write(USAGE);
    return values.help ? EXIT.ok : EXIT.couldNotRun;
  }
  try {
    const config = readSyncConfig(values.config);
    const result = await sync(
      config,
      values["dry-run"] ?? false,
      values.verbose ? (text) => io.stderr.write(text) : undefined,
    );
    io.stdout.write(values.json ? JSON.stringify(result) + "\n" : table(result));
    for (const problem of result.problems) io.stderr.write(problem + "\n");
    return result.dead + result.badRows + result.problems.length > 0 ? EXIT.failed : EXIT.ok;
  } catch (thrown) {
    io.stderr.write(toTallyError(thrown).message + "\n");
    return EXIT.couldNotRun;
  }
}

async function sync(
  config: SyncConfig,
  dryRun: boolean,
  output?: (text: string) => void,
): Promise<SyncResult> {
  const userDir = path.join(config.stateDir, "node-red");
  mkdirSync(userDir, { recursive: true, mode: 0o700 });
  // The shipped flows of this version, not those of the version that ran here before.
  rmSync(path.join(userDir, "flows.json"), { force: true });
  const startedAt = new Date().toISOString();
  const nodeRed = await startNodeRed({
    userDir,
    port: 0,
    flows: () => shippedFlows({ dashboard: false }),
    env: { ...config.env, TALLYFLOW_QUEUE_SYNC_DRY_RUN: String(dryRun) },
    ...(output ? { output } : {}),
  });
  let run: Run;
  try {
    ({ run } = await nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job));
  } finally {
    await nodeRed.stop();
  }
  if (run.state !== "Completed") {
    const {
      code = "INTERNAL",
      message = `The pass ended as ${run.state}.`,
      retryable = false,
    } = run.error ?? {};
    throw new TallyError(code, message, { retryable });
  }
  const store = await storeFromUrl(config.storeUrl);
  try {
    return await report(store, run, startedAt, dryRun);
  } finally {
    await store.close();
  }
}

const STATES: readonly Exclude<QueueState, "skipped">[] = [
  "new",
  "classified",
  "review",
  "leased",
  "sending",
  "synced",
  "retry",
  "dead",
];
/** How many dead payments and bad rows are told in words; the counts tell of all. */
const TOLD = 20;

async function report(store: Store, run: Run, startedAt: string, dryRun: boolean): Promise<SyncResult> {
  const count = (name: string) => run.counts[name] ?? 0;
  const states: Partial<Record<QueueState, number>> = {};
  const skipped: Record<string, number> = {};
  const items = store.collection(queue);
  const problems = await told<string>(store, "mapping.unknown", startedAt, "problems");
  // Whole files first: a row that is told of in their stead would hide them.
  const bad = await told<BadRow>(store, "bank.bad-rows", startedAt, "rows");
  const wholeFiles = bad.filter(isWholeFile);
  for (const row of [...wholeFiles, ...bad.filter((row) => !isWholeFile(row)).slice(0, TOLD)])
    problems.push(`${row.account}${row.line ? `, line ${row.line}` : ""}: ${row.reason}`);
  let payments = 0;
  for await (const budget of store.collection(budgets).scan({ index: "id" })) {
    // A store may hold another plan of before; the one of this pass was read in it.
    const read = await store.collection(cursors).get(budgetCursorId(budget.id));
    if (!read || read.at < startedAt) continue;
    for (const state of STATES) {
      const found = await items.count({ index: "byState", equals: [budget.id, state] });
      states[state] = (states[state] ?? 0) + found;
      payments += found;
    }
    for await (const item of items.scan({ index: "byState", equals: [budget.id, "skipped"] })) {
      skipped[item.skipReason ?? "unknown"] = (skipped[item.skipReason ?? "unknown"] ?? 0) + 1;
      payments++;
    }
    const dead = await items.find({ index: "byState", equals: [budget.id, "dead"], limit: TOLD });
    for (const item of dead.items)
      problems.push(`${item.paymentId} was given up: ${item.error?.message ?? "no reason given"}`);
  }
  return {
    payments,
    new: count("bank-extract.queued"),
    synced: count("queue-sync.synced"),
    skipped,
    review: states.review ?? 0,
    retry: (states.retry ?? 0) + (states.sending ?? 0) + (states.leased ?? 0),
    dead: states.dead ?? 0,
    badRows: count("bank-extract.badRows"),
    budgetCalls: count("budget-extract.calls") + count("queue-sync.calls"),
    seconds: Math.round((run.durationMs ?? 0) / 10) / 100,
    problems,
    ...(dryRun
      ? { wouldWrite: await told<NewTransaction>(store, "queue.would-write", startedAt, "items") }
      : {}),
  };
}

interface BadRow {
  account: string;
  code?: string;
  line?: number;
  reason: string;
}

function isWholeFile({ code }: BadRow): boolean {
  return code === "STATEMENT_UNREADABLE" || code === "STATEMENT_WRONG_ACCOUNT" || code === "CONFIG_INVALID";
}

/** What the events of a type since an instant list under a name. */
async function told<T>(store: Store, type: string, since: string, name: string): Promise<T[]> {
  const found: T[] = [];
  for await (const event of store.collection(events).scan({ index: "byType", equals: [type], from: since }))
    found.push(...((event.data as Record<string, unknown>)[name] as T[]));
  return found;
}

function table(result: SyncResult): string {
  const { skipped, wouldWrite, problems: _problems, ...figures } = result;
  const rows = Object.entries({
    ...figures,
    ...Object.fromEntries(Object.entries(skipped).map(([reason, n]) => [`skipped: ${reason}`, n])),
  });
  const list = (wouldWrite ?? []).map(
    (item) => `would write ${item.date} ${item.amount} ${item.payeeName ?? ""}`,
  );
  return [...rows.map(([name, value]) => `${name.padEnd(28)} ${value}`), ...list].join("\n") + "\n";
}
