import type { Counts, StepContext } from "../runs";
import {
  bankAccounts,
  budgetAccounts,
  categories,
  cursors,
  historyOf,
  matches,
  payees,
  payments,
  queue,
  transactions,
  type Collection,
  type Doc,
  type Store,
} from "../store";
import { TallyError, type Instant, type Json } from "../values";
import { recordHistory, type HistoryCounts, type Snapshot } from "./scd2";

interface Entity {
  collection: Parameters<StepContext["store"]["collection"]>[0];
  /** Fields that are overwritten in place and make no new version. */
  overwritten: readonly string[];
  /** Fields that are not kept in history. */
  left: readonly string[];
  /** Only these fields are kept, where most of a row is of no interest later. */
  only?: readonly string[];
  /** Made by this package from what was extracted: many rows may go at once, and the guard has nothing to say. */
  derived?: boolean;
}

const ENTITIES: Readonly<Record<string, Entity>> = {
  payments: { collection: payments, overwritten: ["balanceAfter"], left: ["raw", "fetchedAt"] },
  transactions: { collection: transactions, overwritten: [], left: ["changedAt"] },
  categories: { collection: categories, overwritten: [], left: [] },
  payees: { collection: payees, overwritten: [], left: [] },
  budget_accounts: { collection: budgetAccounts, overwritten: ["balance"], left: [] },
  bank_accounts: { collection: bankAccounts, overwritten: ["balance"], left: [] },
  // What makes a transaction a label, beside itself: learning as of a past instant reads these.
  matches: {
    collection: matches,
    overwritten: [],
    left: ["confidence", "reason", "matchedAt"],
    derived: true,
  },
  queue: {
    collection: queue,
    overwritten: [],
    left: [],
    only: ["paymentId", "budgetId", "categoryId", "decision", "transferAccountId", "refundOf"],
    derived: true,
  },
} as unknown as Record<string, Entity>;

/** The entities that the history step can keep. */
export const HISTORY_ENTITIES = Object.keys(ENTITIES);

export interface HistoryStepOptions {
  /** Which of {@link HISTORY_ENTITIES}; all when absent. */
  entities?: readonly string[];
  guardShare?: number;
}

export interface HistoryStepResult {
  counts: Counts;
  byEntity: Record<string, HistoryCounts>;
}

/**
 * Keep the history of everything extracted: compares what the store holds with the current versions and records the
 * differences. Deleted rows (tombstones) become closed versions.
 * @throws TallyError CONFIG_INVALID for an unknown entity, HISTORY_GUARD
 */
export async function historyStep(
  context: StepContext,
  options: HistoryStepOptions = {},
): Promise<HistoryStepResult> {
  const names = options.entities?.length ? options.entities : HISTORY_ENTITIES;
  const result: HistoryStepResult = {
    counts: { opened: 0, closed: 0, deleted: 0, overwritten: 0, unchanged: 0 },
    byEntity: {},
  };
  const at = context.now();
  let done = 0;
  for (const name of names) {
    const entity = ENTITIES[name];
    if (!entity) {
      throw new TallyError(
        "CONFIG_INVALID",
        `There is no entity "${name}". History is kept of: ${HISTORY_ENTITIES.join(", ")}.`,
      );
    }
    context.signal.throwIfAborted();
    const rows = snapshots(context.store.collection(entity.collection), entity);
    const counts = await recordHistory(context.store, name, rows, {
      at,
      full: true,
      ...(entity.derived
        ? { guardShare: 1 }
        : options.guardShare === undefined
          ? {}
          : { guardShare: options.guardShare }),
    });
    await context.store.collection(cursors).insertMissing([{ id: sinceId(name), value: at, at }]);
    result.byEntity[name] = counts;
    for (const key of Object.keys(counts) as (keyof HistoryCounts)[]) result.counts[key]! += counts[key];
    context.progress(++done, names.length, name);
  }
  return result;
}

/** Since when the history of an entity is kept; undefined when it never was recorded. */
export async function recordedSince(store: Store, entity: string): Promise<Instant | undefined> {
  const [first] = (await store.collection(historyOf(entity)).find({ index: "byValidFrom", limit: 1 })).items;
  // An entity of which there was nothing yet has no row, and was recorded all the same.
  const noted = (await store.collection(cursors).get(sinceId(entity)))?.at;
  return first && noted && noted < first.validFrom ? noted : (first?.validFrom ?? noted);
}

function sinceId(entity: string): string {
  return `history:${entity}`;
}

async function* snapshots(collection: Collection<Doc>, entity: Entity): AsyncGenerator<Snapshot> {
  for await (const row of collection.scan({ index: "id" })) {
    const attributes: Record<string, Json> = {};
    const overwritten: Record<string, Json> = {};
    for (const [field, value] of Object.entries(row as unknown as Record<string, Json>)) {
      if (field === "id" || field === "deleted" || entity.left.includes(field)) continue;
      if (entity.only && !entity.only.includes(field)) continue;
      if (entity.overwritten.includes(field)) overwritten[field] = value;
      else attributes[field] = value;
    }
    const deleted = (row as { deleted?: boolean }).deleted === true;
    yield { key: row.id, attributes, overwritten, deleted };
  }
}
