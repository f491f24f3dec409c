import { randomBytes } from "node:crypto";
import type {
  AnyBulkWriteOperation,
  BulkWriteResult,
  Collection as DriverCollection,
  Document,
  IndexDescription,
} from "mongodb";
import type { StoredDocument } from "./codec";

export type StoredCollection = DriverCollection<StoredDocument>;

/** A new document; it fails when its id is there. */
export interface Insert {
  kind: "insert";
  id: string;
  document: StoredDocument;
}

/** A change of one document, made only when the condition holds at that moment. */
export interface Change {
  kind: "change";
  id: string;
  /** The condition, as the server checks it (beside the id) ... */
  filter: Document;
  /** ... and the same condition checked on the stored document. */
  holds(stored: StoredDocument): boolean;
  change: { replacement: Document } | { update: Record<string, Record<string, unknown>> };
}

export type Write = Insert | Change;

/** How a kind of server is asked to do what the adapter needs; see {@link standardAccess} and ferretdb.ts. */
export interface Access {
  findByIds(
    collection: StoredCollection,
    ids: readonly string[],
    projection?: Document,
  ): AsyncIterable<StoredDocument>;
  /** Carry out writes on distinct ids, each atomic, and answer the ids on which the write took place. */
  write(collection: StoredCollection, writes: readonly Write[], mark: Mark): Promise<Set<string>>;
  /** Make the indexes that are not there yet. */
  createIndexes(collection: StoredCollection, indexes: IndexDescription[]): Promise<void>;
  /** How many of the ids were there. */
  deleteByIds(collection: StoredCollection, ids: readonly string[]): Promise<number>;
}

/**
 * The mark that a batch leaves on every document it writes.
 *
 * A bulk write answers how many filters matched, not which. When it is not all or none, the marks are read back. A
 * mark goes into one of 16 slots, so that a later writer in another slot does not wipe it before it is read; calls
 * of one process that run at once (up to 16) do not share a slot.
 */
export interface Mark {
  token: string;
  slot: string;
}

const SLOTS = 16;

/** Hands out marks; one per store. */
export class Marks {
  #next = randomBytes(1)[0]!;

  next(): Mark {
    this.#next = (this.#next + 1) % SLOTS;
    return { token: randomBytes(12).toString("base64url"), slot: `s${this.#next}` };
  }
}

/** MongoDB, and whatever updates a document atomically as it does. */
export const standardAccess: Access = {
  findByIds: (collection, ids, projection) =>
    collection.find({ _id: { $in: [...ids] } }, projection ? { projection } : {}),

  async write(collection, writes, mark) {
    if (writes.length === 0) return new Set();
    const { matched, taken } = await bulk(
      collection,
      writes.map((write) => operationOf(write, write.kind === "change" ? write.filter : {})),
    );
    const done = new Set<string>();
    const changes: string[] = [];
    writes.forEach(({ id, kind }, i) => {
      if (kind === "change") changes.push(id);
      else if (!taken.has(i)) done.add(id);
    });
    if (matched === changes.length) {
      for (const id of changes) done.add(id);
    } else if (matched > 0) {
      const projection = { [`_t.m.${mark.slot}`]: 1 };
      for await (const { _id, _t } of this.findByIds(collection, changes, projection)) {
        if (_t?.m?.[mark.slot] === mark.token) done.add(_id);
      }
    }
    return done;
  },

  createIndexes: async (collection, indexes) => {
    await collection.createIndexes(indexes);
  },

  deleteByIds: async (collection, ids) =>
    (await collection.deleteMany({ _id: { $in: [...ids] } })).deletedCount,
};

/** A write as an operation of a bulk write, a change under the given condition. */
export function operationOf(write: Write, condition: Document): AnyBulkWriteOperation<StoredDocument> {
  if (write.kind === "insert") return { insertOne: { document: write.document } };
  const filter = { ...condition, _id: write.id };
  return "replacement" in write.change
    ? { replaceOne: { filter, replacement: write.change.replacement } }
    : { updateOne: { filter, update: write.change.update } };
}

/** An unordered bulk write: how many filters matched, and at which places an id to insert was taken. */
export async function bulk(
  collection: StoredCollection,
  operations: AnyBulkWriteOperation<StoredDocument>[],
): Promise<{ matched: number; taken: Set<number> }> {
  try {
    const result = await collection.bulkWrite(operations, { ordered: false });
    return { matched: result.matchedCount, taken: new Set() };
  } catch (error) {
    const { result, writeErrors } = error as { result?: BulkWriteResult; writeErrors?: unknown };
    const errors = (Array.isArray(writeErrors) ? writeErrors : []) as { code: number; index: number }[];
    const duplicates = errors.filter((one) => one.code === 11000);
    if (!result || duplicates.length === 0 || duplicates.length < errors.length) throw error;
    if (result.getWriteConcernError()) throw error;
    return { matched: result.matchedCount, taken: new Set(duplicates.map((one) => one.index)) };
  }
}
