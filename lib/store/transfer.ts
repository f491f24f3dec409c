import { TallyError, toTallyError, type StoredError } from "../values";
import * as definitions from "./collections";
import type { CollectionDef, Doc, Store } from "./port";

/**
 * A store as JSON Lines, for backups that outlive a database and for moving from SQLite to MongoDB or back.
 *
 * The first line is `{"tallyflow":1,"schemaVersion":n}`; each other line is `{"collection":"payments","doc":{...}}`.
 */

const FORMAT = 1;
const BATCH = 500;

type AnyDef = CollectionDef<Doc>;

/** All collections of the package, with the history of the given entities. Leases are left out: they are of now. */
export function allCollections(entities: readonly string[] = []): AnyDef[] {
  const fixed = Object.values(definitions).filter(
    (value) => typeof value !== "function" && value !== definitions.leases,
  );
  return [...fixed, ...entities.map((entity) => definitions.historyOf(entity))] as unknown as AnyDef[];
}

/**
 * The lines of an export, one document after the other, with flat memory. Lines carry no line end. Documents that
 * are written while it runs may or may not be in it; for one moment of a SQLite store use its `backup`.
 */
export async function* exportLines(store: Store, defs: readonly AnyDef[]): AsyncGenerator<string> {
  yield JSON.stringify({ tallyflow: FORMAT, schemaVersion: await store.schemaVersion() });
  for (const def of defs) {
    for await (const doc of store.collection(def).scan({ index: "id" })) {
      yield JSON.stringify({ collection: def.name, doc });
    }
  }
}

export interface ImportResult {
  inserted: number;
  changed: number;
  unchanged: number;
  /** Lines that could not be taken, with their number (from 1) and why; the others were. */
  refused: { line: number; error: StoredError }[];
}

/**
 * Write the lines of an export into a store. It can be repeated: equal documents are not written again. A bad line
 * is refused and the others are taken.
 * @throws TallyError CONFIG_INVALID when the first line is not that of an export; STORE_TOO_NEW when a newer
 *   Tallyflow wrote it; STORE_UNAVAILABLE
 */
export async function importLines(
  store: Store,
  lines: AsyncIterable<string> | Iterable<string>,
  defs: readonly AnyDef[],
): Promise<ImportResult> {
  const known = new Map(defs.map((def) => [def.name, def]));
  const result: ImportResult = { inserted: 0, changed: 0, unchanged: 0, refused: [] };
  let waiting: { line: number; doc: Doc }[] = [];
  let into: AnyDef | undefined;
  const flush = async (): Promise<void> => {
    if (into && waiting.length > 0) await write(store, into, waiting, result);
    waiting = [];
  };
  let number = 0;
  for await (const line of lines) {
    number++;
    if (number === 1) {
      await checkHeader(store, line);
      continue;
    }
    if (line.trim() === "") continue;
    try {
      const { def, doc } = readLine(line, known);
      if (def !== into || waiting.length >= BATCH) {
        await flush();
        into = def;
      }
      waiting.push({ line: number, doc });
    } catch (error) {
      refuse(result, number, error);
    }
  }
  await flush();
  return result;
}

/** A batch at once, and one by one when a document of it is refused. */
async function write(
  store: Store,
  def: AnyDef,
  batch: readonly { line: number; doc: Doc }[],
  result: ImportResult,
): Promise<void> {
  const collection = store.collection(def);
  const add = async (docs: Doc[]): Promise<void> => {
    const { inserted, changed, unchanged } = await collection.upsertMany(docs);
    result.inserted += inserted;
    result.changed += changed;
    result.unchanged += unchanged;
  };
  try {
    await add(batch.map(({ doc }) => doc));
  } catch (error) {
    if (!(error instanceof TallyError) || error.code !== "CONFIG_INVALID") throw error;
    for (const { line, doc } of batch) await add([doc]).catch((each: unknown) => refuse(result, line, each));
  }
}

/** What is wrong with a line is told; a store that fails ends the import. */
function refuse(result: ImportResult, line: number, error: unknown): void {
  const told = toTallyError(error);
  if (told.code !== "CONFIG_INVALID") throw told;
  result.refused.push({ line, error: told.toJSON() });
}

function readLine(line: string, known: ReadonlyMap<string, AnyDef>): { def: AnyDef; doc: Doc } {
  const { collection, doc } = parse(line) as { collection?: unknown; doc?: unknown };
  const def = typeof collection === "string" ? known.get(collection) : undefined;
  if (def === undefined) {
    throw new TallyError("CONFIG_INVALID", "The line names no collection of this version of Tallyflow.");
  }
  if (typeof doc !== "object" || doc === null || typeof (doc as { id?: unknown }).id !== "string") {
    throw new TallyError("CONFIG_INVALID", `The line holds no document of ${def.name} with an id.`);
  }
  return { def, doc: doc as Doc };
}

function parse(line: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new TallyError("CONFIG_INVALID", "The line is not JSON.", { cause });
  }
  if (typeof value !== "object" || value === null) {
    throw new TallyError("CONFIG_INVALID", "The line is not a JSON object.");
  }
  return value;
}

async function checkHeader(store: Store, line: string): Promise<void> {
  const { tallyflow, schemaVersion } = parse(line) as { tallyflow?: unknown; schemaVersion?: unknown };
  if (typeof tallyflow !== "number" || typeof schemaVersion !== "number") {
    throw new TallyError(
      "CONFIG_INVALID",
      "This is not an export of Tallyflow: its first line does not say so.",
    );
  }
  if (tallyflow > FORMAT || schemaVersion > (await store.schemaVersion())) {
    throw new TallyError(
      "STORE_TOO_NEW",
      "A newer Tallyflow wrote this export. Import it with that version.",
    );
  }
}
