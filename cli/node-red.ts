import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Run, RunStep } from "../lib/store";
import { TallyError } from "../lib/values";
import { findNodeRed, prepareUserDir, type FlowNode } from "./user-dir";

/**
 * Node-RED shares a small machine with others. Left alone, Node takes memory as long as the machine has some: in the
 * main-job benchmark 400 MB where these leave it at 275, at no cost in time (`--optimize-for-size` would save 50 more,
 * for half more CPU time and longer stalls). The same holds for glibc's arenas, of which each thread would get its own,
 * and for its thresholds, which grow with what is freed, so that the memory of large arrays (models, pages of rows) would
 * stay with the process: mallopt(3), M_MMAP_THRESHOLD. Of V8's four helpers for collecting garbage one is enough: on two
 * cores the others held up the main thread for 50 ms at times.
 */
export const SMALL_ENV = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: String(128 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024),
};
/** See above. */
export const SMALL = ["--max-semi-space-size=2", "--heap-growing-percent=30", "--v8-pool-size=1"];

export interface NodeRedOptions {
  userDir: string;
  /** 0: any free port. */
  port: number;
  host?: string;
  /** Composed into a user directory that has no flow file yet. */
  flows?: () => readonly FlowNode[];
  env?: Record<string, string>;
  /** Node-RED's own output; left out when absent. */
  output?: (text: string) => void;
  /** Holds who may log in (see login.ts); without it everyone may. */
  loginFile?: string;
  /** Ends it, also while it starts. */
  signal?: AbortSignal;
  /** Flags for the Node.js process. */
  execArgv?: readonly string[];
}

/** A real Node-RED in a process of its own, driven by its admin API. */
export interface NodeRed {
  url: string;
  process: ChildProcess;
  /**
   * The settings.js of the user directory, where it has one. Node-RED is then run by that file, at an address and with
   * a login that only it knows: `url`, `runJob` and `get` do not apply.
   */
  ownSettings?: string | undefined;
  /**
   * Start the job of a tally-schedule node, once the flow's nodes are there.
   * @returns the id of the job's newest run before this one, if any
   */
  startJob(scheduleId: string, job: string): Promise<string | undefined>;
  /** Start the job of a tally-schedule node and wait for its end. */
  runJob(scheduleId: string, job: string, limitMs?: number): Promise<{ run: Run; steps: RunStep[] }>;
  get<T>(route: string): Promise<T>;
  /** Stop it as a service manager does. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;
/** From "the flows run" to nodes that answer. */
const NODES_LIMIT_MS = 30_000;
/** Questions about a run that may go without an answer one after another, each for half a minute. */
const SILENT_LIMIT = 10;

/** Node-RED loads this file itself. */
const SETTINGS = path.join(__dirname, "settings.js");

/**
 * Start Node-RED on a user directory and wait until its flows run. A user directory with a settings.js of its own is
 * run by that file, and nothing is waited for.
 * @throws TallyError DEPENDENCY_MISSING when Node-RED is not installed; CONFIG_INVALID when it does not start
 */
export async function startNodeRed(options: NodeRedOptions): Promise<NodeRed> {
  const red = findNodeRed();
  const { credentialSecret } = prepareUserDir(options.userDir, options.flows);
  const port = options.port || (await freePort());
  const host = options.host ?? "127.0.0.1";
  const own = path.join(options.userDir, "settings.js");
  const ownSettings = existsSync(own) ? own : undefined;
  const startToken = randomBytes(32).toString("hex");
  const child = spawn(
    process.execPath,
    [
      ...SMALL,
      ...(options.execArgv ?? []),
      red,
      "--userDir",
      options.userDir,
      "--settings",
      ownSettings ?? SETTINGS,
    ],
    {
      cwd: options.userDir,
      env: {
        ...SMALL_ENV,
        ...process.env,
        ...options.env,
        TALLYFLOW_UI_PORT: String(port),
        TALLYFLOW_UI_HOST: host,
        TALLYFLOW_CREDENTIAL_SECRET: credentialSecret,
        TALLYFLOW_LOGIN_FILE: options.loginFile ?? "",
        TALLYFLOW_START_TOKEN: startToken,
        TALLYFLOW_SETTINGS: SETTINGS,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let tail = "";
  const heard = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4000);
    options.output?.(chunk.toString());
  };
  child.stdout.on("data", heard);
  child.stderr.on("data", heard);
  const url = `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`;
  const nodeRed = new Driver(url, child, startToken, ownSettings);
  if (options.signal?.aborted) child.kill("SIGTERM");
  options.signal?.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  if (ownSettings) return nodeRed;
  const died = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => {
      const error = new TallyError(
        "CONFIG_INVALID",
        `Node-RED ended (${signal ?? code}) before it was ready. Its output ends:\n${tail.slice(-1500)}`,
      );
      reject(error);
    });
  });
  died.catch(() => undefined);
  await Promise.race([nodeRed.ready(), died]);
  return nodeRed;
}

class Driver implements NodeRed {
  readonly #headers: Record<string, string>;

  constructor(
    readonly url: string,
    readonly process: ChildProcess,
    startToken: string,
    readonly ownSettings: string | undefined,
  ) {
    // Each connection is used once: a kept one may be closed by the other side as it is used again.
    this.#headers = { Authorization: `Bearer ${startToken}`, connection: "close" };
  }

  async ready(): Promise<void> {
    const limit = Date.now() + START_LIMIT_MS;
    while (Date.now() < limit) {
      try {
        const { state } = await this.get<{ state: string }>("/flows/state");
        if (state === "start") return;
      } catch {
        // Not listening yet.
      }
      await delay(150);
    }
    this.process.kill("SIGKILL");
    throw new TallyError("CONFIG_INVALID", `Node-RED did not answer within ${START_LIMIT_MS / 1000} s.`);
  }

  async get<T>(route: string): Promise<T> {
    const answer = await fetch(this.url + route, {
      headers: this.#headers,
      signal: AbortSignal.timeout(30_000),
    });
    if (!answer.ok)
      throw new TallyError(
        "PROVIDER_REFUSED",
        `Node-RED answered ${answer.status} to ${route}: ${(await answer.text()).slice(0, 300)}`,
      );
    return (await answer.json()) as T;
  }

  async startJob(scheduleId: string, job: string): Promise<string | undefined> {
    // Node-RED says that flows run before it has made their nodes: what is not there may be there soon.
    const patience = Date.now() + NODES_LIMIT_MS;
    let before: string | undefined;
    for (;;) {
      try {
        before = (await this.#newest(job))?.id;
        break;
      } catch (error) {
        if (Date.now() > patience) throw error;
        await delay(200);
      }
    }
    const start = () =>
      fetch(`${this.url}/tallyflow/schedule/${scheduleId}/run`, {
        method: "POST",
        headers: this.#headers,
      });
    let answer = await start();
    while (answer.status === 404 && Date.now() < patience) {
      await delay(200);
      answer = await start();
    }
    if (!answer.ok)
      throw new TallyError(
        "PROVIDER_REFUSED",
        `Node-RED did not start ${job}: ${(await answer.text()).slice(0, 300)}`,
      );
    return before;
  }

  async runJob(
    scheduleId: string,
    job: string,
    limitMs = 3_600_000,
  ): Promise<{ run: Run; steps: RunStep[] }> {
    const before = await this.startJob(scheduleId, job);
    const limit = Date.now() + limitMs;
    let silent = 0;
    while (Date.now() < limit) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new TallyError(
          "INTERNAL",
          `Node-RED ended while ${job} ran. Start it again: the next run takes up where this one stopped.`,
        );
      }
      try {
        const run = await this.#newest(job);
        silent = 0;
        if (run && run.id !== before && run.endedAt) return await this.get(`/tallyflow/runs/${run.id}`);
      } catch (error) {
        // A store in the middle of a large write may answer late; one that stays away is an error.
        if (++silent >= SILENT_LIMIT) throw error;
      }
      await delay(200);
    }
    throw new TallyError("INTERNAL", `${job} did not end within ${Math.round(limitMs / 1000)} s.`);
  }

  async #newest(job: string): Promise<Run | undefined> {
    const route = `/tallyflow/runs?job=${encodeURIComponent(job)}&limit=1`;
    return (await this.get<{ items: Run[] }>(route)).items[0];
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
