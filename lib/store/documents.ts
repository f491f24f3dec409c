import { hash } from "node:crypto";
import { canonicalJson, TallyError } from "../values";
import type { CollectionDef, ConditionalUpdate, Doc } from "./port";

/** Names of collections, indexes and fields go into statements, so they are held to this form. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;

/**
 * Check the names of a definition once, before they become names in a database.
 * @throws TallyError CONFIG_INVALID
 */
export function checkDefinition(def: CollectionDef<Doc>): void {
  const names = [def.name, def.shardKey, ...def.indexes.flatMap((index) => [index.name, ...index.fields])];
  const bad = names.find((name) => !NAME.test(name));
  if (bad !== undefined || def.name.startsWith("sqlite_")) {
    throw new TallyError(
      "CONFIG_INVALID",
      `"${bad ?? def.name}" cannot name a collection, an index or a field.`,
    );
  }
}

/**
 * The documents by id, the last of a repeated id, each checked: an id that is not empty, scalars in indexed fields.
 * Nothing is written when one is wrong.
 * @throws TallyError CONFIG_INVALID
 */
export function byId<T extends Doc>(def: CollectionDef<T>, docs: readonly T[]): Map<string, T> {
  const fields = [...new Set([def.shardKey, ...def.indexes.flatMap((index) => index.fields)])];
  const found = new Map<string, T>();
  for (const doc of docs) {
    const record = doc as unknown as Record<string, unknown>;
    if (typeof doc.id !== "string" || doc.id === "") {
      throw new TallyError("CONFIG_INVALID", `A document for ${def.name} has no id.`);
    }
    for (const field of fields) {
      const value = record[field];
      if (typeof value === "object" && value !== null) {
        throw new TallyError(
          "CONFIG_INVALID",
          `The field ${field} of ${doc.id} in ${def.name} is indexed and must hold one value, not a list or an object.`,
        );
      }
    }
    found.set(doc.id, doc);
  }
  return found;
}

/**
 * Refuse a conditional update that would change an id.
 * @throws TallyError CONFIG_INVALID
 */
export function checkUpdates<T extends Doc>(
  def: CollectionDef<T>,
  updates: readonly ConditionalUpdate<T>[],
): void {
  for (const { id, set } of updates) {
    if ("id" in set && set.id !== id) {
      throw new TallyError("CONFIG_INVALID", `An update of ${id} in ${def.name} would change its id.`);
    }
  }
}

/**
 * Can a document be read without these fields?
 * @param index the index it is read by: its fields tell where the next page begins
 * @throws TallyError CONFIG_INVALID
 */
export function checkFields<T extends Doc>(
  def: CollectionDef<T>,
  without: readonly string[],
  index?: string,
): void {
  const needed = ["id", ...(def.indexes.find(({ name }) => name === index)?.fields ?? [])];
  const bad = without.find((field) => !NAME.test(field) || needed.includes(field));
  if (bad === undefined) return;
  throw new TallyError("CONFIG_INVALID", `Documents of ${def.name} cannot be read without "${bad}" here.`);
}

/** SHA-256 (base64url) of what counts of a document: all but its id and the collection's volatile fields. */
export function comparableHash(record: Record<string, unknown>, volatile: ReadonlySet<string>): string {
  // Without a prototype, a key like `__proto__` is a key like any other.
  const counted = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(record)) {
    if (key !== "id" && !volatile.has(key)) counted[key] = record[key];
  }
  return hash("sha256", canonicalJson(counted), "base64url");
}

/** Do all expected values hold? `undefined` and null both stand for a field that is null or not there. */
export function holds(record: Record<string, unknown>, expected: Record<string, unknown>): boolean {
  return Object.keys(expected).every((field) => {
    const want = expected[field] ?? null;
    const have = record[field] ?? null;
    return want === have || canonicalJson(want) === canonicalJson(have);
  });
}
