import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { TallyError } from "../../values";
import { comparableHash, holds } from "../documents";
import type { CollectionDef, ConditionalResult, Doc, UpsertResult } from "../port";
import type { RangePlan } from "../query";
import { sqliteError } from "./errors";
import { bodyColumn, countSegment, schemaOf, selectSegment, selectWhere, type Statement } from "./sql";

/** How long a write waits for another process's write. */
const BUSY_TIMEOUT_MS = 30_000;
const STATEMENTS_KEPT = 500;

/** A conditional update as it crosses the thread: JSON has no `undefined`, so what goes is listed. */
export interface EngineUpdate {
  id: string;
  expected: Record<string, unknown>;
  set: Record<string, unknown>;
  remove: string[];
}

/**
 * The SQLite store itself, synchronous: documents go in and come out as JSON text. It runs in a worker thread (see
 * worker.ts) and holds one connection. Each writing method is one transaction.
 *
 * Durability: WAL with `synchronous=FULL`, so what was answered survives a power cut. Other processes may use the
 * same file: every write begins with BEGIN IMMEDIATE and so sees the latest state before it compares.
 */
export class SqliteEngine {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #declared = new Map<string, ReadonlySet<string>>();
  readonly #statements = new Map<string, StatementSync>();

  /**
   * @param file path of the database, made with its folder when absent (readable by its owner only), or `:memory:`
   * @throws TallyError STORE_UNAVAILABLE
   */
  constructor(file: string) {
    this.#path = file;
    try {
      if (file !== ":memory:") prepareFile(file);
      this.#db = new DatabaseSync(file);
      this.#db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      this.#enterWal();
      this.#db.exec(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864",
      );
    } catch (error) {
      throw sqliteError(error, file);
    }
  }

  /** Make the tables and indexes of a collection where they are missing. */
  declare(def: CollectionDef<Doc>): void {
    this.#run(() => {
      for (const sql of schemaOf(def)) this.#db.exec(sql);
      this.#declared.set(def.name, new Set<string>(def.volatile ?? []));
    });
  }

  /** Insert or replace; ids are distinct. Compares by hash without the volatile fields. */
  upsertMany(table: string, ids: readonly string[], bodies: readonly string[]): UpsertResult {
    const volatile = this.#volatile(table);
    const hashes = bodies.map((body) =>
      comparableHash(JSON.parse(body) as Record<string, unknown>, volatile),
    );
    return this.#write(() => {
      const select = this.#prepare(`SELECT hash FROM "${table}" WHERE id = ?`);
      const insert = this.#prepare(`INSERT INTO "${table}" (id, hash, body) VALUES (?, ?, ?)`);
      const update = this.#prepare(`UPDATE "${table}" SET hash = ?, body = ? WHERE id = ?`);
      const insertedIds: string[] = [];
      const changedIds: string[] = [];
      ids.forEach((id, i) => {
        const stored = select.get(id);
        if (stored === undefined) {
          insert.run(id, hashes[i]!, bodies[i]!);
          insertedIds.push(id);
        } else if (stored["hash"] !== hashes[i]) {
          update.run(hashes[i]!, bodies[i]!, id);
          changedIds.push(id);
        }
      });
      const inserted = insertedIds.length;
      const changed = changedIds.length;
      return { inserted, changed, unchanged: ids.length - inserted - changed, insertedIds, changedIds };
    });
  }

  /** Insert what is new; answers the ids inserted. */
  insertMissing(table: string, ids: readonly string[], bodies: readonly string[]): string[] {
    const volatile = this.#volatile(table);
    return this.#write(() => {
      const select = this.#prepare(`SELECT 1 FROM "${table}" WHERE id = ?`);
      const insert = this.#prepare(`INSERT INTO "${table}" (id, hash, body) VALUES (?, ?, ?)`);
      return ids.filter((id, i) => {
        if (select.get(id) !== undefined) return false;
        const body = bodies[i]!;
        insert.run(id, comparableHash(JSON.parse(body) as Record<string, unknown>, volatile), body);
        return true;
      });
    });
  }

  /** Body of each id that is there, in the order asked for. */
  getMany(table: string, ids: readonly string[], without: readonly string[]): string[] {
    return this.#run(() => {
      const select = this.#prepare(`SELECT ${bodyColumn(without)} FROM "${table}" WHERE id = ?`);
      const bodies: string[] = [];
      for (const id of ids) {
        const row = select.get(id);
        if (row !== undefined) bodies.push(row["body"] as string);
      }
      return bodies;
    });
  }

  /** Bodies in which the field has one of the values, in the order of the values and then of the ids. */
  findAny(table: string, field: string, values: readonly string[]): string[] {
    return this.#run(() => {
      const select = this.#prepare(selectWhere(table, field));
      return values.flatMap((value) => select.all(value).map((row) => row["body"] as string));
    });
  }

  /** A page of bodies, and whether there are more. */
  find(table: string, plan: RangePlan, without: readonly string[]): { bodies: string[]; more: boolean } {
    return this.#run(() => {
      const bodies: string[] = [];
      for (const segment of plan.segments) {
        const wanted = plan.limit + 1 - bodies.length;
        if (wanted <= 0) break;
        const { sql, binds } = selectSegment(table, segment, plan, wanted, without);
        for (const row of this.#prepare(sql).all(...binds)) bodies.push(row["body"] as string);
      }
      const more = bodies.length > plan.limit;
      if (more) bodies.length = plan.limit;
      return { bodies, more };
    });
  }

  count(table: string, plan: RangePlan): number {
    return this.#run(() =>
      plan.segments.map((segment) => this.#number(countSegment(table, segment))).reduce((a, b) => a + b, 0),
    );
  }

  /** Compare-and-set, in order, in one transaction. */
  updateMany(table: string, updates: readonly EngineUpdate[]): ConditionalResult {
    const volatile = this.#volatile(table);
    return this.#write(() => {
      const select = this.#prepare(`SELECT body FROM "${table}" WHERE id = ?`);
      const write = this.#prepare(`UPDATE "${table}" SET hash = ?, body = ? WHERE id = ?`);
      const result: ConditionalResult = { updatedIds: [], conflictIds: [] };
      for (const { id, expected, set, remove } of updates) {
        const row = select.get(id);
        const record = row && (JSON.parse(row["body"] as string) as Record<string, unknown>);
        if (!record || !holds(record, expected)) {
          result.conflictIds.push(id);
          continue;
        }
        Object.assign(record, set);
        for (const field of remove) delete record[field];
        write.run(comparableHash(record, volatile), JSON.stringify(record), id);
        result.updatedIds.push(id);
      }
      return result;
    });
  }

  /** How many of the ids were there. */
  deleteMany(table: string, ids: readonly string[]): number {
    return this.#write(() => {
      const remove = this.#prepare(`DELETE FROM "${table}" WHERE id = ?`);
      return ids.reduce((total, id) => total + Number(remove.run(id).changes), 0);
    });
  }

  ping(): void {
    this.#run(() => this.#prepare("SELECT count(*) AS n FROM sqlite_schema").get());
  }

  /**
   * Write a consistent copy of the database while others read and write. The copy appears under its name only when
   * it is whole.
   * @throws TallyError CONFIG_INVALID when the target is there already
   */
  backup(target: string): void {
    if (existsSync(target)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `${target} is there already. Give the backup a name of its own.`,
      );
    }
    const part = `${target}.part-${process.pid}`;
    this.#run(() => {
      mkdirSync(path.dirname(target), { recursive: true });
      rmSync(part, { force: true });
      closeSync(openSync(part, "wx", 0o600));
      try {
        this.#db.prepare("VACUUM INTO ?").run(part);
        renameSync(part, target);
      } finally {
        rmSync(part, { force: true });
      }
    });
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  /** The first process makes the file a WAL file; another that opens it at that moment has to wait its turn. */
  #enterWal(): void {
    const until = Date.now() + BUSY_TIMEOUT_MS;
    for (;;) {
      try {
        this.#db.exec("PRAGMA journal_mode = WAL");
        return;
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== 5 || Date.now() > until) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
    }
  }

  #volatile(table: string): ReadonlySet<string> {
    return this.#declared.get(table) ?? new Set();
  }

  #number({ sql, binds }: Statement): number {
    return Number(this.#prepare(sql).get(...binds)?.["n"] ?? 0);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_KEPT) this.#statements.clear();
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #write<R>(work: () => R): R {
    return this.#run(() => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  #rollBack(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch (error) {
      // A full disk or an I/O error has rolled it back already, and BEGIN may have been what failed.
      if (!String((error as Error).message).includes("no transaction is active")) throw error;
    }
  }

  #run<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
  }
}

/** Payments are nobody else's business: the file (and with it its WAL) is made for its owner alone. */
function prepareFile(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
}
