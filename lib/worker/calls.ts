import { Worker, type ResourceLimits } from "node:worker_threads";
import { TallyError } from "../values";
import type { OperationTypes, Response } from "./protocol";

export interface WorkerOptions {
  /** Absolute path of the compiled script, which calls {@link serve}. */
  script: string;
  /** Shown by profilers. */
  name: string;
  workerData?: unknown;
  resourceLimits?: ResourceLimits;
  /** What calls get that will have no answer since the thread ended; `cause` where it ended by an error. */
  lost(cause: Error | undefined): TallyError;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: TallyError): void;
}

/**
 * One life of a worker thread that answers calls. It keeps the process alive only while a call waits for its answer.
 * When the thread ends, however it comes, every waiting call fails with `lost` and `alive` turns false; whoever owns
 * it then starts another.
 */
export class WorkerCalls<O extends OperationTypes<O>> {
  readonly #worker: Worker;
  readonly #lost: WorkerOptions["lost"];
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #closing = false;
  alive = true;

  constructor({ script, lost, ...options }: WorkerOptions) {
    this.#lost = lost;
    this.#worker = new Worker(script, options);
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => this.#settle(response));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(undefined));
  }

  /**
   * Have an operation done. Operations are done one after another, in the order of the calls.
   * @throws TallyError what the operation throws; what `lost` gives when the thread has ended or ends before it answers
   */
  call<K extends keyof O & string>(operation: K, ...args: O[K]["args"]): Promise<O[K]["answer"]> {
    return this.#post(operation, args, []);
  }

  /** As {@link call}, and the buffers are handed over: they are empty here from now on, and nothing is copied. */
  callWith<K extends keyof O & string>(
    handedOver: readonly ArrayBuffer[],
    operation: K,
    ...args: O[K]["args"]
  ): Promise<O[K]["answer"]> {
    return this.#post(operation, args, handedOver);
  }

  #post<K extends keyof O & string>(
    operation: K,
    args: O[K]["args"],
    handedOver: readonly ArrayBuffer[],
  ): Promise<O[K]["answer"]> {
    return new Promise<O[K]["answer"]>((resolve, reject) => {
      if (!this.alive) {
        reject(this.#lost(undefined));
        return;
      }
      const call = ++this.#calls;
      this.#worker.postMessage({ call, operation, args }, handedOver);
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(call, { resolve: resolve as (answer: unknown) => void, reject });
    });
  }

  /** Have the operation `close` done after the calls under way, which ends the thread, and wait for its end. */
  async close(this: WorkerCalls<O & { close: { args: []; answer: void } }>): Promise<void> {
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
    const waiting = this.#waiting.get(response.call);
    this.#waiting.delete(response.call);
    if (this.#waiting.size === 0 && !this.#closing) this.#worker.unref();
    if ("error" in response) {
      const { code, message, retryable, details } = response.error;
      waiting?.reject(new TallyError(code, message, { retryable, details: details ?? {} }));
    } else {
      waiting?.resolve(response.answer);
    }
  }

  #fail(cause: Error | undefined): void {
    this.alive = false;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#lost(cause));
  }
}
