import { openSync, readSync } from "node:fs";

/** A time in which the event loop of the main thread did not turn. */
export interface Stall {
  /** When it ended, in milliseconds since the epoch. */
  at: number;
  /** How long the loop did not turn, beyond the millisecond it was asked for. */
  wallMs: number;
  /** CPU time of the main thread in it: a stall without CPU time is the machine's, not the program's. */
  cpuMs: number;
  /** Time in which the thread was ready to run and other threads of the machine had its cores (Linux tells). */
  queuedMs?: number;
  /** Pages that the process had to read from disk in it: code or data that the machine had put away. */
  majorFaults: number;
}

const RESOLUTION_MS = 1;
const WORTH_KEEPING_MS = 15;

/** CPU time of this thread; of the whole process in a Node that does not tell (before 22.19). */
const usage = (process.threadCpuUsage ?? process.cpuUsage).bind(process);

/**
 * Watch this thread's event loop until the process ends.
 * @returns takes the stalls of more than 15 ms since it was last called
 */
export function watchStalls(): () => Stall[] {
  let stalls: Stall[] = [];
  let last = performance.now();
  let cpu = cpuNow();
  const queuedNow = queueClock();
  let queued = queuedNow?.();
  let faults = process.resourceUsage().majorPageFault;
  setInterval(() => {
    const now = performance.now();
    const used = cpuNow();
    const waited = queuedNow?.();
    const faulted = process.resourceUsage().majorPageFault;
    const wallMs = now - last - RESOLUTION_MS;
    if (wallMs > WORTH_KEEPING_MS) {
      const queuedMs = waited === undefined || queued === undefined ? {} : { queuedMs: waited - queued };
      stalls.push({ at: Date.now(), wallMs, cpuMs: used - cpu, ...queuedMs, majorFaults: faulted - faults });
    }
    last = now;
    cpu = used;
    queued = waited;
    faults = faulted;
  }, RESOLUTION_MS).unref();
  return () => {
    const taken = stalls;
    stalls = [];
    return taken;
  };
}

function cpuNow(): number {
  const { user, system } = usage();
  return (user + system) / 1000;
}

/**
 * Milliseconds that the main thread has waited for a core, of `/proc/PID/schedstat`:
 * https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat. Nothing where the machine does not tell.
 */
function queueClock(): (() => number) | undefined {
  let file: number;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return undefined;
  }
  const bytes = Buffer.alloc(64);
  return () => {
    const length = readSync(file, bytes, 0, bytes.length, 0);
    return Number(bytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
  };
}
