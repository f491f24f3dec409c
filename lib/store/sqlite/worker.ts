import { workerData } from "node:worker_threads";
import { serve, type Handlers } from "../../worker";
import { SqliteEngine, type EngineUpdate } from "./engine";
import type { Operations } from "./protocol";

/**
 * The worker thread's side: one engine, requests answered in the order they come. Opening happens with the first
 * request, so that a store which cannot be opened is an answer and not a crash.
 */

interface Staged {
  ids: string[];
  bodies: string[];
}

const { file } = workerData as { file: string };
const staged = new Map<number, Staged>();
let opened: SqliteEngine | undefined;

function engine(): SqliteEngine {
  return (opened ??= new SqliteEngine(file));
}

function take(staging: number): Staged {
  const found = staged.get(staging) ?? { ids: [], bodies: [] };
  staged.delete(staging);
  return found;
}

const handlers: Handlers<Operations> = {
  declare: (def) => engine().declare(def),
  stage: (staging, ids, bodies) => {
    const found = staged.get(staging);
    if (found) {
      found.ids.push(...ids);
      found.bodies.push(...bodies);
    } else {
      staged.set(staging, { ids, bodies });
    }
  },
  upsertMany: (table, staging) => {
    const { ids, bodies } = take(staging);
    return engine().upsertMany(table, ids, bodies);
  },
  insertMissing: (table, staging) => {
    const { ids, bodies } = take(staging);
    return engine().insertMissing(table, ids, bodies);
  },
  getMany: (table, ids, without) => engine().getMany(table, ids, without),
  find: (table, plan, without) => engine().find(table, plan, without),
  findAny: (table, field, values) => engine().findAny(table, field, values),
  count: (table, plan) => engine().count(table, plan),
  updateMany: (table, updates) => {
    const read = updates.map((update) => JSON.parse(update) as EngineUpdate);
    return engine().updateMany(table, read);
  },
  deleteMany: (table, ids) => engine().deleteMany(table, ids),
  ping: () => engine().ping(),
  backup: (target) => engine().backup(target),
  close: () => {
    opened?.close();
    opened = undefined;
  },
};

serve<Operations>(handlers);
