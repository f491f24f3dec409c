import path from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { TallyError } from "../../values";
import { packageFolders, type PackageFolders } from "../estimators";
import type { LabelledExample } from "../types";
import type { FromWorker, PlainTrainOptions, ToWorker } from "./protocol";

export interface WorkerTrainOptions extends PlainTrainOptions {
  /** Bytes of the model in production; copied to the worker. */
  production?: Uint8Array;
  signal?: AbortSignal;
  progress?(done: number, total: number, what: string): void;
}

/** What training gives: the model as bytes, so that nothing large is built on the main thread. */
export type WorkerTrained = Omit<Extract<FromWorker, { kind: "trained" }>, "kind">;

/** Rows of one message: some 100 kB, cloned in well under a millisecond or two. */
const CHUNK = 250;

/** Of a young generation as large as V8 likes it, training has no use: a small one takes as long. */
const MEMORY = { maxYoungGenerationSizeMb: 6 };

/**
 * Train in a worker thread. Examples are handed over in small messages with the event loop free between them, and
 * may come from an async source, so that a store can be read and handed on without holding everything.
 *
 * @throws TallyError CANCELLED when the signal is aborted (the worker is ended); TRAINING_DATA_TOO_SMALL; INTERNAL
 */
export async function trainInWorker(
  examples: Iterable<LabelledExample> | AsyncIterable<LabelledExample>,
  options: WorkerTrainOptions = {},
): Promise<WorkerTrained> {
  const { signal, progress, production, ...plain } = options;
  if (signal?.aborted) throw cancelled();
  const worker = new Worker(path.join(__dirname, "worker.js"), {
    resourceLimits: MEMORY,
    workerData: { packageFolders: packageFolders() } satisfies PackageFolders,
  });
  try {
    return await new Promise<WorkerTrained>((resolve, reject) => {
      const stop = () => reject(cancelled());
      signal?.addEventListener("abort", stop, { once: true });
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "progress") progress?.(message.done, message.total, message.what);
        else if (message.kind === "failed") {
          const { code, message: text, ...rest } = message.error;
          reject(new TallyError(code, text, rest));
        } else {
          const { kind: _, ...trained } = message;
          resolve(trained);
        }
      });
      worker.on("error", (cause) => {
        reject(new TallyError("INTERNAL", `Training stopped unexpectedly: ${String(cause)}`, { cause }));
      });
      worker.on("exit", () => {
        signal?.removeEventListener("abort", stop);
        reject(new TallyError("INTERNAL", "Training ended without a result.", { retryable: true }));
      });
      handOver(worker, examples, signal).then(
        () => post(worker, { kind: "train", options: plain, ...(production && { production }) }),
        reject,
      );
    });
  } finally {
    await worker.terminate();
  }
}

async function handOver(
  worker: Worker,
  examples: Iterable<LabelledExample> | AsyncIterable<LabelledExample>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let chunk: LabelledExample[] = [];
  for await (const example of batches(examples)) {
    chunk.push(...example);
    if (chunk.length < CHUNK) continue;
    if (signal?.aborted) throw cancelled();
    post(worker, { kind: "examples", examples: chunk });
    chunk = [];
    await breathe();
  }
  if (chunk.length > 0) post(worker, { kind: "examples", examples: chunk });
}

/** One await for a chunk and not for every row where the source is at hand. */
async function* batches(
  examples: Iterable<LabelledExample> | AsyncIterable<LabelledExample>,
): AsyncIterable<LabelledExample[]> {
  let batch: LabelledExample[] = [];
  if (Symbol.asyncIterator in examples) {
    for await (const example of examples) yield [example];
    return;
  }
  for (const example of examples) {
    batch.push(example);
    if (batch.length < CHUNK) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

function cancelled(): TallyError {
  return new TallyError("CANCELLED", "Training was stopped before it was done.", { retryable: true });
}
