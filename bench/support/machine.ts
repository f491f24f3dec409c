import { arch, cpus, freemem, loadavg, platform, release, totalmem } from "node:os";
import { rounded } from "../result";

/** The machine a benchmark ran on: without it a figure says little. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  freeGb: number;
  os: string;
  node: string;
  date: string;
  /** Load averages of 1, 5 and 15 minutes before the run; above the number of cores, times are of a busy machine. */
  load: number[];
}

/** The figures of this machine now. */
export function machine(): Machine {
  const gigabytes = (bytes: number) => rounded(bytes / 1024 ** 3);
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: gigabytes(totalmem()),
    freeGb: gigabytes(freemem()),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    date: new Date().toISOString(),
    load: loadavg().map((value) => Math.round(value * 100) / 100),
  };
}
