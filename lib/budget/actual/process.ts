import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import type { Budget } from "../../store";
import { TallyError } from "../../values";
import { findActualApi } from "./module";
import { budgetFolder, type ActualOptions } from "./options";
import type { Operation, Operations, Part, Reply, Request } from "./protocol";

const CLOSE_WAIT = 10_000;

/** What the helper process may know of our environment: no secrets of Node-RED reach foreign code. */
const ENVIRONMENT =
  /^(PATH|HOME|USERPROFILE|SYSTEMROOT|APPDATA|TMPDIR|TMP|TEMP|TZ|LANG|LC_.*|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|NODE_USE_ENV_PROXY|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY)$/i;

interface Call {
  onPart?: ((part: Part) => void) | undefined;
  signal?: AbortSignal | undefined;
}

interface Waiting {
  id: number;
  operation: Operation;
  onPart: ((part: Part) => void) | undefined;
  resolve(result: never): void;
  reject(error: TallyError): void;
}

/**
 * One budget's helper process, seen from Node-RED: started when first needed, stopped when idle, started again after
 * a crash. Requests go one at a time, so that a crash concerns one of them only.
 */
export class ActualProcess {
  private child: ChildProcess | undefined;
  private opened: Budget | null = null;
  private waiting: Waiting | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private nextId = 1;
  private idleTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: ActualOptions) {}

  /** Process id of the helper while it runs; for tests and diagnosis. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Start the helper and open the budget, unless that has been done. */
  open(): Promise<Budget | null> {
    return this.inTurn(undefined, async () => {
      await this.start();
      return this.opened;
    });
  }

  /**
   * Run one operation in the helper process.
   * @throws TallyError of the operation; OUTCOME_UNKNOWN when the helper ended during `create`, and
   *   PROVIDER_UNAVAILABLE when it ended during another one; CANCELLED by the signal before the work began, for a
   *   read also during it
   */
  async request<O extends Operation>(
    operation: O,
    args: Operations[O]["args"],
    { onPart, signal }: Call = {},
  ): Promise<Operations[O]["result"]> {
    const work = this.inTurn(signal, async () => {
      await this.start();
      if (signal?.aborted) throw cancelled();
      return this.ask(operation, args, signal?.aborted ? undefined : onPart);
    });
    const reads = operation === "extract" || operation === "find" || operation === "budgets";
    return signal && reads ? abortable(work, signal) : work;
  }

  /** Finish what is in hand, close the budget and end the helper. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    await this.stop();
  }

  private inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.closed)
      return Promise.reject(
        new TallyError("CANCELLED", "The connection to Actual is closed.", { retryable: true }),
      );
    const result = this.turn.then(async () => {
      clearTimeout(this.idleTimer);
      if (signal?.aborted) throw cancelled();
      try {
        return await work();
      } finally {
        this.armIdle();
      }
    });
    // The next in line waits for the end of this one, whatever came of it; the caller has the error.
    this.turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  private armIdle(): void {
    const idleMs = this.options.idleMs ?? 300_000;
    if (idleMs <= 0 || !this.child) return;
    this.idleTimer = setTimeout(() => {
      this.turn = this.turn.then(() => this.stop());
    }, idleMs);
    this.idleTimer.unref();
  }

  private async start(): Promise<void> {
    if (this.child) return;
    const { serverUrl, password, syncId, encryptionPassword, budgetFile, currency } = this.options;
    const found = findActualApi(this.options);
    const child = fork(path.join(__dirname, "host.js"), [], {
      execArgv: [],
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name))),
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.child = child;
    child.on("message", (reply: Reply) => this.onReply(child, reply));
    child.on("error", (error) => this.onEnd(child, error.message));
    child.on("exit", (code, signal) => this.onEnd(child, signal ?? `code ${code}`));
    try {
      const { budget } = await this.ask("open", {
        modulePath: found.path,
        apiVersion: found.version,
        folder: budgetFolder(this.options),
        currency,
        rules: this.options.rules ?? "fill",
        ...(serverUrl === undefined ? {} : { serverUrl }),
        ...(password === undefined ? {} : { password }),
        ...(syncId === undefined ? {} : { syncId }),
        ...(encryptionPassword === undefined ? {} : { encryptionPassword }),
        ...(budgetFile === undefined ? {} : { budgetFile }),
      });
      this.opened = budget;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private ask<O extends Operation>(
    operation: O,
    args: Operations[O]["args"],
    onPart?: (part: Part) => void,
  ): Promise<Operations[O]["result"]> {
    const child = this.child!;
    const timeoutMs = this.options.timeoutMs ?? 300_000;
    return new Promise<Operations[O]["result"]>((resolve, reject) => {
      const id = this.nextId++;
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      const settled =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.waiting = undefined;
          then(value);
        };
      this.waiting = { id, operation, onPart, resolve: settled(resolve), reject: settled(reject) };
      const request: Request<O> = { id, operation, args };
      child.send(request, (error) => {
        if (error) this.onEnd(child, error.message);
      });
    });
  }

  private onReply(child: ChildProcess, reply: Reply): void {
    if (child !== this.child || reply.id !== this.waiting?.id) return;
    if ("part" in reply) {
      this.waiting.onPart?.(reply.part);
    } else if ("error" in reply) {
      const { code, message, retryable, details } = reply.error;
      this.waiting.reject(new TallyError(code, message, { retryable, ...(details ? { details } : {}) }));
    } else {
      this.waiting.resolve(reply.result as never);
    }
  }

  private onEnd(child: ChildProcess, how: string): void {
    if (child !== this.child) return;
    this.child = undefined;
    clearTimeout(this.idleTimer);
    const { waiting } = this;
    if (!waiting) return;
    const unknown = waiting.operation === "create";
    // An aborted native module is a known fault of older builds, which people can mend.
    const hint =
      how === "SIGABRT" && Number(process.versions.node.split(".")[0]) >= 24
        ? ' If this happens again: better-sqlite3 before version 13 aborts on this Node; add "overrides": {"better-sqlite3": "^13"} to the package.json where @actual-app/api is installed, and install again.'
        : "";
    waiting.reject(
      new TallyError(
        unknown ? "OUTCOME_UNKNOWN" : "PROVIDER_UNAVAILABLE",
        `The helper process for Actual ended during "${waiting.operation}" (${how})${unknown ? "; whether the transactions were written is not known" : ""}. It starts again with the next call.${hint}`,
        { retryable: true, details: { operation: waiting.operation, how } },
      ),
    );
  }

  private async stop(): Promise<void> {
    clearTimeout(this.idleTimer);
    const { child } = this;
    if (!child) return;
    this.child = undefined;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), CLOSE_WAIT);
    const request: Request<"close"> = { id: this.nextId++, operation: "close", args: null };
    child.send(request, (error) => {
      if (error) child.kill("SIGKILL");
    });
    await ended;
    clearTimeout(timer);
  }
}

/** A read need not be waited for: the helper finishes it and the answer is dropped. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(cancelled());
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function cancelled(): TallyError {
  return new TallyError("CANCELLED", "The work with Actual was stopped before it was done.", {
    retryable: true,
  });
}
