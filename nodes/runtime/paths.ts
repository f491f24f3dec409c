import path from "node:path";
import type { NodeAPI } from "node-red";

/** A path as a person gives it: a relative one starts at Node-RED's user directory. */
export function userPath(RED: NodeAPI, given: string): string {
  const { userDir } = RED.settings as { userDir?: string };
  return path.resolve(userDir ?? process.cwd(), given);
}
