import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Document } from "mongodb";
import type { StoredDocument } from "./codec";
import { isComposite } from "./updates";
import { bulk, operationOf, type Access, type Change, type StoredCollection } from "./writes";

/**
 * FerretDB 1.x. It differs from MongoDB in two ways that matter here:
 *
 * - It updates a document by reading it, checking the filter and writing it back, with nothing that keeps another
 *   update from coming between. Only an insert is exclusive: one of many with the same id succeeds. So whoever
 *   changes a document first inserts a claim on it, and deletes the claim after. Claims are never waited for while
 *   others are held, so nobody waits in a circle. A claim whose owner died is removed after a while.
 * - Only a filter that is one `_id` and nothing else is handed to its database; any other is checked on every document
 *   of the collection. So each id is looked up by itself, some at a time, and conditions are checked here, under the
 *   claim. Its own index on `_id` is not the one that its SQLite backend asks for (1.24): without another one each
 *   look-up still reads the collection, and with more than some thousand documents it is slow.
 */
export const ferretAccess: Access = {
  async *findByIds(collection, ids, projection) {
    for (let start = 0; start < ids.length; start += LOOKUPS) {
      const found = await Promise.all(
        ids
          .slice(start, start + LOOKUPS)
          .map((id) => collection.findOne({ _id: id }, projection ? { projection } : {})),
      );
      for (const stored of found) if (stored !== null) yield stored;
    }
  },

  async write(collection, writes) {
    const done = new Set<string>();
    const inserts = writes.filter((write) => write.kind === "insert");
    if (inserts.length > 0) {
      const { taken } = await bulk(
        collection,
        inserts.map((insert) => operationOf(insert, {})),
      );
      inserts.forEach(({ id }, i) => {
        if (!taken.has(i)) done.add(id);
      });
    }
    const changes = writes.filter((write) => write.kind === "change");
    for (const id of await changeUnderClaims(collection, changes)) done.add(id);
    return done;
  },

  // Several at once, when they are there already, are a panic in the server.
  async createIndexes(collection, indexes) {
    for (const index of indexes) await collection.createIndexes([index]);
  },

  async deleteByIds(collection, ids) {
    let deleted = 0;
    for (let start = 0; start < ids.length; start += WRITES) {
      const result = await collection.bulkWrite(
        ids.slice(start, start + WRITES).map((id) => ({ deleteOne: { filter: { _id: id } } })),
        { ordered: false },
      );
      deleted += result.deletedCount;
    }
    return deleted;
  },
};

/** Look-ups under way at once. */
const LOOKUPS = 8;
/** The server keeps a connection to its database for each change of a command, and stops for good when it has no more. */
const WRITES = 4;
/** A claim is held for one read and one write. One that stands this long belongs to a process that died. */
const STALE_MS = 15_000;

interface Seen {
  by: string;
  since: number;
}

async function changeUnderClaims(
  collection: StoredCollection,
  changes: readonly Change[],
): Promise<string[]> {
  const claims = collection.db.collection<StoredDocument>("store_claims");
  const keyOf = (id: string) => `${collection.collectionName}|${id}`;
  const by = randomBytes(12).toString("base64url");
  const seen = new Map<string, Seen>();
  const done: string[] = [];
  let rest = [...changes];
  while (rest.length > 0) {
    const wanted = rest.map(({ id }) => ({ insertOne: { document: { _id: keyOf(id), by } } }));
    const { taken } = await bulk(claims, wanted);
    const mine = rest.filter((_, i) => !taken.has(i));
    rest = rest.filter((_, i) => taken.has(i));
    if (mine.length > 0) {
      try {
        done.push(...(await changeClaimed(collection, mine)));
      } finally {
        await ferretAccess.deleteByIds(
          claims,
          mine.map(({ id }) => keyOf(id)),
        );
      }
    } else {
      await sleep(2 + Math.random() * 20);
      await removeStale(
        claims,
        rest.map(({ id }) => keyOf(id)),
        seen,
      );
    }
  }
  return done;
}

async function changeClaimed(collection: StoredCollection, changes: readonly Change[]): Promise<string[]> {
  const stored = new Map<string, StoredDocument>();
  for await (const found of ferretAccess.findByIds(
    collection,
    changes.map(({ id }) => id),
  ))
    stored.set(found._id, found);
  const holding = changes.filter((change) => {
    const found = stored.get(change.id);
    return found !== undefined && change.holds(found);
  });
  const operations = holding.map((change) => operationOf(withoutObjects(change, stored.get(change.id)!), {}));
  for (let start = 0; start < operations.length; start += WRITES) {
    await bulk(collection, operations.slice(start, start + WRITES));
  }
  return holding.map(({ id }) => id);
}

/**
 * The server takes `$set` of a list or an object for no change when only keys in it differ. Under the claim the whole
 * document can be written instead.
 */
function withoutObjects(change: Change, stored: StoredDocument): Change {
  if (!("update" in change.change)) return change;
  const { $set = {}, $unset = {} } = change.change.update;
  if (!Object.values($set).some(isComposite)) return change;
  const { _id, ...replacement } = structuredClone(stored);
  // Names of fields hold no dots as they are stored: a dot leads into the adapter's own part.
  const parentOf = (path: readonly string[]) =>
    path.slice(0, -1).reduce((at, name) => (at[name] ??= {}) as Document, replacement as Document);
  for (const [name, value] of Object.entries($set)) {
    const path = name.split(".");
    parentOf(path)[path.at(-1)!] = value;
  }
  for (const name of Object.keys($unset)) {
    const path = name.split(".");
    delete parentOf(path)[path.at(-1)!];
  }
  return { ...change, id: _id, change: { replacement } };
}

/** Remove claims that the same owner has held for too long. The insert of a tombstone lets one process do it. */
async function removeStale(claims: StoredCollection, keys: string[], seen: Map<string, Seen>): Promise<void> {
  const now = performance.now();
  for await (const claim of ferretAccess.findByIds(claims, keys)) {
    const key = claim._id;
    const by = String(claim["by"]);
    const before = seen.get(key);
    if (before?.by !== by) {
      seen.set(key, { by, since: now });
    } else if (now - before.since > STALE_MS) {
      const tombstone = `stale|${by}|${key}`;
      const { taken } = await bulk(claims, [{ insertOne: { document: { _id: tombstone } } }]);
      if (taken.size === 0) await ferretAccess.deleteByIds(claims, [key, tombstone]);
    }
  }
}
