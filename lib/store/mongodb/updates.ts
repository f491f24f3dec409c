import type { ConditionalUpdate, Doc } from "../port";
import { encodeKey, encodeValue } from "./codec";
import type { Mark } from "./writes";

/** Conditional updates as the driver takes them, and calls cut into batches. */

const BATCH = 1_000;

/** The condition beside the id; null also holds for a field that is not there, as MongoDB has it. */
export function scalarFilter<T extends Doc>({ id, expected }: ConditionalUpdate<T>): Record<string, unknown> {
  const filter: Record<string, unknown> = {};
  for (const [field, want] of Object.entries(expected)) {
    if (field !== "id") filter[encodeKey(field, true)] = encodeValue(want ?? null, false);
    else if (want !== id) filter["_t"] = null;
  }
  return filter;
}

/** What an update sets and removes, with the mark of its batch; the hash of before no longer holds. */
export function changes<T extends Doc>(
  { set }: ConditionalUpdate<T>,
  mark: Mark,
): Record<string, Record<string, unknown>> {
  const $set: Record<string, unknown> = { "_t.v": mark.token, [`_t.m.${mark.slot}`]: mark.token };
  const $unset: Record<string, unknown> = { "_t.h": "" };
  for (const [field, value] of Object.entries(set)) {
    if (field === "id") continue;
    const encoded = encodeValue(value, false);
    if (encoded === undefined) $unset[encodeKey(field, true)] = "";
    else $set[encodeKey(field, true)] = encoded;
  }
  return { $set, $unset };
}

/** A list or an object, which the server would compare by the order of its keys. */
export function isComposite(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Batches of 1,000. */
export function* batches<V>(values: readonly V[]): Generator<V[]> {
  for (let start = 0; start < values.length; start += BATCH) yield values.slice(start, start + BATCH);
}

/** Batches in order in which no id comes twice: a bulk write has no order among its operations. */
export function* batchesOfDistinct<V extends { id: string }>(values: readonly V[]): Generator<V[]> {
  let batch = new Map<string, V>();
  for (const value of values) {
    if (batch.has(value.id) || batch.size === BATCH) {
      yield [...batch.values()];
      batch = new Map();
    }
    batch.set(value.id, value);
  }
  if (batch.size > 0) yield [...batch.values()];
}
