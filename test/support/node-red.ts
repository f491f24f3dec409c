import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../../cli/node-red";
import { prepareUserDir, type FlowNode } from "../../cli/user-dir";

/** A Node-RED process with settings of the spec's own: with a login, or of another version. */
export interface TestNodeRed {
  url: string;
  userDir: string;
  log(): string;
  stop(): Promise<void>;
}

export interface TestNodeRedOptions {
  /** Its `red.js`; that of the development dependency when absent. */
  red?: string;
  flows?: readonly FlowNode[];
  /** A user directory that is there, with its own packages and flows; it is left alone in the end. */
  userDir?: string;
  settings?: Record<string, unknown>;
  env?: Record<string, string>;
}

const START_LIMIT_MS = 120_000;

/** Start Node-RED, on a fresh user directory unless one is given, and wait until its flows were started. */
export async function startTestNodeRed(options: TestNodeRedOptions = {}): Promise<TestNodeRed> {
  const userDir = options.userDir ?? mkdtempSync(path.join(tmpdir(), "tallyflow-node-red-"));
  const credentialSecret = options.userDir
    ? "secret of the specs"
    : prepareUserDir(userDir, () => options.flows ?? []).credentialSecret;
  const port = await freePort();
  const settings = {
    uiPort: port,
    uiHost: "127.0.0.1",
    flowFile: "flows.json",
    credentialSecret,
    telemetry: { enabled: false, updateNotification: false },
    editorTheme: { tours: false, projects: { enabled: false }, palette: { catalogues: [] } },
    ...options.settings,
  };
  const file = path.join(userDir, "settings.js");
  writeFileSync(file, `module.exports = ${JSON.stringify(settings)};\n`);
  const red = options.red ?? require.resolve("node-red/red.js");
  const child = spawn(process.execPath, [red, "--userDir", userDir, "--settings", file], {
    cwd: userDir,
    env: { ...withoutTallyflow(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const heard = (chunk: Buffer) => (log += chunk.toString());
  child.stdout.on("data", heard);
  child.stderr.on("data", heard);
  let ended: string | undefined;
  const end = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = String(signal ?? code);
      resolve();
    });
  });
  const stop = async () => {
    if (ended === undefined) child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await end;
    clearTimeout(kill);
    if (!options.userDir) rmSync(userDir, { recursive: true, force: true });
  };
  const until = Date.now() + START_LIMIT_MS;
  while (!log.includes("Started flows")) {
    if (ended !== undefined || Date.now() > until) {
      await stop();
      throw new Error(`Node-RED did not start (${ended ?? "time-out"}):\n${log.slice(-2000)}`);
    }
    await wait(100);
  }
  return { url: `http://127.0.0.1:${port}`, userDir, log: () => log, stop };
}

/** The environment without what would fill the nodes' fields. */
function withoutTallyflow(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^TALLYFLOW_(BANK|BUDGET|STORE)_/.test(name)),
  );
}
