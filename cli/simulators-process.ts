import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { HouseholdOptions } from "../simulators/household";
import { TallyError } from "../lib/values";

/** The simulated bank and budget in a process of their own, so that their memory and work are not Node-RED's. */
export interface SimulatorsProcess {
  env: Record<string, string>;
  options: HouseholdOptions;
  stop(): Promise<void>;
}

/**
 * Start `tallyflow simulate` beside this process; it ends with it.
 * @throws TallyError INTERNAL when it does not come up
 */
export async function startSimulatorsProcess(args: readonly string[]): Promise<SimulatorsProcess> {
  const cli = path.join(__dirname, "tallyflow.js");
  const child = spawn(process.execPath, [cli, "simulate", "--until-stdin-ends", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  // They stand for servers elsewhere, which would take no core from Node-RED.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const line = await new Promise<string | undefined>((resolve) => {
    const lines = createInterface({ input: child.stdout });
    lines.once("line", resolve);
    lines.once("close", () => resolve(undefined));
  });
  if (!line)
    throw new TallyError(
      "INTERNAL",
      `The simulated bank and budget did not start: ${errors.trim() || "no reason given"}`,
    );
  const { env, options } = JSON.parse(line) as { env: Record<string, string>; options: HouseholdOptions };
  return {
    env,
    options,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
