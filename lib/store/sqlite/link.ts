import path from "node:path";
import { Worker } from "node:worker_threads";
import { TallyError } from "../../values";
import type { Operation, Operations, Response } from "./protocol";

interface Pending {
  resolve(answer: unknown): void;
  reject(error: TallyError): void;
}

/**
 * Without limits V8 lets the thread grow as if all of the machine were its own. What it holds at a time are the
 * documents of one transaction and a page that was read.
 */
const MEMORY = { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 768 };

/**
 * One life of the worker thread. It keeps the process alive only while a call waits for its answer. When the worker
 * dies, every waiting call fails with STORE_UNAVAILABLE and `alive` turns false; the store then starts another.
 */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #file: string;
  readonly #pending = new Map<number, Pending>();
  /** Collections this worker knows, each by the promise of having declared it. */
  readonly declared = new Map<string, Promise<void>>();
  #calls = 0;
  #stagings = 0;
  #closing = false;
  alive = true;

  constructor(file: string) {
    this.#file = file;
    this.#worker = new Worker(path.join(__dirname, "worker.js"), {
      workerData: { file },
      name: "tallyflow-store",
      resourceLimits: MEMORY,
    });
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => this.#settle(response));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(undefined));
  }

  /** A number for the documents of one write, so that slices of two writes do not mix. */
  nextStaging(): number {
    return ++this.#stagings;
  }

  call<K extends Operation>(operation: K, ...args: Operations[K]["args"]): Promise<Operations[K]["answer"]> {
    return new Promise<Operations[K]["answer"]>((resolve, reject) => {
      if (!this.alive) {
        reject(this.#lost(undefined));
        return;
      }
      const call = ++this.#calls;
      this.#worker.postMessage({ call, operation, args });
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(call, { resolve: resolve as (answer: unknown) => void, reject });
    });
  }

  /** Close the database after the calls under way, then end the thread. */
  async close(): Promise<void> {
    if (!this.alive) return;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    // Whoever waits for the end is owed it: the thread holds the process until then.
    this.#closing = true;
    this.#worker.ref();
    await this.call("close");
    await ended;
  }

  /** End the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(response: Response): void {
    const waiting = this.#pending.get(response.call);
    this.#pending.delete(response.call);
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if ("error" in response) {
      const { code, message, retryable, details } = response.error;
      waiting?.reject(new TallyError(code, message, { retryable, details: details ?? {} }));
    } else {
      waiting?.resolve(response.answer);
    }
  }

  #fail(cause: Error | undefined): void {
    this.alive = false;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(this.#lost(cause));
  }

  #lost(cause: Error | undefined): TallyError {
    const why = cause ? ` (${cause.message})` : "";
    return new TallyError(
      "STORE_UNAVAILABLE",
      `The thread that writes the store ${this.#file} ended${why}. It is opened again with the next call; try again.`,
      { retryable: true, details: { file: this.#file }, cause },
    );
  }
}
