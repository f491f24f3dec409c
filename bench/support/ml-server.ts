import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabelledExample } from "../../lib/learning";
import type { Target } from "./inference-load";
import { pythonWith } from "./python";

const root = path.resolve(__dirname, "../../..");
const TRAIN_MS = 20 * 60_000;
const START_MS = 60_000;

/** Version 0.22 of uvloop has no `uvloop.install` by which MLServer 1.7.1 starts. */
const PACKAGES = [
  "uvloop==0.21.0",
  "scikit-learn==1.9.1",
  "mlserver==1.7.1",
  "mlserver-sklearn==1.7.1",
] as const;
export const ML_SERVER = "MLServer 1.7.1";

/** The Python with MLServer, or why there is none. */
export function mlServerPython(): { python: string } | { skipped: string } {
  const python = pythonWith("venv-serving", PACKAGES);
  if (!python) return { skipped: "python3 with venv is not there" };
  const found = spawnSync(python, ["-c", "import mlserver, mlserver_sklearn, sklearn, uvloop"], {
    encoding: "utf8",
  });
  if (found.status === 0) return { python };
  return {
    skipped: `MLServer could not be had from PyPI: ${found.stderr.trim().split("\n").at(-1) ?? "failed"}`,
  };
}

/** TF-IDF of letters and a linear SVM on the same rows, as a file in the folder. */
export function trainPeer(
  python: string,
  folder: string,
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
): { accuracy: number; trainSeconds: number } {
  const plain = (rows: readonly LabelledExample[]) =>
    JSON.stringify(rows.map((row) => [textOf(row), row.label]));
  writeFileSync(path.join(folder, "train.json"), plain(train));
  writeFileSync(path.join(folder, "test.json"), plain(test));
  const script = path.join(root, "bench/peers/serving.py");
  const ran = spawnSync(python, [script, folder], { encoding: "utf8", timeout: TRAIN_MS });
  if (ran.status !== 0)
    throw new Error(`The peer could not be trained: ${ran.stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(ran.stdout) as { accuracy: number; trainSeconds: number };
}

/**
 * Serve the model of the folder while work goes on.
 * @param workers processes for the inference; 0: in the server's own
 */
export async function withMlServer<T>(
  python: string,
  folder: string,
  workers: number,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const [port, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const settings = {
    debug: false,
    host: "127.0.0.1",
    http_port: port,
    grpc_port: grpc,
    metrics_port: metrics,
  };
  writeFileSync(
    path.join(folder, "settings.json"),
    JSON.stringify({ ...settings, parallel_workers: workers }),
  );
  const implementation = "mlserver_sklearn.SKLearnModel";
  const parameters = { uri: "./model.joblib", version: "1" };
  writeFileSync(
    path.join(folder, "model-settings.json"),
    JSON.stringify({ name: "payments", implementation, parameters }),
  );
  const command = path.join(path.dirname(python), "mlserver");
  // A group of its own: its workers go with it.
  const child = spawn(command, ["start", folder], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const model = `http://127.0.0.1:${port}/v2/models/payments`;
  try {
    const limit = Date.now() + START_MS;
    while (!(await answers(`${model}/ready`))) {
      if (Date.now() > limit || child.exitCode !== null)
        throw new Error(`MLServer did not start: ${said.slice(-500)}`);
      await delay(200);
    }
    return await work({ url: `${model}/infer`, headers: {}, requestOf, output: "predict", width: 1 });
  } finally {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, "SIGTERM");
    await Promise.race([ended, delay(10_000)]);
    if (child.exitCode === null && child.signalCode === null && child.pid)
      process.kill(-child.pid, "SIGKILL");
  }
}

function requestOf(rows: readonly LabelledExample[]): object {
  const data = rows.map(textOf);
  return {
    parameters: { content_type: "str" },
    inputs: [{ name: "text", datatype: "BYTES", shape: [data.length], data }],
  };
}

/** What a payment says, as one text. */
function textOf({ text, description }: LabelledExample): string {
  return `${text} | ${description}`;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
