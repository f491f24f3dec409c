import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { cacheFolder } from "./cache";

/**
 * A server that speaks MongoDB's protocol, for tests: `MONGODB_URI` when set, else `mongod` from the PATH, else
 * FerretDB with its SQLite backend and an index that its look-ups use, built once with Go and kept in the user's cache
 * folder.
 */
export interface MongoServer {
  kind: "given" | "mongod" | "ferretdb" | "java";
  /** Stays the same over `kill` and `restart`. */
  uri: string;
  /** End it and remove its data. A server that was given is left alone. */
  stop(): Promise<void>;
  /** SIGKILL; the data stay. Throws for a server that was given. */
  kill(): Promise<void>;
  /** Start again on the same port and data after `kill`. */
  restart(): Promise<void>;
}

const SOURCES = path.resolve(__dirname, "../../../test/servers/ferretdb");

/** Start a server, or say what to install so that one can be started. */
export async function startMongo(): Promise<MongoServer | { unavailable: string }> {
  const given = process.env["MONGODB_URI"];
  if (given) return givenServer(given);
  if (runs("mongod", ["--version"])) return ownServer("mongod", mongodArgs("mongod"));
  const binary = ferretBinary();
  if (typeof binary !== "string") return binary;
  return ownServer("ferretdb", (port, folder) => [binary, `127.0.0.1:${port}`, folder]);
}

/** The command line of a server on this port with its data in this folder. */
export type CommandOf = (port: number, folder: string) => [string, ...string[]];

function mongodArgs(binary: string): CommandOf {
  return (port, folder) => [
    binary,
    "--dbpath",
    folder,
    "--port",
    String(port),
    "--bind_ip",
    "127.0.0.1",
    "--quiet",
  ];
}

/** In memory where the machine has such a place: FerretDB waits for the disk at every single write. */
function scratch(): string {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}

function givenServer(uri: string): MongoServer {
  const refuse = () => Promise.reject(new Error("The server of MONGODB_URI is not the tests' to stop."));
  return { kind: "given", uri, stop: () => Promise.resolve(), kill: refuse, restart: refuse };
}

/** A server of the tests' own on a free port, with a folder for its data. */
export async function ownServer(
  kind: "mongod" | "ferretdb" | "java",
  command: CommandOf,
): Promise<MongoServer> {
  const folder = mkdtempSync(path.join(scratch(), "tallyflow-mongo-"));
  const port = await freePort();
  let child = await launch(command(port, folder), port);
  const atExit = () => child.kill("SIGKILL");
  process.once("exit", atExit);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.ref();
    child.kill(signal);
    await ended;
  };
  return {
    kind,
    uri: `mongodb://127.0.0.1:${port}/`,
    kill: () => end("SIGKILL"),
    restart: async () => {
      child = await launch(command(port, folder), port);
    },
    stop: async () => {
      await end("SIGTERM");
      process.removeListener("exit", atExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Start the process and wait until it says that it listens. Its standard input is the thread it hangs by. */
async function launch([binary, ...args]: [string, ...string[]], port: number): Promise<ChildProcess> {
  const child = spawn(binary, args, { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (line.includes("Waiting for connections") || line.includes(`:${port}`)) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${binary} ended with ${code}: ${complaint}`)));
  });
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as unknown as { unref(): void }).unref();
  return child;
}

/** The built FerretDB, from the cache or built now; its name carries a hash of its sources. */
export function ferretBinary(): string | { unavailable: string } {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "index.go", "main.go"])
    hash.update(readFileSync(path.join(SOURCES, name)));
  const cache = cacheFolder();
  const binary = path.join(cache, `ferretdb-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(binary)) return binary;
  if (!runs("go", ["version"])) {
    return {
      unavailable:
        "no MongoDB to test with: set MONGODB_URI, or install mongod (MongoDB 4.2 or newer), or Go 1.24 to build FerretDB",
    };
  }
  mkdirSync(cache, { recursive: true });
  const part = `${binary}.${process.pid}`;
  const built = spawnSync("go", ["build", "-o", part, "."], { cwd: SOURCES, encoding: "utf8" });
  if (built.status !== 0) {
    return {
      unavailable: `no MongoDB to test with: FerretDB did not build (${built.stderr.trim().slice(-300)})`,
    };
  }
  renameSync(part, binary);
  return binary;
}

function runs(binary: string, args: string[]): boolean {
  return spawnSync(binary, args, { stdio: "ignore" }).status === 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
