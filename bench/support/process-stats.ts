import { readFileSync } from "node:fs";

/** Clock ticks in a second, as the kernel counts CPU time in /proc (USER_HZ is 100 on all Linux platforms). */
const TICKS = 100;

export interface ProcessStats {
  /** Largest resident memory so far, in MB (2^20 bytes). */
  peakMb: number;
  residentMb: number;
  /** CPU time of all threads, user and system, in seconds. */
  cpuSeconds: number;
}

/**
 * What the kernel says about a process. Source: proc_pid_status(5), proc_pid_stat(5).
 * @throws Error on systems without /proc
 */
export function processStats(pid: number): ProcessStats {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? NaN) / 102.4) / 10;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program stands in brackets and may hold anything, so the fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    peakMb: megabytes("VmHWM"),
    residentMb: megabytes("VmRSS"),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
  };
}
