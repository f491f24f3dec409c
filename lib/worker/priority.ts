import { constants, setPriority } from "node:os";
import { isMainThread } from "node:worker_threads";

/** Below the thread that answers people and Node-RED, which then never waits for a core behind this one. */
const BELOW = constants.priority.PRIORITY_BELOW_NORMAL;

/**
 * Let the other threads go first where the machine's cores are all at work. Linux counts a thread's priority by itself
 * (https://man7.org/linux/man-pages/man2/setpriority.2.html, "C library/kernel differences"); elsewhere it would be the
 * whole process's, so that nothing is done there, nor where the system does not allow it.
 */
export function standBack(): void {
  if (isMainThread || process.platform !== "linux") return;
  try {
    setPriority(BELOW);
  } catch (error) {
    process.emitWarning(`A worker thread keeps its priority: ${(error as Error).message}`);
  }
}
