import type { Document, Filter, IndexDescription, Sort } from "mongodb";
import type { CollectionDef, Doc, Scalar } from "../port";
import type { Condition, RangePlan, Segment } from "../query";
import type { StoredDocument } from "./codec";

/** Range plans as MongoDB filters and sorts. */

/** What a field is called in MongoDB. */
export function fieldName(field: string): string {
  return field === "id" ? "_id" : field;
}

/** The filter of one segment. */
export function filterOf(segment: Segment, descending: boolean): Filter<StoredDocument> {
  const parts = segment.conditions.map(conditionOf);
  if (segment.keyset) parts.push(keysetOf(segment.keyset.fields, segment.keyset.values, descending));
  if (parts.length === 0) return {};
  return parts.length === 1 ? parts[0]! : { $and: parts };
}

/** The sort of a plan. */
export function sortOf(plan: RangePlan): Sort {
  return Object.fromEntries(plan.sort.map((field) => [fieldName(field), plan.descending ? -1 : 1]));
}

/** The indexes of a collection; the fields are part of the name, so that a changed definition gets a new index. */
export function indexesOf(def: CollectionDef<Doc>): IndexDescription[] {
  return def.indexes.map((index) => {
    const fields = index.fields.filter((field) => field !== "id");
    return {
      name: `${index.name}__${fields.join("_")}`,
      key: Object.fromEntries([...fields, "_id"].map((field) => [field, 1])),
    };
  });
}

/** `{ field: null }` holds for a missing field too, and a comparison only for values of the bound's own type. */
function conditionOf({ field, op, value }: Condition): Document {
  switch (op) {
    case "=":
      return { [fieldName(field)]: value };
    case "notNull":
      return { [fieldName(field)]: { $ne: null } };
    case ">=":
      return { [fieldName(field)]: { $gte: value } };
    case "<":
      return { [fieldName(field)]: { $lt: value } };
    case "<=":
      return { [fieldName(field)]: { $lte: value } };
  }
}

/** (a, b, id) after (x, y, z): a > x, or a = x and b > y, or a = x and b = y and id > z; null is the least value. */
function keysetOf(fields: string[], values: Scalar[], descending: boolean): Document {
  const alternatives: Document[] = [];
  fields.forEach((field, i) => {
    const value = values[i]!;
    const key = fieldName(field);
    const equal: Document[] = fields.slice(0, i).map((before, j) => ({ [fieldName(before)]: values[j]! }));
    if (value === null) {
      if (!descending) alternatives.push(all([...equal, { [key]: { $ne: null } }]));
      return;
    }
    alternatives.push(all([...equal, { [key]: descending ? { $lt: value } : { $gt: value } }]));
    if (descending && field !== "id") alternatives.push(all([...equal, { [key]: null }]));
  });
  return alternatives.length === 1 ? alternatives[0]! : { $or: alternatives };
}

function all(parts: Document[]): Document {
  return parts.length === 1 ? parts[0]! : { $and: parts };
}
