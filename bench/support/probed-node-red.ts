import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNodeRed, type NodeRed, type NodeRedOptions } from "../../cli/node-red";
import type { ProbeReport } from "./probe";
import { processStats, type ProcessStats } from "./process-stats";

/** A real Node-RED in its own process, with the probe in it. */
export interface ProbedNodeRed extends NodeRed {
  /** What the probe saw since it was last asked. */
  look(): Promise<ProbeReport>;
  stats(): ProcessStats;
}

const LOOK_LIMIT_MS = 20_000;

/** Start Node-RED as the commands of this package do, with the probe loaded first. */
export async function startProbed(options: NodeRedOptions): Promise<ProbedNodeRed> {
  const file = path.join(options.userDir, "probe.json");
  const nodeRed = await startNodeRed({
    ...options,
    execArgv: ["--require", path.join(__dirname, "probe.js"), ...(options.execArgv ?? [])],
    env: { ...options.env, TALLYFLOW_PROBE_FILE: file },
  });
  return Object.assign(nodeRed, {
    look: async () => {
      rmSync(file, { force: true });
      nodeRed.process.kill("SIGURG");
      const limit = Date.now() + LOOK_LIMIT_MS;
      while (Date.now() < limit) {
        if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as ProbeReport;
        await delay(20);
      }
      throw new Error("The probe inside Node-RED did not answer.");
    },
    stats: () => processStats(nodeRed.process.pid!),
  });
}
