import { totalmem } from "node:os";
import path from "node:path";
import { TallyError, takeTurn, turnDue } from "../../../values";
import { WorkerCalls } from "../../../worker";
import type { CsvPreview } from "../csv";
import type { ReaderOptions } from "../types";
import type { Opened } from "./held";
import type { Operations, Source } from "./protocol";
import type { ReadingSettings, Rows, RowsRequest } from "./reading";
import type { StatementSummary } from "./summary";

export interface ReadingThreadOptions {
  /** Heap that reading a file may take, in MiB; 2,048 when absent, or half the machine's memory. */
  memoryMb?: number;
  /** How long reading may take: so much, 60,000 ms when absent, ... */
  patienceMs?: number;
  /** ... and so much for each MiB of the file, 8,000 ms when absent. */
  patienceMsPerMb?: number;
  /** With nothing to do for so long the thread ends; 10,000 ms when absent. */
  idleMs?: number;
}

/** A statement that is to be read: a file of the disk, or what is in memory. */
export type Given = { path: string; bytes: number } | { content: Uint8Array | string };

/** A piece of work: what it is about, for its limits and their errors. */
interface Job {
  bytes: number;
  signal?: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
const DEFAULTS = {
  memoryMb: Math.min(2048, Math.floor(totalmem() / MIB / 2)),
  patienceMs: 60_000,
  patienceMsPerMb: 8_000,
  idleMs: 10_000,
};
const SLICE = 256 * 1024;

/**
 * One worker thread in which statements are read, one after another. It is started when it is first needed, does not
 * keep the process alive while it waits, and ends when nothing was asked of it for a while. A file that takes too much
 * memory or time costs the thread and nothing else: its reader gets the error, and the next file gets a new thread.
 */
export class ReadingThread {
  readonly #options: Required<ReadingThreadOptions>;
  #calls: WorkerCalls<Operations> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;
  #tickets = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: ReadingThreadOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * Read a file and hold it. What is wrong with the file is in the answer.
   * @throws TallyError STATEMENT_UNREADABLE, retryable, when it takes too much memory or time; the reason of `signal`
   */
  async open(
    given: Given,
    settings: ReadingSettings,
    signal?: AbortSignal,
  ): Promise<{ opened: Opened; rows: ThreadRows }> {
    const ticket = ++this.#tickets;
    const job = { bytes: bytesOf(given), signal };
    return this.#inTurn(job, async (calls) => {
      const { source, handedOver } = await sourceOf(given);
      const opened = await calls.callWith(handedOver, "open", ticket, source, settings);
      return {
        opened,
        rows: (request, until) => this.#rows(calls, ticket, request, { ...job, signal: until }),
      };
    });
  }

  /** What a person is told of a statement. @throws TallyError STATEMENT_UNREADABLE */
  summary(content: Uint8Array | string, options: ReaderOptions): Promise<StatementSummary> {
    return this.#once(content, (calls, source, handedOver) =>
      calls.callWith(handedOver, "summary", source, options),
    );
  }

  /** As `previewCsv`. @throws TallyError STATEMENT_UNREADABLE, CONFIG_INVALID */
  preview(content: Uint8Array | string, options: ReaderOptions): Promise<CsvPreview> {
    return this.#once(content, (calls, source, handedOver) =>
      calls.callWith(handedOver, "preview", source, options),
    );
  }

  #once<R>(
    content: Uint8Array | string,
    work: (calls: WorkerCalls<Operations>, source: Source, handedOver: ArrayBuffer[]) => Promise<R>,
  ): Promise<R> {
    return this.#inTurn({ bytes: content.length }, async (calls) => {
      const { source, handedOver } = await sourceOf({ content });
      return work(calls, source, handedOver);
    });
  }

  async #rows(
    calls: WorkerCalls<Operations>,
    ticket: number,
    request: RowsRequest,
    job: Job,
  ): Promise<Rows | undefined> {
    const packed = await this.#inTurn(job, async (running) =>
      running === calls ? calls.call("rows", ticket, request) : undefined,
    );
    if (!packed) return undefined;
    return {
      payments: await unpack(packed.payments),
      errors: await unpack(packed.errors),
      more: packed.more,
    };
  }

  /** Do a job when those before it are done. */
  async #inTurn<R>(job: Job, work: (calls: WorkerCalls<Operations>) => Promise<R>): Promise<R> {
    const before = this.#last;
    let pass!: () => void;
    this.#last = new Promise<void>((resolve) => (pass = resolve));
    this.#jobs += 1;
    clearTimeout(this.#idle);
    try {
      await orAborted(before, job.signal);
      return await this.#watched(job, work);
    } finally {
      // One that was aborted while it waited leaves those behind it waiting for those before it.
      void before.then(pass);
      this.#jobs -= 1;
      if (this.#jobs === 0) this.#rest();
    }
  }

  async #watched<R>(
    { bytes, signal }: Job,
    work: (calls: WorkerCalls<Operations>) => Promise<R>,
  ): Promise<R> {
    signal?.throwIfAborted();
    if (!this.#calls?.alive) this.#calls = this.#start();
    const calls = this.#calls;
    const { patienceMs, patienceMsPerMb } = this.#options;
    const patience = patienceMs + (bytes / MIB) * patienceMsPerMb;
    let late = false;
    // What it does cannot be interrupted from outside, so that the thread has to go.
    const end = () => void calls.terminate();
    const timer = setTimeout(() => {
      late = true;
      end();
    }, patience);
    signal?.addEventListener("abort", end, { once: true });
    try {
      return await work(calls);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (late) throw gaveUp(`It was not read after ${Math.round(patience / 1000)} seconds`);
      throw thrown;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }

  #start(): WorkerCalls<Operations> {
    const { memoryMb } = this.#options;
    return new WorkerCalls<Operations>({
      script: path.join(__dirname, "worker.js"),
      name: "tallyflow-statements",
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16 },
      lost: (cause) => {
        const full = (cause as NodeJS.ErrnoException | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
        const why = full
          ? `It takes more than ${memoryMb} MiB of memory to read`
          : `Reading it stopped unexpectedly${cause ? ` (${cause.message})` : ""}`;
        return gaveUp(why, cause);
      },
    });
  }

  #rest(): void {
    this.#idle = setTimeout(() => {
      const calls = this.#calls;
      this.#calls = undefined;
      void calls?.terminate();
    }, this.#options.idleMs);
    this.#idle.unref();
  }
}

/** Rows of a file that the thread holds; undefined when it let it go. */
export type ThreadRows = (request: RowsRequest, signal?: AbortSignal) => Promise<Rows | undefined>;

let shared: ReadingThread | undefined;

/** The thread of this process. */
export function readingThread(): ReadingThread {
  return (shared ??= new ReadingThread());
}

function gaveUp(why: string, cause?: Error): TallyError {
  return new TallyError(
    "STATEMENT_UNREADABLE",
    `${why}, and was given up. Download it for a shorter period, or in another format.`,
    { retryable: true, ...(cause ? { cause } : {}) },
  );
}

async function orAborted(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) {
    await before;
    return;
  }
  signal.throwIfAborted();
  let stop!: () => void;
  const aborted = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function bytesOf(given: Given): number {
  return "path" in given ? given.bytes : given.content.length;
}

/** What can be handed over: of content a copy, made slice by slice with the event loop free in between. */
async function sourceOf(given: Given): Promise<{ source: Source; handedOver: ArrayBuffer[] }> {
  if ("path" in given) return { source: { path: given.path }, handedOver: [] };
  const { content } = given;
  const text = typeof content === "string";
  const bytes = text ? await encoded(content) : await copied(content);
  return { source: { bytes, text }, handedOver: [bytes.buffer] };
}

async function copied(content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(content.length);
  for (let at = 0; at < content.length; at += SLICE) {
    if (turnDue()) await takeTurn();
    bytes.set(content.subarray(at, at + SLICE), at);
  }
  return bytes;
}

async function encoded(content: string): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(Buffer.byteLength(content));
  let written = 0;
  for (let at = 0; at < content.length;) {
    if (turnDue()) await takeTurn();
    let end = Math.min(at + SLICE, content.length);
    // The two halves of a character stay together.
    if (end < content.length && /[\ud800-\udbff]/.test(content[end - 1]!)) end -= 1;
    written += encoder.encodeInto(content.slice(at, end), bytes.subarray(written)).written;
    at = end;
  }
  return bytes;
}

async function unpack<T>(pieces: readonly string[]): Promise<T[]> {
  const items: T[] = [];
  for (const piece of pieces) {
    if (turnDue()) await takeTurn();
    for (const item of JSON.parse(piece) as T[]) items.push(item);
  }
  return items;
}
