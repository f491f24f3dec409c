import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { listVersions, liveModel, modelName, trainStep } from "../../lib/learning";
import type { StepContext } from "../../lib/runs";
import { openStore, type Store } from "../../lib/store";
import { rounded } from "../result";
import { approveRest, BENCH_BUDGET } from "./labelled-store";
import { processStats } from "./process-stats";
import { watchStalls, type Stall } from "./stall-watch";

/**
 * A process of its own that trains twice through the real step: labels out of a SQLite store, learned in the worker
 * thread, the version stored and promoted, then loaded to classify. It prints how the event loop of its main thread
 * fared. Argument: the store's file.
 */

export interface LiveFigures {
  artifactMb: number;
  peakMb: number;
  first: LiveTraining;
  /** With a twentieth more labels, and a model in production to compare with. */
  again: LiveTraining;
}

export interface LiveTraining {
  labels: number;
  seconds: number;
  /** CPU time of all threads. */
  cpuSeconds: number;
  /** Lag of the main thread's event loop by the clock, the millisecond between two looks taken off. */
  lag: { p50Ms: number; p99Ms: number; maxMs: number };
  /** CPU time of the main thread in its longest stall by CPU time: what is not the machine's doing. */
  longestStallCpuMs: number;
  /** Stalls of more than 15 ms by the clock, the longest by CPU time and by the clock, each with what was under way. */
  stalls: { while: string; wallMs: number; cpuMs: number; queuedMs?: number; majorFaults: number }[];
  /** Promoted, and served by the call after it. */
  promoted: boolean;
  served: boolean;
}

const RESOLUTION_MS = 1;
const SHOWN = 4;
const SETTLE_MS = 2_000;

async function trainLive(file: string): Promise<LiveFigures> {
  const store = await openStore({ kind: "sqlite", path: file });
  try {
    const watch = new LoopWatch(store);
    await delay(SETTLE_MS);
    const first = await training(watch);
    await approveRest(store);
    await delay(SETTLE_MS);
    const again = await training(watch);
    const version = (await listVersions(store, modelName(BENCH_BUDGET))).at(-1);
    return {
      artifactMb: rounded(version!.artifact.bytes / 2 ** 20),
      peakMb: processStats(process.pid).peakMb,
      first,
      again,
    };
  } finally {
    await store.close();
  }
}

async function training(watch: LoopWatch): Promise<LiveTraining> {
  const context: StepContext = {
    store: watch.store,
    runId: "bench",
    signal: new AbortController().signal,
    progress: (_done, _total, what) => {
      watch.doing = "to keep the version, ";
      watch.at(`the worker is ${what}`);
    },
    log: () => undefined,
    emit: () => Promise.resolve(),
    now: () => new Date().toISOString(),
  };
  const before = processStats(process.pid);
  const began = performance.now();
  watch.begin("to train, ");
  const { examples, promoted, version } = await trainStep(context, { budgetId: BENCH_BUDGET });
  watch.doing = "to serve, ";
  const live = await liveModel(watch.store, BENCH_BUDGET);
  const seen = await watch.end();
  return {
    labels: examples,
    seconds: rounded((performance.now() - began) / 1000),
    cpuSeconds: rounded(processStats(process.pid).cpuSeconds - before.cpuSeconds),
    ...seen,
    promoted,
    served: live?.version === version,
  };
}

/** Looks at the event loop, and at what the step does meanwhile: by its progress and by the collections it uses. */
class LoopWatch {
  readonly store: Store;
  /** What the collections are used for from now on. */
  doing = "";
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly takeStalls = watchStalls();
  private marks: { at: number; what: string }[] = [];

  constructor(inner: Store) {
    this.store = new Proxy(inner, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (key !== "collection")
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return (definition: { name: string }) => {
          this.at(`${this.doing}using ${definition.name}`);
          return target.collection(definition as never);
        };
      },
    });
  }

  at(what: string): void {
    if (this.marks.at(-1)?.what !== what) this.marks.push({ at: Date.now(), what });
  }

  begin(doing: string): void {
    this.doing = doing;
    this.marks = [{ at: Date.now(), what: "beginning" }];
    this.takeStalls();
    this.histogram.reset();
    this.histogram.enable();
  }

  async end(): Promise<Pick<LiveTraining, "lag" | "longestStallCpuMs" | "stalls">> {
    // The watchers notice the last stall when the loop turns once more.
    await delay(20);
    this.histogram.disable();
    const ms = (nanoseconds: number) => rounded(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS));
    const stalls = this.takeStalls();
    return {
      lag: {
        p50Ms: ms(this.histogram.percentile(50)),
        p99Ms: ms(this.histogram.percentile(99)),
        maxMs: ms(this.histogram.max),
      },
      longestStallCpuMs: rounded(Math.max(0, ...stalls.map(({ cpuMs }) => cpuMs))),
      stalls: [...new Set([...longest(stalls, "cpuMs"), ...longest(stalls, "wallMs")])].map((stall) =>
        this.named(stall),
      ),
    };
  }

  private named({ at, wallMs, cpuMs, queuedMs, majorFaults }: Stall): LiveTraining["stalls"][number] {
    const during = this.marks.filter((mark, n) => {
      const next = this.marks[n + 1]?.at ?? Infinity;
      return mark.at <= at && next >= at - wallMs;
    });
    return {
      while: [...new Set(during.map(({ what }) => what))].join(", "),
      wallMs: rounded(wallMs),
      cpuMs: rounded(cpuMs),
      ...(queuedMs === undefined ? {} : { queuedMs: rounded(queuedMs) }),
      majorFaults,
    };
  }
}

function longest(stalls: readonly Stall[], by: "cpuMs" | "wallMs"): Stall[] {
  return [...stalls].sort((a, b) => b[by] - a[by]).slice(0, SHOWN);
}

const file = process.argv[2];
if (require.main === module && file !== undefined)
  void trainLive(file).then((figures) => console.log(JSON.stringify(figures)));
