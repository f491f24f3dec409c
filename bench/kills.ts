import { parseArgs } from "node:util";
import { householdOf, killAgainAndAgain, type KillFigures } from "../test/kills/harness";
import { startMongo } from "../test/servers/mongo";
import type { Bench, BenchResult } from "./result";

/** FerretDB decodes what it looks through, about a millisecond a document: its household is smaller. */
const FERRETDB_PAYMENTS = 600;

export const bench: Bench = {
  summary: "the main job in a Node-RED that is killed hundreds of times, with faults by chance",
  options: `
  --store sqlite|mongodb|both on which store (both; mongodb where MONGODB_URI, mongod or FerretDB is at hand)
  --kills N                   how often Node-RED is killed (200 on SQLite, 100 on MongoDB's protocol)
  --payments N                payments that Tallyflow has to write (5,000; on FerretDB ${FERRETDB_PAYMENTS})
  --seed N                    other moments and faults
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        store: { type: "string", default: "both" },
        kills: { type: "string" },
        payments: { type: "string" },
        seed: { type: "string" },
      },
    });
    const stores = values.store === "both" ? ["sqlite", "mongodb"] : [values.store];
    const unknown = stores.find((name) => name !== "sqlite" && name !== "mongodb");
    if (unknown) throw new Error(`--store is sqlite, mongodb or both, not ${unknown}.`);
    const ours: Record<string, KillFigures> = {};
    const notes = [
      "stuck: payments that wait in the queue for something that nobody does. unequalBalances: accounts whose balance in the budget is not the bank's.",
    ];
    const seed = values.seed ? { seed: Number(values.seed) } : {};
    for (const store of stores) {
      if (store === "sqlite") {
        say("SQLite");
        ours["sqlite"] = await killAgainAndAgain({
          kills: Number(values.kills ?? 200),
          household: householdOf(Number(values.payments ?? 5_000)),
          ...seed,
          say,
        });
        continue;
      }
      const server = await startMongo();
      if ("unavailable" in server) {
        notes.push(`Not on MongoDB's protocol: ${server.unavailable}.`);
        continue;
      }
      say(server.kind);
      const small = server.kind === "ferretdb" ? FERRETDB_PAYMENTS : 5_000;
      try {
        ours[server.kind] = await killAgainAndAgain({
          kills: Number(values.kills ?? 100),
          household: householdOf(Number(values.payments ?? small)),
          storeUrl: `${server.uri}tallyflow_kills_${process.pid}`,
          ...(server.kind === "given" ? {} : { server }),
          ...seed,
          say,
        });
      } finally {
        await server.stop();
      }
    }
    return { name: "kills", ours: { ...ours }, peers: {}, ratios: {}, notes } satisfies BenchResult;
  },
};
