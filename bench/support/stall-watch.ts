/** A time in which the event loop of the main thread did not turn. */
export interface Stall {
  /** When it ended, in milliseconds since the epoch. */
  at: number;
  /** How long the loop did not turn, beyond the millisecond it was asked for. */
  wallMs: number;
  /** CPU time of the main thread in it: a stall without CPU time is the machine's, not the program's. */
  cpuMs: number;
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
  setInterval(() => {
    const now = performance.now();
    const used = cpuNow();
    const wallMs = now - last - RESOLUTION_MS;
    if (wallMs > WORTH_KEEPING_MS) stalls.push({ at: Date.now(), wallMs, cpuMs: used - cpu });
    last = now;
    cpu = used;
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
