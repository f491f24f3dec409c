import path from "node:path";
import { parseArgs } from "node:util";
import { toTallyError } from "../lib/values";
import { demoHousehold, demoStore, secretsFromFiles, wantsDemo } from "./environment";
import { EXIT, type CommandIo } from "./io";
import { prepareLogin } from "./login";
import { startNodeRed, type NodeRed } from "./node-red";
import { FIRST_JOB } from "./shipped";
import { startSimulatorsProcess, type SimulatorsProcess } from "./simulators-process";
import { findNodeRed, PACKAGE_ROOT } from "./user-dir";

const USAGE = `tallyflow start [--user-dir DIR] [--port N] [--host ADDRESS] [--login] [--no-demo]

Starts Node-RED with Tallyflow's flows. Unless a bank or a budget is connected, in the environment or in the flows, a
simulated household stands in for both and the first pass runs at once; --no-demo or TALLYFLOW_DEMO=0 leaves it out.
With --login editor and dashboards ask for a password, which is made at first start and said once.
A settings.js in DIR takes the place of Tallyflow's settings; it may take them over from the file TALLYFLOW_SETTINGS.
Any variable TALLYFLOW_... may be given as TALLYFLOW_..._FILE, the name of a file that holds the value.
`;

const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

/** The `start` command: Node-RED in the foreground, until it is stopped. */
export async function startCommand(argv: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      "user-dir": { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      login: { type: "boolean" },
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
  const say = (text: string) => io.stderr.write(text + "\n");
  let simulators: SimulatorsProcess | undefined;
  let nodeRed: NodeRed | undefined;
  const stopped = new AbortController();
  const stop = async () => {
    await nodeRed?.stop();
    await simulators?.stop();
  };
  // From the first moment: as process 1 of a container a signal without a handler is lost.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      stopped.abort();
      void stop();
    });
  try {
    const secrets = secretsFromFiles(process.env);
    const env = { ...process.env, ...secrets };
    const demo = !values["no-demo"] && wantsDemo(env, userDir);
    const loginFile = values.login ? await prepareLogin(userDir, findNodeRed(), say, env) : undefined;
    if (!loginFile && values.host && !LOOPBACK.includes(values.host))
      say(`Whoever reaches ${values.host}:${port} can change the flows and see the data. Give --login.`);
    if (demo) {
      simulators = await startSimulatorsProcess([
        ...["--state", path.join(userDir, "tallyflow", "household"), "--aggregators"],
        ...demoHousehold(env),
      ]);
      say(
        "A simulated household stands in for your bank and your budget. The README says how to connect your own.",
      );
    }
    nodeRed = await startNodeRed({
      userDir,
      port,
      ...(values.host ? { host: values.host } : {}),
      ...(loginFile ? { loginFile } : {}),
      // The password itself goes no further than this process.
      env: {
        ...secrets,
        ...(simulators ? { ...simulators.env, ...demoStore(env) } : {}),
        TALLYFLOW_ADMIN_PASSWORD: "",
      },
      output: (text) => io.stderr.write(text),
      signal: stopped.signal,
    });
    const ended = new Promise<void>((resolve) => nodeRed!.process.once("exit", () => resolve()));
    if (nodeRed.ownSettings) say(`Node-RED runs with ${nodeRed.ownSettings}.`);
    else say(`\nEditor:    ${nodeRed.url}/\nDashboard: ${nodeRed.url}/dashboard\n`);
    if (demo && !nodeRed.ownSettings)
      firstPass(nodeRed, say).catch(
        (error: unknown) =>
          stopped.signal.aborted || say(`The first pass did not run: ${toTallyError(error).message}`),
      );
    await ended;
    await simulators?.stop();
    return stopped.signal.aborted ? EXIT.ok : EXIT.failed;
  } catch (error) {
    await stop();
    if (stopped.signal.aborted) return EXIT.ok;
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
