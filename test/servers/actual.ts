import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { startClient, type ActualClient, type BudgetSpec, type CreatedBudget } from "./actual-client";
import { actualInstall } from "./actual-install";

/** A real Actual server with a password, for tests. */
export interface ActualServer {
  url: string;
  password: string;
  /** Folder of the server and of everything made for it; gone after `stop`. */
  dataDir: string;
  /** Where `@actual-app/api` can be loaded from. */
  modulePath: string;
  /** Make a budget on the server. */
  createBudget(spec: BudgetSpec): Promise<CreatedBudget>;
  /** Another client of the server in a process of its own; ends with the server at the latest. */
  client(): Promise<ActualClient>;
  /** Stop answering for a while, keeping the data. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /**
   * Actual takes 500 requests a minute from one address and has no setting for it; a quick machine asks for more. Starts
   * the server again, which forgets its count, where fewer than `requests` are left.
   */
  makeRoom(requests?: number): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = "correct horse battery staple";

/** Start a server on a free port; the first time on a machine this installs it, which takes minutes. */
export async function startActualServer(): Promise<ActualServer | { unavailable: string }> {
  const install = await actualInstall();
  if ("unavailable" in install) return install;
  const dataDir = mkdtempSync(path.join(tmpdir(), "tallyflow-actual-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server: ChildProcess;
  try {
    server = await launch(install.folder, dataDir, port);
  } catch (error) {
    rmSync(dataDir, { recursive: true, force: true });
    return { unavailable: `the Actual server did not start: ${(error as Error).message}` };
  }
  await bootstrap(url);
  const clients: ActualClient[] = [];
  const client = async () => {
    const folder = mkdtempSync(path.join(dataDir, "client-"));
    const started = await startClient(install.folder, folder, url, PASSWORD);
    clients.push(started);
    return started;
  };
  let maker: ActualClient | undefined;
  const resume = async () => {
    server = await launch(install.folder, dataDir, port);
  };
  return {
    url,
    password: PASSWORD,
    dataDir,
    modulePath: install.folder,
    async createBudget(spec) {
      maker ??= await client();
      return maker.createBudget(spec);
    },
    client,
    pause: () => end(server),
    resume,
    async makeRoom(requests = 300) {
      const { headers } = await fetch(`${url}/health`);
      const left = headers.get("ratelimit-remaining");
      if (left !== null && Number(left) >= requests) return;
      await end(server);
      await resume();
    },
    async stop() {
      await Promise.all(clients.map((one) => one.close()));
      await end(server);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function launch(install: string, dataDir: string, port: number): Promise<ChildProcess> {
  const bin = path.join(install, "node_modules/@actual-app/sync-server/build/bin/actual-server.js");
  const child = spawn(process.execPath, [bin], {
    cwd: dataDir,
    env: {
      PATH: process.env["PATH"],
      HOME: dataDir,
      ACTUAL_DATA_DIR: dataDir,
      ACTUAL_HOSTNAME: "127.0.0.1",
      ACTUAL_PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (text: Buffer) => (output = (output + text.toString()).slice(-1000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const until = Date.now() + 60_000;
  while (Date.now() < until && child.exitCode === null) {
    const answers = await fetch(`http://127.0.0.1:${port}/account/needs-bootstrap`).then(
      (response) => response.ok,
      () => false,
    );
    if (answers) return child;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await end(child);
  throw new Error(output.trim() || "no answer within a minute");
}

async function bootstrap(url: string): Promise<void> {
  const response = await fetch(`${url}/account/bootstrap`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ password: PASSWORD }),
  });
  if (!response.ok) throw new Error(`bootstrap of the Actual server failed with ${response.status}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
