import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { NewTransaction } from "../lib/budget";
import { budgets, events, queue, storeFromUrl, type QueueState, type Run, type Store } from "../lib/store";
import { TallyError, toTallyError } from "../lib/values";
import { EXIT, type CommandIo } from "./io";
import { startNodeRed } from "./node-red";
import { FIRST_JOB } from "./shipped";
import { readSyncConfig, type SyncConfig } from "./sync-config";

const USAGE = `tallyflow sync --config FILE [--dry-run] [--json] [--verbose]

One pass of the shipped flows without an editor: from the bank to the budget that FILE names (see docs/sync.md).
Exit code 0 when all is well, 1 when a payment was given up as dead, 2 when the pass could not run.
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
  /** Which files and rows could not be read in this pass and why, the first hundred. */
  problems: string[];
  budgetCalls: number;
  seconds: number;
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
    return result.dead > 0 ? EXIT.failed : EXIT.ok;
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

async function report(store: Store, run: Run, since: string, dryRun: boolean): Promise<SyncResult> {
  const count = (name: string) => run.counts[name] ?? 0;
  const states: Partial<Record<QueueState, number>> = {};
  const skipped: Record<string, number> = {};
  let payments = 0;
  for await (const budget of store.collection(budgets).scan({ index: "id" })) {
    for (const state of [
      "new",
      "classified",
      "review",
      "leased",
      "sending",
      "synced",
      "retry",
      "dead",
    ] as const) {
      const found = await store.collection(queue).count({ index: "byState", equals: [budget.id, state] });
      states[state] = (states[state] ?? 0) + found;
      payments += found;
    }
    for await (const item of store
      .collection(queue)
      .scan({ index: "byState", equals: [budget.id, "skipped"] })) {
      skipped[item.skipReason ?? "unknown"] = (skipped[item.skipReason ?? "unknown"] ?? 0) + 1;
      payments++;
    }
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
    problems: await problems(store, since),
    budgetCalls: count("budget-extract.calls") + count("queue-sync.calls"),
    seconds: Math.round((run.durationMs ?? 0) / 10) / 100,
    ...(dryRun ? { wouldWrite: await wouldWrite(store, since) } : {}),
  };
}

async function problems(store: Store, since: string): Promise<string[]> {
  const found: string[] = [];
  for await (const event of store
    .collection(events)
    .scan({ index: "byType", equals: ["bank.bad-rows"], from: since })) {
    const { rows } = event.data as unknown as { rows: { reason: string; line?: number }[] };
    found.push(...rows.map(({ reason, line }) => (line === undefined ? reason : `${reason} (line ${line})`)));
  }
  return found;
}

async function wouldWrite(store: Store, since: string): Promise<NewTransaction[]> {
  const found: NewTransaction[] = [];
  for await (const event of store
    .collection(events)
    .scan({ index: "byType", equals: ["queue.would-write"], from: since })) {
    found.push(...(event.data as unknown as { items: NewTransaction[] }).items);
  }
  return found;
}

function table(result: SyncResult): string {
  const { skipped, wouldWrite, problems, ...figures } = result;
  const rows = Object.entries({
    ...figures,
    ...Object.fromEntries(Object.entries(skipped).map(([reason, n]) => [`skipped: ${reason}`, n])),
  });
  const list = (wouldWrite ?? []).map(
    (item) => `would write ${item.date} ${item.amount} ${item.payeeName ?? ""}`,
  );
  const unread = problems.map((text) => `not read: ${text}`);
  return (
    [...rows.map(([name, value]) => `${name.padEnd(28)} ${value}`), ...unread, ...list].join("\n") + "\n"
  );
}
