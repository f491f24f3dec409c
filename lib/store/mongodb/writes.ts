import { randomBytes } from "node:crypto";
import type { AnyBulkWriteOperation, BulkWriteResult, Collection as DriverCollection } from "mongodb";
import type { StoredDocument } from "./codec";

export type StoredCollection = DriverCollection<StoredDocument>;

/**
 * One operation of a batch, on one id, or on several with the same condition and the same change. An insert fails when
 * the id is there; the others when the filter misses.
 */
export interface Write {
  ids: readonly string[];
  kind: "insert" | "conditional";
  operation: AnyBulkWriteOperation<StoredDocument>;
}

/**
 * The mark that a batch leaves on every document it writes.
 *
 * A bulk write answers how many filters matched, not which. When it is not all or none, the marks are read back. A
 * mark goes into one of 16 slots, so that a later writer in another slot does not wipe it before it is read; two
 * calls of one process running at once never share a slot.
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

/** Carry out a batch (distinct ids, one mark) and answer the ids on which the write took place. */
export async function writeBatch(
  collection: StoredCollection,
  writes: readonly Write[],
  mark: Mark,
): Promise<Set<string>> {
  if (writes.length === 0) return new Set();
  const { matched, taken } = await bulk(
    collection,
    writes.map((write) => write.operation),
  );
  const done = new Set<string>();
  const conditional: string[] = [];
  writes.forEach(({ ids, kind }, i) => {
    if (kind === "conditional") conditional.push(...ids);
    else if (!taken.has(i)) for (const id of ids) done.add(id);
  });
  if (matched === conditional.length) {
    for (const id of conditional) done.add(id);
  } else if (matched > 0) {
    const path = `_t.m.${mark.slot}`;
    const found = collection.find({ _id: { $in: conditional } }, { projection: { [path]: 1 } });
    for await (const { _id, _t } of found) {
      if (_t?.m?.[mark.slot] === mark.token) done.add(_id);
    }
  }
  return done;
}

/** An unordered bulk write: how many filters matched, and at which places the id was taken. */
async function bulk(
  collection: StoredCollection,
  operations: AnyBulkWriteOperation<StoredDocument>[],
): Promise<{ matched: number; taken: Set<number> }> {
  try {
    const result = await collection.bulkWrite(operations, { ordered: false });
    return { matched: result.matchedCount, taken: new Set() };
  } catch (error) {
    const { result, writeErrors } = error as { result?: BulkWriteResult; writeErrors?: unknown };
    const errors = (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as {
      code: number;
      index: number;
    }[];
    const duplicates = errors.filter((one) => one?.code === 11000);
    if (!result || duplicates.length === 0 || duplicates.length < errors.length) throw error;
    if (result.getWriteConcernError()) throw error;
    return { matched: result.matchedCount, taken: new Set(duplicates.map((one) => one.index)) };
  }
}
