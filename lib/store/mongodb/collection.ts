import type { FindCursor } from "mongodb";
import { canonicalJson, TallyError } from "../../values";
import { byId, checkUpdates, comparableHash, holds } from "../documents";
import { encodeCursor, planRange, type RangePlan, type Segment } from "../query";
import type {
  Collection,
  CollectionDef,
  ConditionalResult,
  ConditionalUpdate,
  Doc,
  Page,
  RangeQuery,
  UpsertResult,
} from "../port";
import { decodeDocument, encodeBody, type Private, type StoredDocument } from "./codec";
import { filterOf, sortOf } from "./filters";
import { isCursorGone } from "./errors";
import { batches, batchesOfDistinct, changes, isComposite, scalarFilter } from "./updates";
import { writeBatch, type Mark, type Marks, type StoredCollection, type Write } from "./writes";

const SCAN_BATCH = 500;
/** Rounds of read and write on one batch while others write the same documents. Each round somebody gets on. */
const ROUNDS = 100;

/** What a collection needs of its store. */
export interface Connection {
  marks: Marks;
  /** May equal changes to several documents be one operation? Then the server does not repeat it by itself. */
  grouping(): Promise<boolean>;
  /** The driver's collection, its indexes made; errors of `work` become TallyErrors. */
  use<R>(work: (collection: StoredCollection) => Promise<R>): Promise<R>;
}

interface Head {
  hash: string;
  version: string | null;
  marks: Record<string, string>;
  shard: unknown;
}

/** A collection of MongoDB. Every write is on one document and atomic by itself. */
export class MongoCollection<T extends Doc> implements Collection<T> {
  readonly def: CollectionDef<T>;
  readonly #connection: Connection;
  readonly #volatile: ReadonlySet<string>;

  constructor(def: CollectionDef<T>, connection: Connection) {
    this.def = def;
    this.#connection = connection;
    this.#volatile = new Set<string>(def.volatile ?? []);
  }

  async upsertMany(docs: readonly T[]): Promise<UpsertResult> {
    const distinct = [...byId(this.def, docs).values()];
    const total: UpsertResult = { inserted: 0, changed: 0, unchanged: 0, insertedIds: [], changedIds: [] };
    for (const batch of batches(distinct))
      await this.#connection.use((found) => this.#upsert(found, batch, total));
    total.inserted = total.insertedIds.length;
    total.changed = total.changedIds.length;
    total.unchanged = distinct.length - total.inserted - total.changed;
    return total;
  }

  async insertMissing(docs: readonly T[]): Promise<{ inserted: number; insertedIds: string[] }> {
    const insertedIds: string[] = [];
    for (const batch of batches([...byId(this.def, docs).values()])) {
      await this.#connection.use(async (collection) => {
        const ids = batch.map((doc) => doc.id);
        const there = new Set<string>();
        for await (const { _id } of collection.find({ _id: { $in: ids } }, { projection: { _id: 1 } }))
          there.add(_id);
        const mark = this.#connection.marks.next();
        const writes = batch.filter((doc) => !there.has(doc.id)).map((doc) => this.#insert(doc, mark));
        const done = await writeBatch(collection, writes, mark);
        insertedIds.push(...idsOf(writes).filter((id) => done.has(id)));
      });
    }
    return { inserted: insertedIds.length, insertedIds };
  }

  async get(id: string): Promise<T | undefined> {
    const stored = await this.#connection.use((collection) => collection.findOne({ _id: id }));
    return stored === null ? undefined : decodeDocument<T>(stored);
  }

  async getMany(ids: readonly string[]): Promise<T[]> {
    const found = new Map<string, T>();
    for (const batch of batches([...new Set(ids)])) {
      await this.#connection.use(async (collection) => {
        for await (const stored of collection.find({ _id: { $in: batch } })) {
          found.set(stored._id, decodeDocument<T>(stored));
        }
      });
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  async find(query: RangeQuery): Promise<Page<T>> {
    const plan = this.#plan(query);
    const items: T[] = [];
    for (const segment of plan.segments) {
      const wanted = plan.limit + 1 - items.length;
      if (wanted <= 0) break;
      const found = await this.#connection.use((collection) =>
        cursorOf(collection, segment, plan).limit(wanted).toArray(),
      );
      for (const stored of found) items.push(decodeDocument<T>(stored));
    }
    if (items.length <= plan.limit) return { items };
    items.length = plan.limit;
    return { items, next: encodeCursor(items.at(-1)!, this.def as CollectionDef<Doc>, query, plan) };
  }

  async *scan(query: Omit<RangeQuery, "limit" | "after">): AsyncGenerator<T> {
    let last: T | undefined;
    for (;;) {
      const first = this.#plan(query);
      const plan: RangePlan =
        last === undefined
          ? first
          : this.#plan({ ...query, after: encodeCursor(last, this.def as CollectionDef<Doc>, query, first) });
      const before: T | undefined = last;
      try {
        for (const segment of plan.segments) {
          for await (const doc of this.#stream(segment, plan)) {
            last = doc;
            yield doc;
          }
        }
        return;
      } catch (error) {
        // A server drops a cursor that nobody reads for minutes: go on from the last document with a new one.
        if (!isCursorGone(error) || last === before) throw error;
      }
    }
  }

  async count(query: Pick<RangeQuery, "index" | "equals" | "from" | "to">): Promise<number> {
    const plan = this.#plan(query);
    let total = 0;
    for (const segment of plan.segments) {
      total += await this.#connection.use((collection) =>
        collection.countDocuments(filterOf(segment, false)),
      );
    }
    return total;
  }

  async updateMany(updates: readonly ConditionalUpdate<T>[]): Promise<ConditionalResult> {
    checkUpdates(this.def, updates);
    const total: ConditionalResult = { updatedIds: [], conflictIds: [] };
    for (const batch of batchesOfDistinct(updates)) {
      await this.#connection.use((collection) => this.#update(collection, batch, total));
    }
    return total;
  }

  async deleteMany(ids: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const batch of batches([...new Set(ids)])) {
      deleted += await this.#connection.use(
        async (collection) => (await collection.deleteMany({ _id: { $in: batch } })).deletedCount,
      );
    }
    return deleted;
  }

  #plan(query: RangeQuery): RangePlan {
    return planRange(this.def as CollectionDef<Doc>, query);
  }

  async *#stream(segment: Segment, plan: RangePlan): AsyncGenerator<T> {
    const cursor = await this.#connection.use((collection) =>
      Promise.resolve(cursorOf(collection, segment, plan).batchSize(SCAN_BATCH)),
    );
    try {
      for (;;) {
        const stored = await this.#connection.use(() => cursor.next());
        if (stored === null) return;
        yield decodeDocument<T>(stored);
      }
    } finally {
      await cursor.close();
    }
  }

  #insert(doc: T, mark: Mark): Write {
    const own: Private = { h: this.#hash(doc), v: mark.token, m: { [mark.slot]: mark.token } };
    return {
      ids: [doc.id],
      kind: "insert",
      operation: { insertOne: { document: { _id: doc.id, ...encodeBody(doc), _t: own } } },
    };
  }

  /** Read what is there, write what differs on the condition that nothing changed since, and again for the rest. */
  async #upsert(collection: StoredCollection, batch: readonly T[], total: UpsertResult): Promise<void> {
    let pending = batch;
    for (let round = 0; pending.length > 0; round++) {
      if (round === ROUNDS) throw contended(this.def.name);
      const heads = await this.#heads(
        collection,
        pending.map((doc) => doc.id),
      );
      const mark = this.#connection.marks.next();
      const inserts = new Set<string>();
      const writes: Write[] = [];
      for (const doc of pending) {
        const head = heads.get(doc.id);
        if (head === undefined) {
          inserts.add(doc.id);
          writes.push(this.#insert(doc, mark));
        } else {
          const hash = this.#hash(doc);
          if (hash !== head.hash) writes.push(this.#replace(doc, hash, head, mark));
        }
      }
      const done = await writeBatch(collection, writes, mark);
      for (const id of idsOf(writes)) {
        if (done.has(id)) (inserts.has(id) ? total.insertedIds : total.changedIds).push(id);
      }
      const left = new Set(idsOf(writes).filter((id) => !done.has(id)));
      pending = pending.filter((doc) => left.has(doc.id));
    }
  }

  #replace(doc: T, hash: string, head: Head, mark: Mark): Write {
    const own: Private = { h: hash, v: mark.token, m: { ...head.marks, [mark.slot]: mark.token } };
    // The stored shard key sends the write to one shard; the version alone is what decides.
    const shard = this.def.shardKey === "id" ? {} : { [this.def.shardKey]: head.shard ?? null };
    return {
      ids: [doc.id],
      kind: "conditional",
      operation: {
        replaceOne: {
          filter: { _id: doc.id, ...shard, "_t.v": head.version },
          replacement: { ...encodeBody(doc), _t: own },
        },
      },
    };
  }

  /** Hash, version and marks of the ids that are there; a missing hash is made from the whole document. */
  async #heads(collection: StoredCollection, ids: string[]): Promise<Map<string, Head>> {
    const heads = new Map<string, Head>();
    const unhashed: string[] = [];
    const projection = { _t: 1, [this.def.shardKey === "id" ? "_id" : this.def.shardKey]: 1 };
    for await (const stored of collection.find({ _id: { $in: ids } }, { projection })) {
      if (stored._t?.h === undefined) unhashed.push(stored._id);
      else heads.set(stored._id, this.#head(stored, stored._t.h));
    }
    if (unhashed.length > 0) {
      for await (const stored of collection.find({ _id: { $in: unhashed } })) {
        heads.set(stored._id, this.#head(stored, this.#hash(decodeDocument<T>(stored))));
      }
    }
    return heads;
  }

  #head(stored: StoredDocument, hash: string): Head {
    return {
      hash,
      version: stored._t?.v ?? null,
      marks: stored._t?.m ?? {},
      shard: stored[this.def.shardKey] as unknown,
    };
  }

  #hash(doc: T): string {
    return comparableHash(doc as unknown as Record<string, unknown>, this.#volatile);
  }

  /**
   * Scalars are compared by the server. A list or an object is compared here, where the order of keys does not
   * count, and the write is then made on the condition that the document is still the one that was compared.
   */
  async #update(
    collection: StoredCollection,
    batch: readonly ConditionalUpdate<T>[],
    total: ConditionalResult,
  ): Promise<void> {
    const grouping = await this.#connection.grouping();
    let pending = batch;
    for (let round = 0; pending.length > 0; round++) {
      if (round === ROUNDS) throw contended(this.def.name);
      const compared = new Set(
        pending.filter(({ expected }) => Object.values(expected).some(isComposite)).map(({ id }) => id),
      );
      const stored = new Map<string, StoredDocument>();
      if (compared.size > 0) {
        for await (const found of collection.find({ _id: { $in: [...compared] } }))
          stored.set(found._id, found);
      }
      const mark = this.#connection.marks.next();
      const writes: Write[] = [];
      const alike = new Map<string, ConditionalUpdate<T>[]>();
      for (const update of pending) {
        if (compared.has(update.id)) {
          const found = stored.get(update.id);
          const record = found && (decodeDocument<T>(found) as unknown as Record<string, unknown>);
          if (!found || !record || !holds(record, update.expected)) {
            total.conflictIds.push(update.id);
            continue;
          }
          const filter = { _id: update.id, "_t.v": found._t?.v ?? null };
          writes.push(oneUpdate([update], filter, mark));
        } else {
          const key = grouping ? canonicalJson([update.expected, entriesOf(update.set)]) : update.id;
          const group = alike.get(key);
          if (group) group.push(update);
          else alike.set(key, [update]);
        }
      }
      for (const group of alike.values()) writes.push(oneUpdate(group, scalarFilter(group[0]!), mark));
      const done = await writeBatch(collection, writes, mark);
      const again = new Set<string>();
      for (const id of idsOf(writes)) {
        if (done.has(id)) total.updatedIds.push(id);
        else if (compared.has(id)) again.add(id);
        else total.conflictIds.push(id);
      }
      pending = pending.filter(({ id }) => again.has(id));
    }
  }
}

function cursorOf(
  collection: StoredCollection,
  segment: Segment,
  plan: RangePlan,
): FindCursor<StoredDocument> {
  return collection.find(filterOf(segment, plan.descending)).sort(sortOf(plan));
}

function idsOf(writes: readonly Write[]): string[] {
  return writes.flatMap(({ ids }) => ids);
}

/** Removed fields count too when changes are compared, which a canonical text of an object leaves out. */
function entriesOf(set: object): unknown[] {
  return Object.entries(set).map(([field, value]) => (value === undefined ? [field] : [field, value]));
}

/** The updates of one group, which differ in the id only, as one operation. */
function oneUpdate<T extends Doc>(
  group: readonly ConditionalUpdate<T>[],
  filter: Record<string, unknown>,
  mark: Mark,
): Write {
  const ids = group.map(({ id }) => id);
  const update = changes(group[0]!, mark);
  return {
    ids,
    kind: "conditional",
    operation:
      ids.length === 1
        ? { updateOne: { filter, update } }
        : { updateMany: { filter: { ...filter, _id: { $in: ids } }, update } },
  };
}

function contended(name: string): TallyError {
  return new TallyError(
    "STORE_CONFLICT",
    `Documents of ${name} are being changed by others without a pause. Try again in a moment.`,
    { retryable: true },
  );
}
