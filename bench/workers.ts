import { parseArgs } from "node:util";
import { householdOf } from "../test/kills/harness";
import { startMongoJava } from "../test/servers/mongo-java";
import { fillQueue, shareQueue, type WorkersFigures } from "../test/workers/harness";
import { rounded, type Bench } from "./result";

/** What a bulk takes at YNAB is seconds; with less, two cores would be the limit and not the budget. */
const LATENCY_MS = 2_000;
/** Requests that an hour still allows in the last round, and bulks that the queue needs are more. */
const CALLS_LEFT = 24;
const CALLS_PER_HOUR = 200;

export const bench: Bench = {
  summary: "one queue shared by one, two and four Node-REDs, until the budget's rate limit",
  options: `
  --payments N     payments that wait in the queue (20,000)
  --latency MS     how long the budget takes for an answer (${LATENCY_MS})
  --workers LIST   numbers of workers (1,2,4)
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        payments: { type: "string", default: "20000" },
        latency: { type: "string", default: String(LATENCY_MS) },
        workers: { type: "string", default: "1,2,4" },
      },
    });
    const latencyMs = Number(values.latency);
    const numbers = values.workers.split(",").map(Number);
    const server = await startMongoJava();
    if ("unavailable" in server) throw new Error(`Not measured: ${server.unavailable}.`);
    const url = (name: string) => `${server.uri}tallyflow_workers_${name}`;
    try {
      say("Filling the queue");
      const filled = await fillQueue(householdOf(Number(values.payments)));
      const ours: Record<string, WorkersFigures> = {};
      for (const workers of numbers) {
        say(`${workers} workers on ${filled.waiting} payments`);
        ours[`${workers} workers`] = await shareQueue(filled, {
          workers,
          storeUrl: url(String(workers)),
          latencyMs,
        });
      }
      const most = Math.max(...numbers);
      say(`${most} workers, and ${CALLS_LEFT} requests left in the hour`);
      const limited = `${most} workers, ${CALLS_LEFT} requests left in the hour`;
      ours[limited] = await shareQueue(filled, {
        workers: most,
        storeUrl: url("limit"),
        latencyMs,
        callsBefore: CALLS_PER_HOUR - CALLS_LEFT,
      });
      const first = ours[`${numbers[0]} workers`]!;
      const ratios: Record<string, number> = {};
      for (const workers of numbers.slice(1))
        ratios[`throughput of ${workers} workers / ${numbers[0]}`] = rounded(
          ours[`${workers} workers`]!.perSecond / first.perSecond,
        );
      return {
        name: "workers",
        ours: { waiting: filled.waiting, ...ours },
        peers: {},
        ratios,
        notes: [
          `The store is mongo-java-server, in memory. The simulated budget answers after ${latencyMs} ms and takes 1,000 payments a request. All processes share this machine's cores.`,
          "In the last round the payments that are left wait for the next hour: nothing was refused, lost or given up.",
        ],
      };
    } finally {
      await server.stop();
    }
  },
};
