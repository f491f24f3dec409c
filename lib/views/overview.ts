import { bankAccounts, payments } from "../store";
import { readStates } from "./queue";
import { runRow } from "./runs";
import type { PageOfRows, Sources, ViewRequest } from "./types";

/** One row: how much came in, what became of it, the last run, and when the next one starts. */
export async function readOverview(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const { store, ledger, schedules } = sources;
  const states = await readStates(sources, { ...request, state: undefined });
  const items = new Map(states.rows.map((row) => [row["state"], Number(row["items"])]));
  const sum = (...names: string[]) => names.reduce((total, name) => total + (items.get(name) ?? 0), 0);
  const newest = await store.collection(payments).find({ index: "byDate", order: "desc", limit: 1 });
  const { items: runs } = await ledger.list({ limit: 1 });
  const last = runs[0] ? runRow(runs[0]) : undefined;
  const next = schedules.filter((one) => one.next !== null).sort((a, b) => (a.next! < b.next! ? -1 : 1))[0];
  return {
    rows: [
      {
        accounts: await store.collection(bankAccounts).count({ index: "id" }),
        payments: await store.collection(payments).count({ index: "id" }),
        newestPayment: newest.items[0]?.date ?? null,
        written: sum("synced"),
        waiting: sum("new", "classified", "leased", "sending", "retry"),
        review: sum("review"),
        skipped: sum("skipped"),
        dead: sum("dead"),
        lastRunId: last?.["id"] ?? null,
        lastRunJob: last?.["job"] ?? null,
        lastRunState: last?.["state"] ?? null,
        lastRunStartedAt: last?.["startedAt"] ?? null,
        lastRunDurationMs: last?.["durationMs"] ?? null,
        lastRunWritten: last?.["written"] ?? null,
        lastRunError: last?.["error"] ?? null,
        nextRunJob: next?.job ?? null,
        nextRunAt: next?.next ?? null,
      },
    ],
  };
}
