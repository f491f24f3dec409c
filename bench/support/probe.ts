import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import { RateLimiter } from "../../lib/http";
import { watchStalls, type Stall } from "./stall-watch";

/**
 * Loaded into a Node-RED before anything else (`node --require probe.js`). It watches the event loop of the main
 * thread and how long the rate limiter made the work wait. On SIGURG (a signal that nothing else here listens to, and
 * that does no harm where nobody does) it writes what it saw since the last time to
 * TALLYFLOW_PROBE_FILE and starts afresh.
 */

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
const KEPT = 12;
const MEMORY_EVERY_MS = 250;

function watch(file: string): void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let waits: [number, number][] = [];
  let idle = performance.eventLoopUtilization();
  let sequence = 0;

  const takeStalls = watchStalls();

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
      stalls: longest(takeStalls()),
      waits,
      memory,
    };
    writeFileSync(`${file}.part`, JSON.stringify(report));
    renameSync(`${file}.part`, file);
    histogram.reset();
    waits = [];
    memory = [];
    idle = performance.eventLoopUtilization();
  });
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
