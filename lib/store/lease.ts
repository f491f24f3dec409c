import { randomUUID } from "node:crypto";
import { TallyError, type Instant } from "../values";
import { leases, type Lease } from "./collections";
import type { Store } from "./port";

/** Milliseconds since the epoch. Passed in, so that tests turn the clock and a step uses its context's. */
export type Clock = () => number;

/**
 * Take a lease, or renew it when this owner holds it. Of many who try at once exactly one gets it. A lease that ran
 * out is free.
 *
 * The time is the caller's: processes that share a lease need clocks that agree to well within `ttlMs`.
 *
 * @param name what is leased, the id in `leases`
 * @param owner who takes it; two pieces of work that must not both run need two owners
 * @returns the lease, or undefined when another holds it
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function acquireLease(
  store: Store,
  name: string,
  owner: string,
  ttlMs: number,
  clock: Clock = Date.now,
): Promise<Lease | undefined> {
  const collection = store.collection(leases);
  const now = clock();
  const wanted: Lease = { id: name, owner, until: instant(now + ttlMs) };
  const held = await collection.get(name);
  if (held === undefined) {
    return (await collection.insertMissing([wanted])).inserted === 1 ? wanted : undefined;
  }
  if (held.owner !== owner && Date.parse(held.until) > now) return undefined;
  return replaceLease(store, held, wanted);
}

/**
 * Lengthen a lease that this owner holds.
 * @returns the lease with its new end, or undefined when it was lost: it ran out and another took it, or it was
 *   released. The holder must stop then.
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function renewLease(
  store: Store,
  lease: Lease,
  ttlMs: number,
  clock: Clock = Date.now,
): Promise<Lease | undefined> {
  return replaceLease(store, lease, { ...lease, until: instant(clock() + ttlMs) });
}

/**
 * Give a lease back, so that the next one need not wait for its end.
 * @returns false when it was lost before
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function releaseLease(store: Store, lease: Lease): Promise<boolean> {
  const free: Lease = { id: lease.id, owner: "", until: instant(0) };
  return (await replaceLease(store, lease, free)) !== undefined;
}

/**
 * Do a piece of work under a lease: taken before, renewed while it runs, given back after. Two calls never run at
 * once, not even in one process with one owner name.
 *
 * @param work gets a signal that is aborted when the lease is lost; it must stop then
 * @throws TallyError STORE_CONFLICT (retryable) when another holds the lease; STORE_UNAVAILABLE; what `work` throws
 */
export async function withLease<R>(
  store: Store,
  name: string,
  owner: string,
  ttlMs: number,
  work: (signal: AbortSignal) => Promise<R>,
  clock: Clock = Date.now,
): Promise<R> {
  let lease = await acquireLease(store, name, `${owner}#${randomUUID()}`, ttlMs, clock);
  if (lease === undefined) {
    throw new TallyError("STORE_CONFLICT", `"${name}" is being worked on by another. Try again later.`, {
      retryable: true,
      details: { lease: name },
    });
  }
  const lost = new AbortController();
  let renewing: Promise<void> = Promise.resolve();
  const renew = async (held: Lease): Promise<void> => {
    try {
      const renewed = await renewLease(store, held, ttlMs, clock);
      if (renewed) lease = renewed;
      else lost.abort(lostLease(name));
    } catch (error) {
      // The store may be back before the lease ends; until then the work can go on.
      if (clock() >= Date.parse(held.until)) lost.abort(lostLease(name, error));
    }
  };
  const timer = setInterval(
    () => {
      renewing = renewing.then(() => (lost.signal.aborted || !lease ? undefined : renew(lease)));
    },
    Math.max(1, Math.floor(ttlMs / 3)),
  );
  timer.unref();
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(timer);
    await renewing;
    if (!lost.signal.aborted) await releaseLease(store, lease);
  }
}

function lostLease(name: string, cause?: unknown): TallyError {
  return new TallyError(
    "STORE_CONFLICT",
    `The lease on "${name}" was lost. The work stops and can be resumed.`,
    {
      retryable: true,
      details: { lease: name },
      cause,
    },
  );
}

async function replaceLease(store: Store, held: Lease, next: Lease): Promise<Lease | undefined> {
  const { updatedIds } = await store.collection(leases).updateMany([
    {
      id: held.id,
      expected: { owner: held.owner, until: held.until },
      set: { owner: next.owner, until: next.until },
    },
  ]);
  return updatedIds.length === 1 ? next : undefined;
}

function instant(ms: number): Instant {
  return new Date(ms).toISOString();
}
