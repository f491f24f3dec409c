import { historyOf, type HistoryRow, type Store } from "../store";
import { contentHash, TallyError, type Instant, type Json } from "../values";

/**
 * Slowly changing dimensions, type 2 (Kimball, "The Data Warehouse Toolkit"): each change of a business key's tracked
 * attributes closes the row that was current and opens a new one, so that any past instant can be read back.
 */

export const FOREVER: Instant = "9999-12-31T00:00:00.000Z";

/** One business key as the source has it now. */
export interface Snapshot {
  key: string;
  /** Attributes whose change makes a new version. */
  attributes: Record<string, Json>;
  /** Attributes that are only overwritten (SCD1). */
  overwritten?: Record<string, Json>;
  /** The source says that it was deleted. */
  deleted?: boolean;
}

export interface HistoryOptions {
  /** The instant from which the new versions are valid. */
  at: Instant;
  /** Is this everything there is? Then keys that are missing are closed as deleted. */
  full: boolean;
  /** A full load that would close more than this share of the current rows is refused; 0.2 when absent. */
  guardShare?: number;
}

export interface HistoryCounts {
  opened: number;
  closed: number;
  deleted: number;
  overwritten: number;
  unchanged: number;
}

const CHUNK = 500;
/** Below this many rows a share says nothing. */
const GUARD_MINIMUM = 10;

/**
 * Record what a source has now. Rows may come in any number and order; a key that comes twice: the last wins.
 * The closed row is written before the current one is replaced, so that a crash in between is completed by the next
 * load.
 * @throws TallyError HISTORY_GUARD when a full load would close more rows than the guard allows; nothing is closed then
 */
export async function recordHistory(
  store: Store,
  entity: string,
  rows: AsyncIterable<Snapshot> | Iterable<Snapshot>,
  options: HistoryOptions,
): Promise<HistoryCounts> {
  const counts: HistoryCounts = { opened: 0, closed: 0, deleted: 0, overwritten: 0, unchanged: 0 };
  const seen = options.full ? new Set<string>() : undefined;
  let chunk = new Map<string, Snapshot>();
  const flush = async () => {
    await recordChunk(store, entity, [...chunk.values()], options.at, counts);
    chunk = new Map();
  };
  for await (const row of rows) {
    chunk.set(row.key, row);
    if (!row.deleted) seen?.add(row.key);
    if (chunk.size === CHUNK) await flush();
  }
  await flush();
  if (seen) await closeMissing(store, entity, seen, options, counts);
  return counts;
}

async function recordChunk(
  store: Store,
  entity: string,
  rows: Snapshot[],
  at: Instant,
  counts: HistoryCounts,
): Promise<void> {
  const collection = store.collection(historyOf(entity));
  const current = new Map(
    (await collection.getMany(rows.map((row) => row.key))).map((row) => [row.key, row]),
  );
  const closed: HistoryRow[] = [];
  const open: HistoryRow[] = [];
  const gone: string[] = [];
  for (const row of rows) {
    const before = current.get(row.key);
    const next = opened(entity, row, at);
    if (row.deleted) {
      if (!before) continue;
      closed.push(close(before, at, true));
      gone.push(row.key);
      counts.deleted++;
    } else if (!before) {
      open.push(next);
      counts.opened++;
    } else if (before.hash !== next.hash && before.validFrom < at) {
      closed.push(close(before, at, false));
      open.push(next);
      counts.opened++;
      counts.closed++;
    } else if (
      before.hash !== next.hash ||
      contentHash(before.overwritten) !== contentHash(next.overwritten)
    ) {
      open.push({ ...next, validFrom: before.validFrom });
      counts.overwritten++;
    } else {
      counts.unchanged++;
    }
  }
  await collection.upsertMany(closed);
  await collection.upsertMany(open);
  await collection.deleteMany(gone);
}

async function closeMissing(
  store: Store,
  entity: string,
  seen: ReadonlySet<string>,
  options: HistoryOptions,
  counts: HistoryCounts,
): Promise<void> {
  const collection = store.collection(historyOf(entity));
  const missing: HistoryRow[] = [];
  let current = 0;
  for await (const row of collection.scan({ index: "byCurrent", equals: [true] })) {
    current++;
    if (!seen.has(row.key)) missing.push(row);
  }
  const share = current === 0 ? 0 : missing.length / current;
  const allowed = options.guardShare ?? 0.2;
  if (missing.length >= GUARD_MINIMUM && share > allowed) {
    throw new TallyError(
      "HISTORY_GUARD",
      `A full load of ${entity} lacks ${missing.length} of ${current} rows (${Math.round(share * 100)} %, allowed ${Math.round(allowed * 100)} %). ` +
        "Nothing was closed. Check that the source is complete; raise the guard once if it is.",
      { details: { entity, missing: missing.length, current } },
    );
  }
  for (let start = 0; start < missing.length; start += CHUNK) {
    const part = missing.slice(start, start + CHUNK);
    await collection.upsertMany(part.map((row) => close(row, options.at, true)));
    await collection.deleteMany(part.map((row) => row.key));
    counts.deleted += part.length;
  }
}

/** Every key as it was at an instant: versions with `validFrom` <= instant < `validTo`. */
export async function* asOf(store: Store, entity: string, instant: Instant): AsyncGenerator<HistoryRow> {
  const collection = store.collection(historyOf(entity));
  const held = new Set<string>();
  for await (const row of collection.scan({ index: "byValidFrom", to: instant + "~" })) {
    if (row.validFrom > instant || row.validTo <= instant) continue;
    // After a crash between closing and replacing, a key has its closed and its current row from the same instant.
    if (held.has(row.key)) continue;
    held.add(row.key);
    yield row;
  }
}

/** All versions of one key, oldest first. */
export async function versionsOf(store: Store, entity: string, key: string): Promise<HistoryRow[]> {
  const found: HistoryRow[] = [];
  for await (const row of store.collection(historyOf(entity)).scan({ index: "byKey", equals: [key] }))
    found.push(row);
  return found;
}

function opened(entity: string, row: Snapshot, at: Instant): HistoryRow {
  return {
    id: row.key,
    entity,
    key: row.key,
    validFrom: at,
    validTo: FOREVER,
    isCurrent: true,
    deletedAtEnd: false,
    hash: contentHash(row.attributes),
    attributes: row.attributes,
    overwritten: row.overwritten ?? {},
  };
}

function close(row: HistoryRow, at: Instant, deleted: boolean): HistoryRow {
  return { ...row, id: `${row.key}|${row.validFrom}`, validTo: at, isCurrent: false, deletedAtEnd: deleted };
}
