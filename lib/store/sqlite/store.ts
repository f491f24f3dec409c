import { mapInTurns, TallyError, takeTurn, turnDue } from "../../values";
import { checkFields, byId, checkDefinition, checkUpdates } from "../documents";
import { META } from "../meta";
import { encodeCursor, indexFields, planRange, type RangePlan } from "../query";
import type {
  Collection,
  CollectionDef,
  ConditionalResult,
  ConditionalUpdate,
  Doc,
  Page,
  RangeQuery,
  ScanQuery,
  Store,
  UpsertResult,
} from "../port";
import type { EngineUpdate } from "./engine";
import { WorkerLink } from "./link";

/** Documents handed to the worker at a time. */
const SLICE = 250;
/** Documents in one transaction: calls up to this size are all or nothing, larger ones are several of these. */
const TRANSACTION = 10_000;
const UPDATES = 1_000;
const SCAN_PAGE = 500;

/**
 * The embedded store: one SQLite file, written and read in a worker thread of its own.
 *
 * A call that writes up to 10,000 documents is one transaction. The thread does not keep the process alive; close
 * the store to have the write-ahead log folded in and its files removed.
 */
export class SqliteStore implements Store {
  readonly kind = "sqlite";
  /** Path of the file, or `:memory:`. */
  readonly path: string;
  readonly #working = new Set<Promise<unknown>>();
  #link: WorkerLink | undefined;
  #closed = false;

  constructor(file: string) {
    this.path = file;
  }

  collection<T extends Doc>(def: CollectionDef<T>): Collection<T> {
    checkDefinition(def as CollectionDef<Doc>);
    return new SqliteCollection(def, (work) => this.#work(work));
  }

  async schemaVersion(): Promise<number> {
    return (await this.collection(META).get("schema"))?.version ?? 0;
  }

  async ping(): Promise<void> {
    await this.#work((link) => link.call("ping"));
  }

  /**
   * Copy the database to a new file while it is in use.
   * @throws TallyError CONFIG_INVALID when the file is there already; STORE_UNAVAILABLE when it cannot be written
   */
  async backup(target: string): Promise<void> {
    await this.#work((link) => link.call("backup", target));
  }

  /** Close after the calls under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#working);
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  /** Do some work on the worker thread that is running, or on a new one after a crash. */
  async #work<R>(work: Work<R>): Promise<R> {
    if (this.#closed) {
      throw new TallyError(
        "STORE_UNAVAILABLE",
        `The store ${this.path} was closed. Open it again to use it.`,
      );
    }
    if (!this.#link?.alive) this.#link = new WorkerLink(this.path);
    const running = work(this.#link);
    this.#working.add(running);
    try {
      return await running;
    } finally {
      this.#working.delete(running);
    }
  }
}

type Work<R> = (link: WorkerLink) => Promise<R>;

class SqliteCollection<T extends Doc> implements Collection<T> {
  readonly def: CollectionDef<T>;
  readonly #work: <R>(work: Work<R>) => Promise<R>;

  constructor(def: CollectionDef<T>, work: <R>(work: Work<R>) => Promise<R>) {
    this.def = def;
    this.#work = work;
  }

  async upsertMany(docs: readonly T[]): Promise<UpsertResult> {
    const total: UpsertResult = { inserted: 0, changed: 0, unchanged: 0, insertedIds: [], changedIds: [] };
    await this.#inTransactions(docs, async (link, staging) => {
      const part = await link.call("upsertMany", this.def.name, staging);
      total.inserted += part.inserted;
      total.changed += part.changed;
      total.unchanged += part.unchanged;
      total.insertedIds = total.insertedIds.concat(part.insertedIds);
      total.changedIds = total.changedIds.concat(part.changedIds);
    });
    return total;
  }

  async insertMissing(docs: readonly T[]): Promise<{ inserted: number; insertedIds: string[] }> {
    let insertedIds: string[] = [];
    await this.#inTransactions(docs, async (link, staging) => {
      insertedIds = insertedIds.concat(await link.call("insertMissing", this.def.name, staging));
    });
    return { inserted: insertedIds.length, insertedIds };
  }

  async get(id: string): Promise<T | undefined> {
    return (await this.getMany([id]))[0];
  }

  async getMany(ids: readonly string[], without: readonly string[] = []): Promise<T[]> {
    checkFields(this.def, without);
    if (ids.length === 0) return [];
    return this.#ready(async (link) => {
      const docs: T[] = [];
      for (let start = 0; start < ids.length; start += SCAN_PAGE) {
        const bodies = await link.call(
          "getMany",
          this.def.name,
          ids.slice(start, start + SCAN_PAGE),
          without,
        );
        for (const doc of await parseAll<T>(bodies)) docs.push(doc);
      }
      return docs;
    });
  }

  async findAny(index: string, values: readonly string[]): Promise<T[]> {
    const field = indexFields(this.def as CollectionDef<Doc>, index)[0]!;
    const distinct = [...new Set(values)];
    return this.#ready(async (link) => {
      const docs: T[] = [];
      for (let start = 0; start < distinct.length; start += SCAN_PAGE) {
        const bodies = await link.call(
          "findAny",
          this.def.name,
          field,
          distinct.slice(start, start + SCAN_PAGE),
        );
        for (const doc of await parseAll<T>(bodies)) docs.push(doc);
      }
      return docs;
    });
  }

  find(query: RangeQuery): Promise<Page<T>> {
    return this.#find(query, []);
  }

  async #find(query: RangeQuery, without: readonly string[]): Promise<Page<T>> {
    const plan = this.#plan(query);
    const { bodies, more } = await this.#ready((link) => link.call("find", this.def.name, plan, without));
    const items = await parseAll<T>(bodies);
    const last = items.at(-1);
    if (!more || last === undefined) return { items };
    return { items, next: encodeCursor(last, this.def as CollectionDef<Doc>, query, plan) };
  }

  async *scan(query: ScanQuery, without: readonly string[] = []): AsyncGenerator<T> {
    checkFields(this.def, without, query.index);
    let after: string | undefined;
    do {
      const asked = { ...query, limit: SCAN_PAGE, ...(after === undefined ? {} : { after }) };
      const page: Page<T> = await this.#find(asked, without);
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  async count(query: Pick<RangeQuery, "index" | "equals" | "from" | "to">): Promise<number> {
    const plan = this.#plan(query);
    return this.#ready((link) => link.call("count", this.def.name, plan));
  }

  async updateMany(updates: readonly ConditionalUpdate<T>[]): Promise<ConditionalResult> {
    checkUpdates(this.def, updates);
    const total: ConditionalResult = { updatedIds: [], conflictIds: [] };
    if (updates.length === 0) return total;
    return this.#ready(async (link) => {
      for (let start = 0; start < updates.length; start += UPDATES) {
        const slice = await mapInTurns(updates.slice(start, start + UPDATES), ({ id, expected, set }) => {
          const remove = Object.keys(set).filter((field) => set[field as keyof T] === undefined);
          const update: EngineUpdate = { id, expected: withNulls(expected), set, remove };
          return JSON.stringify(update);
        });
        const part = await link.call("updateMany", this.def.name, slice);
        total.updatedIds.push(...part.updatedIds);
        total.conflictIds.push(...part.conflictIds);
      }
      return total;
    });
  }

  async deleteMany(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    return this.#ready((link) => link.call("deleteMany", this.def.name, [...ids]));
  }

  #plan(query: RangeQuery): RangePlan {
    return planRange(this.def as CollectionDef<Doc>, query);
  }

  /** Work on a worker that knows this collection. */
  #ready<R>(work: Work<R>): Promise<R> {
    return this.#work(async (link) => {
      const key = `${this.def.name} ${JSON.stringify([this.def.indexes, this.def.volatile])}`;
      let declared = link.declared.get(key);
      if (declared === undefined) {
        const { name, shardKey, indexes, volatile } = this.def as CollectionDef<Doc>;
        declared = link.call("declare", { name, shardKey, indexes, ...(volatile ? { volatile } : {}) });
        link.declared.set(key, declared);
        // Those who wait get the error; the next call tries again.
        declared.catch(() => link.declared.delete(key));
      }
      await declared;
      return work(link);
    });
  }

  /** Hand the documents to the worker slice by slice, then have each 10,000 of them written in one transaction. */
  async #inTransactions(
    docs: readonly T[],
    write: (link: WorkerLink, staging: number) => Promise<void>,
  ): Promise<void> {
    const distinct = [...byId(this.def, docs).values()];
    if (distinct.length === 0) return;
    await this.#ready(async (link) => {
      for (let start = 0; start < distinct.length; start += TRANSACTION) {
        const batch = distinct.slice(start, start + TRANSACTION);
        const staging = link.nextStaging();
        for (let at = 0; at < batch.length; at += SLICE) {
          const slice = batch.slice(at, at + SLICE);
          const ids = slice.map((doc) => doc.id);
          const bodies = await mapInTurns(slice, (doc) => JSON.stringify(doc));
          await link.call("stage", staging, ids, bodies);
        }
        await write(link, staging);
      }
    });
  }
}

async function parseAll<T>(bodies: readonly string[]): Promise<T[]> {
  const docs: T[] = [];
  for (const body of bodies) {
    if (turnDue()) await takeTurn();
    docs.push(JSON.parse(body) as T);
  }
  return docs;
}

/** `undefined` expects the same as null, and JSON has only null. */
function withNulls(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([field, want]) => [field, want ?? null]));
}
