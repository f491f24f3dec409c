import { TallyError } from "../values";
import type { CollectionDef, Doc, RangeQuery, Scalar } from "./port";

/**
 * Both adapters answer a range query from one plan, so that they agree on order, bounds and pages.
 *
 * Order: by the index's fields after `equals`, then by id. A field that is missing counts as null, and null sorts
 * before every value; strings sort by their UTF-8 bytes. A field of an index holds scalars of one type (or null):
 * what two types compare like differs between databases. Bounds leave out documents without the field, except that
 * `from: null` takes them in.
 */

/** A condition on one field; `=` with null also holds for a field that is not there. */
export interface Condition {
  field: string;
  op: "=" | "notNull" | ">=" | "<" | "<=";
  value: Scalar;
}

/** Documents that meet all conditions and, with a keyset, come after its values in the order. */
export interface Segment {
  conditions: Condition[];
  keyset?: { fields: string[]; values: Scalar[] };
}

export interface RangePlan {
  /** Read one after the other, these give the whole range in order. */
  segments: Segment[];
  sort: string[];
  descending: boolean;
  limit: number;
}

export const DEFAULT_PAGE = 1000;

/**
 * Turn a query into segments that a database answers from an index, each without an OR over its leading field.
 * @throws TallyError CONFIG_INVALID for an unknown index, values of no use to it, a bad limit, or an `after` that was
 *   not given out for this index and order
 */
export function planRange(def: CollectionDef<Doc>, query: RangeQuery): RangePlan {
  const fields = indexFields(def, query.index);
  const equals = query.equals ?? [];
  const invalid = (why: string) =>
    new TallyError("CONFIG_INVALID", `The query on index "${query.index}" of ${def.name} is wrong: ${why}.`);
  if (equals.length > fields.length) {
    throw invalid(`it gives ${equals.length} values for ${fields.length} fields`);
  }
  for (const value of [...equals, query.from, query.to]) {
    if (value !== undefined && !isScalar(value)) {
      throw invalid("only text, finite numbers, true, false and null can be looked for");
    }
  }
  const limit = query.limit ?? DEFAULT_PAGE;
  if (!Number.isSafeInteger(limit) || limit < 1) throw invalid("the limit must be a whole number above 0");

  const sort = fields.slice(equals.length);
  const descending = query.order === "desc";
  const bounded = query.from !== undefined || query.to !== undefined;
  const first = sort[0];
  if (bounded && first === undefined) throw invalid("there is no field left for `from` and `to`");

  const fixed = equals.map((value, i): Condition => ({ field: fields[i]!, op: "=", value }));
  const plan = { sort, descending, limit };
  if (query.to === null) return { ...plan, segments: [] };
  if (first === undefined)
    return { ...plan, segments: query.after === undefined ? [{ conditions: fixed }] : [] };

  const bounds: Condition[] = [];
  if (query.from !== undefined && query.from !== null) {
    bounds.push({ field: first, op: ">=", value: query.from });
  }
  if (query.to !== undefined) bounds.push({ field: first, op: "<", value: query.to });
  const nullsIn = first !== "id" && (!bounded || query.from === null);
  const nulls: Segment = { conditions: [...fixed, { field: first, op: "=", value: null }] };

  if (query.after === undefined) {
    const values: Segment = { conditions: [...fixed, ...bounds] };
    if (!nullsIn || bounds.length === 0) return { ...plan, segments: [values] };
    return { ...plan, segments: descending ? [values, nulls] : [nulls, values] };
  }

  const after = decodeCursor(query.after, def, query.index, descending, sort.length);
  if (after === undefined) throw invalid("`after` was not given out by this query");
  const lead = after[0]!;
  const keyset = { fields: sort, values: after };
  if (lead === null) {
    const rest: Segment = { ...nulls, keyset: { fields: sort.slice(1), values: after.slice(1) } };
    if (descending || !nullsIn) return { ...plan, segments: nullsIn ? [rest] : [] };
    const values: Segment = {
      conditions: [...fixed, ...(bounds.length > 0 ? bounds : [notNull(first)])],
    };
    return { ...plan, segments: [rest, values] };
  }
  const start: Condition = { field: first, op: descending ? "<=" : ">=", value: lead };
  const values: Segment = { conditions: [...fixed, ...bounds, start], keyset };
  return { ...plan, segments: descending && nullsIn ? [values, nulls] : [values] };
}

function notNull(field: string): Condition {
  return { field, op: "notNull", value: null };
}

/** The fields of an index in order, the id last. */
export function indexFields(def: CollectionDef<Doc>, name: string): string[] {
  if (name === "id") return ["id"];
  const index = def.indexes.find((candidate) => candidate.name === name);
  if (index === undefined) {
    const known = ["id", ...def.indexes.map((candidate) => candidate.name)].join(", ");
    throw new TallyError("CONFIG_INVALID", `${def.name} has no index "${name}". It has: ${known}.`);
  }
  return [...index.fields.filter((field) => field !== "id"), "id"];
}

/** Where the page after this document begins: the values the order is made of, and what they belong to. */
export function encodeCursor(doc: Doc, def: CollectionDef<Doc>, query: RangeQuery, plan: RangePlan): string {
  const record = doc as unknown as Record<string, Scalar | undefined>;
  const values = plan.sort.map((field) => record[field] ?? null);
  const text = JSON.stringify([def.name, query.index, plan.descending ? 1 : 0, ...values]);
  return Buffer.from(text).toString("base64url");
}

function decodeCursor(
  text: string,
  def: CollectionDef<Doc>,
  index: string,
  descending: boolean,
  length: number,
): Scalar[] | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!Array.isArray(parts) || parts.length !== length + 3) return undefined;
  const [name, ofIndex, order, ...values] = parts as unknown[];
  if (name !== def.name || ofIndex !== index || order !== (descending ? 1 : 0)) return undefined;
  if (typeof values.at(-1) !== "string") return undefined;
  return values.every(isScalar) ? values : undefined;
}

/** May this value be compared in a query? */
export function isScalar(value: unknown): value is Scalar {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  return typeof value === "number" && Number.isFinite(value);
}
