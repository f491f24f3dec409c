import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import { RateLimiter } from "../../lib/http";

/**
 * Loaded into a Node-RED before anything else (`node --require probe.js`). It watches the event loop of the main
 * thread and how long the rate limiter made the work wait. On SIGURG (a signal that nothing else here listens to, and
 * that does no harm where nobody does) it writes what it saw since the last time to
 * TALLYFLOW_PROBE_FILE and starts afresh.
 */

export interface Stall {
  /** When it ended, in milliseconds since the epoch. */
  at: number;
  /** How long the loop did not turn, beyond the millisecond it was asked for. */
  wallMs: number;
  /** CPU time of the main thread in it: a stall without CPU time is the machine's, not the program's. */
  cpuMs: number;
}

export interface MemorySample {
  at: number;
  rssMb: number;
  /** Of the main thread alone. */
  heapUsedMb: number;
  heapTotalMb: number;
  externalMb: number;
}

export interface ProbeReport {
  sequence: number;
  /** Delays of the event loop in milliseconds, the millisecond between two looks taken off. */
  loop: { maxMs: number; p99Ms: number; p999Ms: number; meanMs: number };
  /** Share of the time that the loop was at work, 0 to 1. */
  utilization: number;
  /** The longest stalls by the CPU time in them, and by the clock. */
  stalls: Stall[];
  /** Times at which something waited for a rate limit, as [from, to] in milliseconds since the epoch. */
  waits: [number, number][];
  memory: MemorySample[];
}

const RESOLUTION_MS = 1;
const WORTH_KEEPING_MS = 15;
const KEPT = 12;
const MEMORY_EVERY_MS = 250;

/** CPU time of this thread; of the whole process in a Node that does not tell (before 22.19). */
const usage = (process.threadCpuUsage ?? process.cpuUsage).bind(process);

function watch(file: string): void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let stalls: Stall[] = [];
  let waits: [number, number][] = [];
  let idle = performance.eventLoopUtilization();
  let sequence = 0;

  let last = performance.now();
  let cpu = cpuNow();
  setInterval(() => {
    const now = performance.now();
    const used = cpuNow();
    const wallMs = now - last - RESOLUTION_MS;
    if (wallMs > WORTH_KEEPING_MS) stalls.push({ at: Date.now(), wallMs, cpuMs: used - cpu });
    last = now;
    cpu = used;
  }, RESOLUTION_MS).unref();

  let memory: MemorySample[] = [];
  setInterval(() => memory.push(memoryNow()), MEMORY_EVERY_MS).unref();

  const original = RateLimiter.prototype.wait;
  RateLimiter.prototype.wait = async function (this: RateLimiter, ...args: Parameters<typeof original>) {
    const from = Date.now();
    try {
      await original.apply(this, args);
    } finally {
      waits.push([from, Date.now()]);
    }
  };

  process.on("SIGURG", () => {
    const ms = (nanoseconds: number) =>
      Math.max(0, Math.round(nanoseconds / 1e4 - RESOLUTION_MS * 100) / 100);
    const report: ProbeReport = {
      sequence: ++sequence,
      loop: {
        maxMs: ms(histogram.max),
        p99Ms: ms(histogram.percentile(99)),
        p999Ms: ms(histogram.percentile(99.9)),
        meanMs: ms(histogram.mean),
      },
      utilization: performance.eventLoopUtilization(idle).utilization,
      stalls: longest(stalls),
      waits,
      memory,
    };
    writeFileSync(`${file}.part`, JSON.stringify(report));
    renameSync(`${file}.part`, file);
    histogram.reset();
    stalls = [];
    waits = [];
    memory = [];
    idle = performance.eventLoopUtilization();
  });
}

function cpuNow(): number {
  const { user, system } = usage();
  return (user + system) / 1000;
}

function memoryNow(): MemorySample {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const mb = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    at: Date.now(),
    rssMb: mb(rss),
    heapUsedMb: mb(heapUsed),
    heapTotalMb: mb(heapTotal),
    externalMb: mb(external),
  };
}

function longest(stalls: readonly Stall[]): Stall[] {
  const by = (field: "wallMs" | "cpuMs") => [...stalls].sort((a, b) => b[field] - a[field]).slice(0, KEPT);
  return [...new Set([...by("cpuMs"), ...by("wallMs")])].sort((a, b) => b.cpuMs - a.cpuMs);
}

const file = process.env["TALLYFLOW_PROBE_FILE"];
if (isMainThread && file) watch(file);
