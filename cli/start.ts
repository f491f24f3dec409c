import path from "node:path";
import { parseArgs } from "node:util";
import { toTallyError } from "../lib/values";
import { EXIT, type CommandIo } from "./io";
import { startNodeRed, type NodeRed } from "./node-red";
import { FIRST_JOB } from "./shipped";
import { startSimulatorsProcess, type SimulatorsProcess } from "./simulators-process";
import { PACKAGE_ROOT } from "./user-dir";

const USAGE = `tallyflow start [--user-dir DIR] [--port N] [--host ADDRESS] [--no-demo]

Starts Node-RED with Tallyflow's flows. Unless a bank is connected (TALLYFLOW_BANK_API_KEY or TALLYFLOW_BANK_FOLDER
is set) or --no-demo is given, a simulated household stands in for bank and budget and the first pass runs at once.
`;

/** Connections that a person made take the place of the simulated household. */
const CONNECTED = [
  "TALLYFLOW_BANK_API_KEY",
  "TALLYFLOW_BANK_FOLDER",
  "TALLYFLOW_BUDGET_TOKEN",
  "TALLYFLOW_BUDGET_SYNC_ID",
];

/** The `start` command: Node-RED in the foreground, until it is stopped. */
export async function startCommand(argv: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      "user-dir": { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      "no-demo": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    io.stdout.write(USAGE);
    return EXIT.ok;
  }
  const userDir = path.resolve(
    values["user-dir"] ?? process.env["TALLYFLOW_USER_DIR"] ?? path.join(PACKAGE_ROOT, ".tallyflow"),
  );
  const port = Number(values.port ?? process.env["PORT"] ?? 1880);
  const demo = !values["no-demo"] && !CONNECTED.some((name) => process.env[name]);
  const say = (text: string) => io.stderr.write(text + "\n");
  let simulators: SimulatorsProcess | undefined;
  let nodeRed: NodeRed | undefined;
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await nodeRed?.stop();
    await simulators?.stop();
  };
  try {
    if (demo) {
      simulators = await startSimulatorsProcess(["--state", path.join(userDir, "tallyflow", "household")]);
      say(
        "A simulated household stands in for your bank and your budget. The README says how to connect your own.",
      );
    }
    nodeRed = await startNodeRed({
      userDir,
      port,
      ...(values.host ? { host: values.host } : {}),
      env: simulators?.env ?? {},
      output: (text) => io.stderr.write(text),
    });
    say(`\nEditor:    ${nodeRed.url}/\nDashboard: ${nodeRed.url}/dashboard\n`);
    const ended = new Promise<void>((resolve) => nodeRed!.process.once("exit", () => resolve()));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void stop());
    if (demo)
      firstPass(nodeRed, say).catch(
        (error: unknown) => stopping || say(`The first pass did not run: ${toTallyError(error).message}`),
      );
    await ended;
    await simulators?.stop();
    return stopping ? EXIT.ok : EXIT.failed;
  } catch (error) {
    await stop();
    say(toTallyError(error).message);
    return EXIT.couldNotRun;
  }
}

async function firstPass(nodeRed: NodeRed, say: (text: string) => void): Promise<void> {
  const { items } = await nodeRed.get<{ items: unknown[] }>("/tallyflow/runs?limit=1");
  if (items.length > 0) return;
  const { run } = await nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job);
  say(
    `First pass ${run.state.toLowerCase()}: ${run.counts["queue-sync.synced"] ?? 0} payments written to the budget.`,
  );
}
