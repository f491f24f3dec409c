import { setTimeout as sleep } from "node:timers/promises";
import { TallyError } from "../values";
import { withLease, type Clock } from "./lease";
import { META } from "./meta";
import type { Store } from "./port";

/**
 * A numbered change of the stored data. `up` may be cut off at any point and is then run again from its beginning,
 * so it has to be idempotent. Collections and indexes need no migration: they are made on first use.
 */
export interface Migration {
  version: number;
  /** What it does, for people. */
  name: string;
  up(store: Store): Promise<void>;
}

/** In order, numbered from 1 without gaps. A released one is never changed. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "the store carries a version",
    up: () => Promise.resolve(),
  },
];

export interface MigrateOptions {
  migrations?: readonly Migration[];
  /** How long to wait for another process that is migrating, in milliseconds. */
  waitMs?: number;
  leaseMs?: number;
  clock?: Clock;
}

/**
 * Bring the store to the version of this code. Of several processes that start at once one migrates, under a lease,
 * and the others wait for it; when it dies, the next one takes over after the lease's end.
 *
 * @returns the version of the store
 * @throws TallyError STORE_TOO_NEW when a newer Tallyflow wrote the store; STORE_UNAVAILABLE
 */
export async function migrate(store: Store, options: MigrateOptions = {}): Promise<number> {
  const { migrations = MIGRATIONS, waitMs = 120_000, leaseMs = 30_000, clock = Date.now } = options;
  const target = migrations.length;
  const misplaced = migrations.find((migration, i) => migration.version !== i + 1);
  if (misplaced) throw new TallyError("INTERNAL", `Migration ${misplaced.version} is out of order.`);

  const until = Date.now() + waitMs;
  for (;;) {
    const version = await store.schemaVersion();
    if (version > target) {
      throw new TallyError(
        "STORE_TOO_NEW",
        `The store has version ${version}, and this Tallyflow knows versions up to ${target}. Install the newer Tallyflow, or restore a backup from before.`,
        { details: { version, supported: target } },
      );
    }
    if (version === target) return version;
    if (await underLease(store, migrations, { leaseMs, clock })) continue;
    if (Date.now() > until) {
      throw new TallyError(
        "STORE_UNAVAILABLE",
        "Another process has been changing the store to a new version for too long. Look at that process, then try again.",
        { retryable: true },
      );
    }
    await sleep(100);
  }
}

/** Run what is missing; false when another holds the lease, or took it in the middle. */
async function underLease(
  store: Store,
  migrations: readonly Migration[],
  { leaseMs, clock }: { leaseMs: number; clock: Clock },
): Promise<boolean> {
  const work = async (signal: AbortSignal) => {
    // Another may have finished between the look at the version and the lease.
    for (const migration of migrations.slice(await store.schemaVersion())) {
      await migration.up(store);
      signal.throwIfAborted();
      await store.collection(META).upsertMany([{ id: "schema", version: migration.version }]);
    }
  };
  try {
    await withLease(store, "migrate", "migrate", leaseMs, work, clock);
    return true;
  } catch (error) {
    if (error instanceof TallyError && error.code === "STORE_CONFLICT") return false;
    throw error;
  }
}
