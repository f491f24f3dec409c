import type { Id, Instant } from "../values";
import type { Collection, Doc } from "./port";

/** How many documents may bear one instant: who reads on from it reads no more than these again. */
const PER_INSTANT = 50;

/**
 * Documents of a budget with the instant at which they came, for a field by which others read what is new. Each instant
 * is later than all that are stored, also when the clock was set back: who reads on from the last one misses nothing.
 * The field has to be volatile, so that a document that did not change keeps its instant. One writer at a time.
 *
 * @param index an index of the budget and that field, in this order
 * @param now the clock's instant, which is exceeded by a millisecond for each 50 documents
 */
export async function stamped<T extends Doc & { budgetId: Id }>(
  collection: Collection<T>,
  index: string,
  budgetId: Id,
  docs: readonly T[],
  now: Instant,
): Promise<T[]> {
  if (docs.length === 0) return [];
  const field = collection.def.indexes.find(({ name }) => name === index)!.fields[1]! as keyof T;
  const [newest] = (await collection.find({ index, equals: [budgetId], order: "desc", limit: 1 })).items;
  const last = newest?.[field] as Instant | undefined;
  const start = Math.max(Date.parse(now), last === undefined ? 0 : Date.parse(last) + 1);
  return docs.map((doc, i) => ({
    ...doc,
    [field]: new Date(start + Math.floor(i / PER_INSTANT)).toISOString(),
  }));
}
