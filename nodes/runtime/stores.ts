import { realpathSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import path from "node:path";
import { RunLedger } from "../../lib/runs";
import type { Store } from "../../lib/store";
import type { OpenStore } from "./config-nodes";
import { SharedPool, type Lease } from "./pool";

/** Stores that this process has open. Two config nodes with the same file or address share one. */

export type StoreTarget = { kind: "sqlite"; path: string } | { kind: "mongodb"; uri: string };

/** Names this process in the run ledger: host, process id, and a part that no earlier process had. */
export const WORKER = `${hostname()}:${process.pid}:${randomBytes(4).toString("hex")}`;

const pool = new SharedPool<OpenStore>(({ store }) => store.close());

/**
 * Lease a store, opening it when nobody in this process has it open. Runs that an earlier process on this machine
 * left Running become Crashed at that moment.
 */
export async function leaseStore(
  target: StoreTarget,
  open: (target: StoreTarget) => Promise<Store>,
): Promise<Lease<OpenStore>> {
  return pool.acquire(keyOf(target), async () => {
    const store = await open(target);
    try {
      const ledger = new RunLedger(store, { worker: WORKER });
      await ledger.recover(isDead);
      return { store, ledger };
    } catch (error) {
      await store.close();
      throw error;
    }
  });
}

/** The stores that are open now. */
export function openStores(): Promise<OpenStore[]> {
  return pool.open();
}

/** Did the process of this worker name end? Only one on this machine can be judged. */
export function isDead(worker: string): boolean {
  const match = /^(.*):(\d+):[0-9a-f]{8}$/.exec(worker);
  if (!match || match[1] !== hostname() || worker === WORKER) return false;
  const pid = Number(match[2]);
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Two spellings of one file are one key: links in its folder are resolved. */
function keyOf(target: StoreTarget): string {
  if (target.kind === "mongodb") return `mongodb|${target.uri}`;
  const file = path.resolve(target.path);
  for (const existing of [file, path.dirname(file)]) {
    try {
      const real = realpathSync(existing);
      return `sqlite|${existing === file ? real : path.join(real, path.basename(file))}`;
    } catch {
      // Not there yet, or out of reach: opening it says what is wrong, in words.
    }
  }
  return `sqlite|${file}`;
}
