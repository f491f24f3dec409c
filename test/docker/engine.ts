import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ferretBinary } from "../servers/mongo";
import { sharedPath } from "../support/shared";

/** A Docker engine to test with: the one that runs, else one of this test's own. */
export interface Engine {
  env: NodeJS.ProcessEnv;
  /** How compose is called here: the plugin (v2), or Debian's docker-compose (v1). */
  compose: readonly [string, ...string[]];
  stop(): Promise<void>;
}

export interface Output {
  code: number;
  stdout: string;
  /** Both streams as they came. */
  all: string;
}

/** Run a program to its end. */
export function run(
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Output> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const output: Output = { code: -1, stdout: "", all: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      output.stdout += chunk.toString();
      output.all += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => (output.all += chunk.toString()));
    child.once("error", (error) => resolve({ ...output, all: error.message }));
    child.once("close", (code) => resolve({ ...output, code: code ?? -1 }));
  });
}

/** Run a program that must succeed; answers its standard output. */
export async function must(
  command: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { code, stdout, all } = await run(command, env);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${all.slice(-3000)}`);
  return stdout.trim();
}

/** The engine, or what to install to have one. */
export async function findEngine(): Promise<Engine | { unavailable: string }> {
  if ((await run(["docker", "info"])).code === 0) return withCompose(process.env, () => Promise.resolve());
  const tool = sharedPath("tools", "docker-engine");
  const install = "start a Docker engine of version 20.10 or newer, with compose";
  if (!tool) return { unavailable: install };
  if (process.getuid?.() !== 0 || (await run(["apt-get", "--version"])).code !== 0)
    return { unavailable: `${install} (one can be made here only by root, with apt)` };
  const up = await run([tool, "up"]);
  if (up.code !== 0)
    return { unavailable: `${install} (none could be made here: ${up.all.trim().slice(-300)})` };
  const env = { ...process.env };
  for (const [, name, value] of up.stdout.matchAll(/^export (\w+)="?([^"\n]*)"?$/gm))
    env[name!] = value!.replace("$PATH", process.env["PATH"] ?? "");
  return withCompose(env, async () => void (await must([tool, "down"])));
}

async function withCompose(
  given: NodeJS.ProcessEnv,
  stop: () => Promise<void>,
): Promise<Engine | { unavailable: string }> {
  // v1 leaves building to the docker command, and so to BuildKit, only when asked.
  const env = { ...given, DOCKER_BUILDKIT: "1", COMPOSE_DOCKER_CLI_BUILD: "1" };
  for (const compose of [["docker", "compose"], ["docker-compose"]] as [string, ...string[]][])
    if ((await run([...compose, "version"], env)).code === 0) return { env, compose, stop };
  await stop();
  return { unavailable: "install docker-compose, or Docker's compose plugin" };
}

const STAND_IN = `FROM node:24-bookworm-slim
RUN groupadd --gid 999 --system mongodb \\
 && useradd --uid 999 --system --gid mongodb --home-dir /data/db mongodb \\
 && mkdir -p /data/db /data/configdb && chown -R mongodb:mongodb /data
COPY ferretdb mongosh /usr/local/bin/
VOLUME /data/db /data/configdb
EXPOSE 27017
# FerretDB ends with its standard input. It writes each document in a transaction of its own; waiting for the disk each
# time is of no use here, where only containers are stopped, and takes minutes. It appends a slash to the folder.
CMD ["bash", "-c", "exec ferretdb 0.0.0.0:27017 '/data/db/?_pragma=synchronous(off)&folder=' < <(exec sleep infinity)"]
`;

const MONGOSH = `#!/usr/bin/env node
// Does something listen? More is not asked of the health check's mongosh.
require("node:net").connect(27017, "127.0.0.1", () => process.exit(0)).on("error", () => process.exit(1));
`;

/**
 * The tag of a MongoDB image that is at hand: the shipped one where it can be pulled, else a stand-in with the same
 * user, folders and health check, in which FerretDB runs.
 */
export async function mongoTag(
  engine: Engine,
  shipped: string,
): Promise<{ tag: string } | { unavailable: string }> {
  const image = `mongo:${shipped}`;
  for (const how of [
    ["image", "inspect"],
    ["pull", "-q"],
  ])
    if ((await run(["docker", ...how, image], engine.env)).code === 0) return { tag: shipped };
  const binary = ferretBinary();
  if (typeof binary !== "string") return binary;
  const context = mkdtempSync(path.join(tmpdir(), "tallyflow-mongo-image-"));
  try {
    copyFileSync(binary, path.join(context, "ferretdb"));
    writeFileSync(path.join(context, "mongosh"), MONGOSH, { mode: 0o755 });
    writeFileSync(path.join(context, "Dockerfile"), STAND_IN);
    await must(["docker", "build", "-q", "-t", "mongo:tallyflow-stand-in", context], engine.env);
    return { tag: "tallyflow-stand-in" };
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
