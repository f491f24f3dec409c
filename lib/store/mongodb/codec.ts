import type { Document } from "mongodb";
import type { Doc } from "../port";

/**
 * JSON documents as BSON and back, without a loss on any server of the protocol.
 *
 * `id` is stored as `_id`, and `_t` holds the adapter's own fields, which never leave it. Keys come from banks and
 * may hold what servers refuse (`.`, `$`, NUL, none at all), so those characters are written as `%` and two
 * hexadecimal digits, an empty key as `%`. FerretDB takes no array in an array: an inner one is stored as an object
 * with the one key `%a`.
 */

/** The adapter's own part of a stored document. */
export interface Private {
  /** Hash of what counts; absent after a conditional update, which does not know the whole document. */
  h?: string;
  /** A new token with every write: the document's version. */
  v?: string;
  /** Tokens of the last writes, one for each of a few slots, so that a writer can see that its write took place. */
  m?: Record<string, string>;
}

export interface StoredDocument extends Document {
  _id: string;
  _t?: Private;
}

const UNSAFE = /[%.$\0]/g;
const INNER_ARRAY = "%a";

/** A field's name as it is stored. */
export function encodeKey(key: string, top: boolean): string {
  if (key === "") return "%";
  if (top && (key === "_id" || key === "_t")) return `%5F${key.slice(1)}`;
  if (!/[%.$\0]/.test(key)) return key;
  return key.replace(UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

function decodeKey(key: string): string {
  if (!key.includes("%")) return key;
  if (key === "%") return "";
  return key.replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/** A document without its id, as it is stored. */
export function encodeBody(doc: Doc): Record<string, unknown> {
  return encodeObject(doc as unknown as Record<string, unknown>, true);
}

function encodeObject(value: Record<string, unknown>, top: boolean): Record<string, unknown> {
  const members: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    if (top && key === "id") continue;
    const member = encodeValue(value[key], false);
    if (member !== undefined) members.push([encodeKey(key, top), member]);
  }
  return Object.fromEntries(members);
}

/** What JSON.stringify would write, as a value; undefined for what it would leave out. */
export function encodeValue(value: unknown, inArray: boolean): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? (value === 0 ? 0 : value) : null;
  if (typeof value !== "object" || value === null) {
    return typeof value === "function" || typeof value === "symbol" ? undefined : value;
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return encodeValue((value as { toJSON(): unknown }).toJSON(), inArray);
  if (!Array.isArray(value)) return encodeObject(value as Record<string, unknown>, false);
  const items = value.map((item) => encodeValue(item, true) ?? null);
  return inArray ? { [INNER_ARRAY]: items } : items;
}

/** A stored document as it was given. */
export function decodeDocument<T extends Doc>(stored: StoredDocument): T {
  const { _id, _t: _private, ...body } = stored;
  return { id: _id, ...(decodeValue(body) as object) } as T;
}

function decodeValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeValue);
  if (value === null || typeof value !== "object") return value;
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record);
  if (keys.length === 1 && keys[0] === INNER_ARRAY)
    return (record[INNER_ARRAY] as unknown[]).map(decodeValue);
  return Object.fromEntries(keys.map((key) => [decodeKey(key), decodeValue(record[key])]));
}
