/**
 * The store port: what every capability may ask of a store. Two adapters (SQLite, MongoDB) pass one contract suite.
 * Nothing here needs a transaction over several documents: callers order their writes so that a crash at any point
 * leaves a state which the next run completes.
 */

/** A stored document. All values are JSON; `id` is unique in its collection. */
export interface Doc {
  id: string;
}

export interface IndexDef {
  /** Unique in the collection. */
  name: string;
  /** Top-level fields, ascending; the id is always the last key, so that every order is total and stable. */
  fields: readonly string[];
}

export interface CollectionDef<T extends Doc> {
  name: string;
  /** The field MongoDB shards by (hashed), `id` unless a range is always read by another. */
  shardKey: string;
  indexes: readonly IndexDef[];
  /** Fields that do not count when a document is compared with the stored one (say, `fetchedAt`). */
  volatile?: readonly (keyof T & string)[];
}

export interface UpsertResult {
  inserted: number;
  changed: number;
  unchanged: number;
  insertedIds: string[];
  changedIds: string[];
}

/** Field values that must hold; `null` also matches a field that is not there. */
export type Expected<T> = { [K in keyof T]?: T[K] | null };

export interface ConditionalUpdate<T extends Doc> {
  id: string;
  /** Written only when all of these hold at the moment of the write. */
  expected: Expected<T>;
  /** Top-level fields to set; `undefined` removes the field. */
  set: Partial<T>;
}

export interface ConditionalResult {
  updatedIds: string[];
  /** Not there, or `expected` did not hold. */
  conflictIds: string[];
}

export type Scalar = string | number | boolean | null;

export interface RangeQuery {
  /** Name of an index of the collection, or `id`. */
  index: string;
  /** Values of the index's leading fields, in order; may be shorter than the index. */
  equals?: readonly Scalar[];
  /** Bounds on the field after those in `equals`: `from` inclusive, `to` exclusive. */
  from?: Scalar;
  to?: Scalar;
  order?: "asc" | "desc";
  /** At most this many documents (a page); 1,000 when absent. */
  limit?: number;
  /** `next` of the page before. */
  after?: string;
}

export type ScanQuery = Omit<RangeQuery, "limit" | "after">;

export interface Page<T> {
  items: T[];
  /** Where the next page begins; absent on the last page. */
  next?: string;
}

export interface Collection<T extends Doc> {
  readonly def: CollectionDef<T>;
  /** Insert what is new and replace what differs; equal documents are not written. A repeated id: the last wins. */
  upsertMany(docs: readonly T[]): Promise<UpsertResult>;
  /** Insert what is new and leave what is there as it is. */
  insertMissing(docs: readonly T[]): Promise<{ inserted: number; insertedIds: string[] }>;
  get(id: string): Promise<T | undefined>;
  /** In the order of the ids asked for; unknown ids are left out. */
  getMany(ids: readonly string[]): Promise<T[]>;
  /** Without these top-level fields, which are not even read: what is large and not needed costs nothing. */
  getMany<K extends keyof T & string>(ids: readonly string[], without: readonly K[]): Promise<Omit<T, K>[]>;
  find(query: RangeQuery): Promise<Page<T>>;
  /**
   * All documents in which the first field of an index has one of these values: one look for many. In the order of the
   * values, those of one value by id.
   */
  findAny(index: string, values: readonly string[]): Promise<T[]>;
  /** All documents of a range, read page by page: memory stays flat whatever the size. */
  scan(query: ScanQuery): AsyncIterable<T>;
  /** Without these top-level fields, none of which may be one of the index. */
  scan<K extends keyof T & string>(query: ScanQuery, without: readonly K[]): AsyncIterable<Omit<T, K>>;
  count(query: Pick<RangeQuery, "index" | "equals" | "from" | "to">): Promise<number>;
  /** Compare-and-set on each document, each atomic by itself. The base of leases and of the queue. */
  updateMany(updates: readonly ConditionalUpdate<T>[]): Promise<ConditionalResult>;
  /** How many of the ids were there. */
  deleteMany(ids: readonly string[]): Promise<number>;
}

export interface Store {
  readonly kind: "sqlite" | "mongodb";
  collection<T extends Doc>(def: CollectionDef<T>): Collection<T>;
  /** Schema version of the data in the store. */
  schemaVersion(): Promise<number>;
  /** Is the store there and answering? Throws STORE_UNAVAILABLE with the reason. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
