import type { Document, FindCursor } from "mongodb";
import { TallyError } from "../../values";
import { checkFields, byId, checkUpdates, comparableHash, holds } from "../documents";
import { encodeCursor, indexFields, planRange, type RangePlan, type Segment } from "../query";
import type {
  Collection,
  CollectionDef,
  ConditionalResult,
  ConditionalUpdate,
  Doc,
  Page,
  RangeQuery,
  ScanQuery,
  UpsertResult,
} from "../port";
import { decodeDocument, encodeBody, type Private, type StoredDocument } from "./codec";
import { fieldName, filterOf, sortOf } from "./filters";
import { isCursorGone } from "./errors";
import { batches, batchesOfDistinct, changes, isComposite, scalarFilter } from "./updates";
import type { Access, Change, Insert, Mark, Marks, StoredCollection, Write } from "./writes";

const SCAN_BATCH = 500;
/** Rounds of read and write on one batch while others write the same documents. Each round somebody gets on. */
const ROUNDS = 100;

/** What a collection needs of its store. */
export interface Connection {
  marks: Marks;
  /** The driver's collection, its indexes made; errors of `work` become TallyErrors. */
  use<R>(work: (collection: StoredCollection, access: Access) => Promise<R>): Promise<R>;
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
      await this.#connection.use((found, access) => this.#upsert(found, access, batch, total));
    total.inserted = total.insertedIds.length;
    total.changed = total.changedIds.length;
    total.unchanged = distinct.length - total.inserted - total.changed;
    return total;
  }

  async insertMissing(docs: readonly T[]): Promise<{ inserted: number; insertedIds: string[] }> {
    const insertedIds: string[] = [];
    for (const batch of batches([...byId(this.def, docs).values()])) {
      await this.#connection.use(async (collection, access) => {
        const ids = batch.map((doc) => doc.id);
        const there = new Set<string>();
        for await (const { _id } of access.findByIds(collection, ids, { _id: 1 })) there.add(_id);
        const mark = this.#connection.marks.next();
        const writes = batch.filter((doc) => !there.has(doc.id)).map((doc) => this.#insert(doc, mark));
        const done = await access.write(collection, writes, mark);
        for (const { id } of writes) if (done.has(id)) insertedIds.push(id);
      });
    }
    return { inserted: insertedIds.length, insertedIds };
  }

  async get(id: string): Promise<T | undefined> {
    const stored = await this.#connection.use((collection) => collection.findOne({ _id: id }));
    return stored === null ? undefined : decodeDocument<T>(stored);
  }

  async getMany(ids: readonly string[], without: readonly string[] = []): Promise<T[]> {
    checkFields(this.def, without);
    const projection = projectionOf(without);
    const found = new Map<string, T>();
    for (const batch of batches([...new Set(ids)])) {
      await this.#connection.use(async (collection, access) => {
        for await (const stored of access.findByIds(collection, batch, projection)) {
          found.set(stored._id, decodeDocument<T>(stored));
        }
      });
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  async findAny(index: string, values: readonly string[]): Promise<T[]> {
    const field = indexFields(this.def as CollectionDef<Doc>, index)[0]!;
    const found = new Map<string, T[]>([...new Set(values)].map((value) => [value, []]));
    for (const batch of batches([...found.keys()])) {
      const filter = { [fieldName(field)]: { $in: batch } };
      const page = await this.#connection.use((collection) =>
        collection.find(filter).sort({ _id: 1 }).toArray(),
      );
      for (const stored of page) {
        const doc = decodeDocument<T>(stored);
        found.get((doc as unknown as Record<string, string>)[field]!)!.push(doc);
      }
    }
    return [...found.values()].flat();
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

  async *scan(query: ScanQuery, without: readonly string[] = []): AsyncGenerator<T> {
    checkFields(this.def, without, query.index);
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
          for await (const doc of this.#stream(segment, plan, without)) {
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
      await this.#connection.use((found, access) => this.#update(found, access, batch, total));
    }
    return total;
  }

  async deleteMany(ids: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const batch of batches([...new Set(ids)])) {
      deleted += await this.#connection.use((collection, access) => access.deleteByIds(collection, batch));
    }
    return deleted;
  }

  #plan(query: RangeQuery): RangePlan {
    return planRange(this.def as CollectionDef<Doc>, query);
  }

  async *#stream(segment: Segment, plan: RangePlan, without: readonly string[]): AsyncGenerator<T> {
    const cursor = await this.#connection.use((collection) =>
      Promise.resolve(cursorOf(collection, segment, plan, projectionOf(without)).batchSize(SCAN_BATCH)),
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

  #insert(doc: T, mark: Mark): Insert {
    const own: Private = { h: this.#hash(doc), v: mark.token, m: { [mark.slot]: mark.token } };
    return { kind: "insert", id: doc.id, document: { _id: doc.id, ...encodeBody(doc), _t: own } };
  }

  /** Read what is there, write what differs on the condition that nothing changed since, and again for the rest. */
  async #upsert(
    collection: StoredCollection,
    access: Access,
    batch: readonly T[],
    total: UpsertResult,
  ): Promise<void> {
    let pending = batch;
    for (let round = 0; pending.length > 0; round++) {
      if (round === ROUNDS) throw contended(this.def.name);
      const ids = pending.map((doc) => doc.id);
      const heads = await this.#heads(collection, access, ids);
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
      const done = await access.write(collection, writes, mark);
      for (const { id } of writes) {
        if (done.has(id)) (inserts.has(id) ? total.insertedIds : total.changedIds).push(id);
      }
      const left = new Set(writes.filter(({ id }) => !done.has(id)).map(({ id }) => id));
      pending = pending.filter((doc) => left.has(doc.id));
    }
  }

  #replace(doc: T, hash: string, head: Head, mark: Mark): Change {
    const own: Private = { h: hash, v: mark.token, m: { ...head.marks, [mark.slot]: mark.token } };
    // The stored shard key sends the write to one shard; the version alone is what decides.
    const shard = this.def.shardKey === "id" ? {} : { [this.def.shardKey]: head.shard ?? null };
    return {
      kind: "change",
      id: doc.id,
      filter: { ...shard, "_t.v": head.version },
      holds: (stored) => versionOf(stored) === head.version,
      change: { replacement: { ...encodeBody(doc), _t: own } },
    };
  }

  /** Hash, version and marks of the ids that are there; a missing hash is made from the whole document. */
  async #heads(collection: StoredCollection, access: Access, ids: string[]): Promise<Map<string, Head>> {
    const heads = new Map<string, Head>();
    const unhashed: string[] = [];
    const projection = { _t: 1, [this.def.shardKey === "id" ? "_id" : this.def.shardKey]: 1 };
    for await (const stored of access.findByIds(collection, ids, projection)) {
      if (stored._t?.h === undefined) unhashed.push(stored._id);
      else heads.set(stored._id, this.#head(stored, stored._t.h));
    }
    if (unhashed.length > 0) {
      for await (const stored of access.findByIds(collection, unhashed)) {
        heads.set(stored._id, this.#head(stored, this.#hash(decodeDocument<T>(stored))));
      }
    }
    return heads;
  }

  #head(stored: StoredDocument, hash: string): Head {
    return {
      hash,
      version: versionOf(stored),
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
    access: Access,
    batch: readonly ConditionalUpdate<T>[],
    total: ConditionalResult,
  ): Promise<void> {
    let pending = batch;
    for (let round = 0; pending.length > 0; round++) {
      if (round === ROUNDS) throw contended(this.def.name);
      const compared = pending
        .filter(({ expected }) => Object.values(expected).some(isComposite))
        .map(({ id }) => id);
      const versions = new Map<string, string | null | undefined>(compared.map((id) => [id, undefined]));
      const updates = new Map(pending.map((update) => [update.id, update]));
      for await (const found of access.findByIds(collection, compared)) {
        if (meets(found, updates.get(found._id)!)) versions.set(found._id, versionOf(found));
      }
      const mark = this.#connection.marks.next();
      const writes: Change[] = [];
      for (const update of pending) {
        const { id } = update;
        const version = versions.get(id);
        const change = { update: changes(update, mark) };
        if (!versions.has(id)) {
          writes.push({
            kind: "change",
            id,
            filter: scalarFilter(update),
            holds: (found) => meets(found, update),
            change,
          });
        } else if (version === undefined) {
          total.conflictIds.push(id);
        } else {
          const holds = (found: StoredDocument) => versionOf(found) === version;
          writes.push({ kind: "change", id, filter: { "_t.v": version }, holds, change });
        }
      }
      const done = await access.write(collection, writes, mark);
      const again = new Set<string>();
      for (const { id } of writes) {
        if (done.has(id)) total.updatedIds.push(id);
        else if (versions.has(id)) again.add(id);
        else total.conflictIds.push(id);
      }
      pending = pending.filter(({ id }) => again.has(id));
    }
  }
}

function versionOf(stored: StoredDocument): string | null {
  return stored._t?.v ?? null;
}

function meets<T extends Doc>(stored: StoredDocument, { expected }: ConditionalUpdate<T>): boolean {
  return holds(decodeDocument<T>(stored) as unknown as Record<string, unknown>, expected);
}

function cursorOf(
  collection: StoredCollection,
  segment: Segment,
  plan: RangePlan,
  projection?: Document,
): FindCursor<StoredDocument> {
  const options = projection ? { projection } : {};
  return collection.find(filterOf(segment, plan.descending), options).sort(sortOf(plan));
}

function projectionOf(without: readonly string[]): Document | undefined {
  return without.length === 0 ? undefined : Object.fromEntries(without.map((field) => [field, 0]));
}

function contended(name: string): TallyError {
  return new TallyError(
    "STORE_CONFLICT",
    `Documents of ${name} are being changed by others without a pause. Try again in a moment.`,
    { retryable: true },
  );
}
