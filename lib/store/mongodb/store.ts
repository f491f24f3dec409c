import type { MongoClient } from "mongodb";
import { TallyError } from "../../values";
import { checkDefinition } from "../documents";
import { META } from "../meta";
import type { Collection, CollectionDef, Doc, Store } from "../port";
import { MongoCollection, type Connection } from "./collection";
import type { StoredDocument } from "./codec";
import { hostsOf, mongoError, uriError } from "./errors";
import { indexesOf } from "./filters";
import { ferretAccess } from "./ferretdb";
import { Marks, standardAccess, type Access, type StoredCollection } from "./writes";

const SERVER_SELECTION_MS = 10_000;

/**
 * A store in a MongoDB database: standalone, replica set, sharded cluster, or another server of its protocol
 * (FerretDB 1.24). No transactions over several documents, no pipeline updates, no joins.
 *
 * Reads go to the primary. Writes wait for a majority unless the URI sets `w`. The driver is loaded with the first
 * store that uses it.
 */
export class MongoStore implements Store {
  readonly kind = "mongodb";
  readonly #client: MongoClient;
  readonly #uri: string;
  readonly #database: string;
  readonly #marks = new Marks();
  readonly #indexed = new Map<string, Promise<void>>();
  readonly #working = new Set<Promise<unknown>>();
  #access: Promise<Access> | undefined;
  #closed = false;

  private constructor(client: MongoClient, uri: string, database: string, access: Access | undefined) {
    this.#client = client;
    this.#uri = uri;
    this.#database = database;
    if (access) this.#access = Promise.resolve(access);
  }

  /**
   * Make a store for a URI; connecting happens with the first call.
   * @param database its name; else the one in the URI's path, else `tallyflow`
   * @param access how the server is asked; else found out from the server
   * @throws TallyError CONFIG_INVALID when the URI is wrong; the message does not repeat its password
   */
  static async connect(uri: string, database?: string, access?: Access): Promise<MongoStore> {
    const driver = await import("mongodb");
    try {
      const client = new driver.MongoClient(uri, {
        appName: "tallyflow",
        // The driver looks a name up in it as it is: in an ordinary object it would find `toString`, and give back the
        // documents of a list of that name as bytes.
        fieldsAsRaw: Object.create(null) as Record<string, boolean>,
        ...(hasOption(uri, "serverSelectionTimeoutMS")
          ? {}
          : { serverSelectionTimeoutMS: SERVER_SELECTION_MS }),
        ...(hasOption(uri, "w") ? {} : { writeConcern: { w: "majority" as const } }),
      });
      return new MongoStore(client, uri, database ?? databaseOf(uri) ?? "tallyflow", access);
    } catch (error) {
      throw uriError(error, uri);
    }
  }

  collection<T extends Doc>(def: CollectionDef<T>): Collection<T> {
    checkDefinition(def as CollectionDef<Doc>);
    const connection: Connection = {
      marks: this.#marks,
      use: (work) =>
        this.#work(async () => {
          const access = await this.#accessOf();
          return work(await this.#ready(def as CollectionDef<Doc>, access), access);
        }),
    };
    return new MongoCollection(def, connection);
  }

  async schemaVersion(): Promise<number> {
    return (await this.collection(META).get("schema"))?.version ?? 0;
  }

  async ping(): Promise<void> {
    await this.#work(() => this.#client.db(this.#database).command({ ping: 1 }));
  }

  /** Close after the calls under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#working);
    await this.#client.close();
  }

  /** The driver's collection; its indexes are made on first use. */
  async #ready(def: CollectionDef<Doc>, access: Access): Promise<StoredCollection> {
    const collection = this.#client
      .db(this.#database, { readPreference: "primary" })
      .collection<StoredDocument>(def.name);
    const indexes = indexesOf(def);
    if (indexes.length === 0) return collection;
    const key = `${def.name} ${JSON.stringify(indexes)}`;
    let made = this.#indexed.get(key);
    if (made === undefined) {
      made = access.createIndexes(collection, indexes);
      this.#indexed.set(key, made);
      // Those who wait get the error; the next call tries again.
      made.catch(() => this.#indexed.delete(key));
    }
    await made;
    return collection;
  }

  /** What kind of server is it? Asked once. */
  #accessOf(): Promise<Access> {
    if (this.#access === undefined) {
      this.#access = this.#client
        .db(this.#database)
        .command({ buildInfo: 1 })
        .then((info) => (typeof info["ferretdbVersion"] === "string" ? ferretAccess : standardAccess));
      // Those who wait get the error; the next call asks again.
      this.#access.catch(() => (this.#access = undefined));
    }
    return this.#access;
  }

  async #work<R>(work: () => Promise<R>): Promise<R> {
    if (this.#closed) {
      throw new TallyError(
        "STORE_UNAVAILABLE",
        `The store at ${hostsOf(this.#uri)} was closed. Open it again to use it.`,
      );
    }
    const running = work();
    this.#working.add(running);
    try {
      return await running;
    } catch (error) {
      throw mongoError(error, this.#uri);
    } finally {
      this.#working.delete(running);
    }
  }
}

function hasOption(uri: string, name: string): boolean {
  return new RegExp(`[?&]${name}=`, "i").test(uri);
}

function databaseOf(uri: string): string | undefined {
  const path = /^mongodb(?:\+srv)?:\/\/[^?]*\/([^/?]+)(?:\?|$)/.exec(uri.replace(/[^/?]*@/, ""))?.[1];
  return path === undefined ? undefined : decodeURIComponent(path);
}

/** What an administrator runs in mongosh, once, before the collections hold much, to spread them over shards. */
export function shardingCommands(
  database: string,
  defs: readonly { name: string; shardKey: string }[],
): string[] {
  return defs.map(({ name, shardKey }) => {
    const key = shardKey === "id" ? "_id" : shardKey;
    return `sh.shardCollection(${JSON.stringify(`${database}.${name}`)}, { ${JSON.stringify(key)}: "hashed" })`;
  });
}
