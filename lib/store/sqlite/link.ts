import path from "node:path";
import { TallyError } from "../../values";
import { WorkerCalls } from "../../worker";
import type { Operations } from "./protocol";

/**
 * Without limits V8 lets the thread grow as if all of the machine were its own. What it holds at a time are the
 * documents of one transaction and a page that was read.
 */
const MEMORY = { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 768 };

/**
 * One life of the worker thread that writes a file. When it dies, every waiting call fails with STORE_UNAVAILABLE; the
 * store then starts another.
 */
export class WorkerLink extends WorkerCalls<Operations> {
  /** Collections this worker knows, each by the promise of having declared it. */
  readonly declared = new Map<string, Promise<void>>();
  #stagings = 0;

  constructor(file: string) {
    super({
      script: path.join(__dirname, "worker.js"),
      workerData: { file },
      name: "tallyflow-store",
      resourceLimits: MEMORY,
      lost: (cause) => lost(file, cause),
    });
  }

  /** A number for the documents of one write, so that slices of two writes do not mix. */
  nextStaging(): number {
    return ++this.#stagings;
  }
}

function lost(file: string, cause: Error | undefined): TallyError {
  const why = cause ? ` (${cause.message})` : "";
  return new TallyError(
    "STORE_UNAVAILABLE",
    `The thread that writes the store ${file} ended${why}. It is opened again with the next call; try again.`,
    { retryable: true, details: { file }, cause },
  );
}
