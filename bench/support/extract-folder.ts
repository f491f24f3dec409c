import { monitorEventLoopDelay } from "node:perf_hooks";
import { bankExtract } from "../../lib/bank";
import { openStatementFiles } from "../../lib/bank/statements";
import { openStore } from "../../lib/store";
import { processStats } from "./process-stats";
import { watchStalls } from "./stall-watch";

/**
 * A process of its own that extracts the statements of a folder into an SQLite store, as the bank extract node does,
 * and prints what it cost. Arguments: folder, path of the store.
 */

export interface ExtractFigures {
  payments: number;
  badRows: number;
  seconds: number;
  peakMb: number;
  /** Of the main thread's event loop, by the clock, as perf_hooks sees it. */
  longestStallMs: number;
  p99Ms: number;
  /** CPU time of the main thread within its longest stall by CPU time. */
  longestStallCpuMs: number;
}

const RESOLUTION_MS = 5;

async function extract(folder: string, file: string): Promise<ExtractFigures> {
  const store = await openStore({ kind: "sqlite", path: file });
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  // From here on: what starting the process costs is not the extract's.
  const takeStalls = watchStalls();
  const began = performance.now();
  const provider = openStatementFiles({ folder, timeZone: "Europe/Amsterdam", store, settleMs: 0 });
  const { counts } = await bankExtract(
    {
      store,
      runId: "run:bench",
      signal: new AbortController().signal,
      progress: () => {},
      log: () => {},
      emit: async () => {},
      now: () => new Date().toISOString(),
    },
    provider,
    { budgetIds: ["budget:bench"] },
  );
  const seconds = (performance.now() - began) / 1000;
  delays.disable();
  await provider.close();
  await store.close();
  const ms = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    payments: counts["inserted"] ?? 0,
    badRows: counts["badRows"] ?? 0,
    seconds,
    peakMb: processStats(process.pid).peakMb,
    longestStallMs: ms(delays.max),
    p99Ms: ms(delays.percentile(99)),
    longestStallCpuMs: Math.max(0, ...takeStalls().map(({ cpuMs }) => cpuMs)),
  };
}

const [folder, file] = process.argv.slice(2);
if (require.main === module && folder && file)
  void extract(folder, file).then((figures) => console.log(JSON.stringify(figures)));
