import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";

/**
 * A person's Actual, beside ours: another client of the same server in a process of its own, driven through the
 * package directly and never through the provider under test.
 */
export interface ActualClient {
  /** Call a handler of Actual and wait for its end. */
  send(name: string, args?: unknown): Promise<unknown>;
  /** Call an exported function of `@actual-app/api`. */
  call(name: string, ...args: unknown[]): Promise<unknown>;
  /** Rows straight from the database of the open budget. */
  sql<T>(text: string, ...parameters: (string | number)[]): Promise<T[]>;
  /** Make a budget on the server by Actual's importer and leave it open. */
  createBudget(spec: BudgetSpec): Promise<CreatedBudget>;
  /** Open a budget of the server. */
  open(syncId: string, password?: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface BudgetSpec {
  name: string;
  accounts: { name: string; offBudget?: boolean; closed?: boolean; balance?: number }[];
  /** Categories by their group; the group named Income takes income categories. */
  categories: Record<string, string[]>;
}

export interface CreatedBudget {
  syncId: string;
  fileId: string;
  /** Local id in the client's own folder. */
  localId: string;
  /** Actual's own ids by name. */
  accounts: Record<string, string>;
  categories: Record<string, string>;
}

/** Start a client with a folder of its own. */
export async function startClient(
  install: string,
  dataDir: string,
  url?: string,
  password?: string,
): Promise<ActualClient> {
  mkdirSync(dataDir, { recursive: true });
  const child = fork(path.join(__dirname, "actual-client-host.js"), [install], {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ask = channel(child);
  await ask("init", { dataDir, ...(url ? { serverURL: url, password } : {}) });
  return {
    send: (name, args) => ask("send", name, args),
    call: (name, ...args) => ask("call", name, ...args),
    sql: <T>(text: string, ...parameters: (string | number)[]) =>
      ask("sql", text, parameters) as Promise<T[]>,
    createBudget: (spec) => ask("createBudget", spec) as Promise<CreatedBudget>,
    open: async (syncId, key) => void (await ask("open", syncId, key)),
    sync: async () => void (await ask("sync")),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await ask("shutdown");
      child.disconnect();
      await ended;
    },
  };
}

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

function channel(child: ChildProcess): (operation: string, ...args: unknown[]) => Promise<unknown> {
  let nextId = 1;
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  child.on("message", (answer: Answer) => {
    const waiting = open.get(answer.id);
    open.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve(answer.result);
    else waiting?.reject(new Error(answer.error));
  });
  child.on("exit", (code, signal) => {
    for (const waiting of open.values()) waiting.reject(new Error(`the client ended: ${signal ?? code}`));
    open.clear();
  });
  return (operation, ...args) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      open.set(id, { resolve, reject });
      child.send({ id, operation, args });
    });
}
