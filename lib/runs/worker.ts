import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { sha256 } from "../values";

const session = randomBytes(6).toString("hex");

/**
 * The name of this process in leases and runs: `<instance>#<session>`. The instance is one place that runs a single
 * process at a time (the host and, say, the Node-RED user directory); the session is new with every process. Another
 * session of the same instance is therefore surely gone.
 */
export function workerName(place: string): string {
  return `${sha256(`${hostname()}|${place}`).slice(0, 12)}#${session}`;
}
